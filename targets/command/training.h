// The training stage: one recipe, one of the families, one deployable model.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/core/recipe.h"
#include "engine/model/model.h"
#include "targets/command/pipeline.h"

namespace quench {

struct LossCurve {
  std::string name;
  std::vector<double> step, value;
};

struct Trained {
  Model model;                    // deployed: latent and incident energy in, voxels in MeV out
  std::optional<Model> flow;      // flow: its own sampling direction, deployed
  std::optional<Model> density;   // flow: standardised numbers in, ln p out
  std::int64_t steps = 0;         // done
  std::vector<LossCurve> curves;  // of this session's steps
  std::string loss;               // what the curves show
  double seconds = 0;
  bool finished = true;  // false: interrupted, the checkpoint holds the state
};

// Trains with a checkpoint in the file `checkpoint`; resume continues from it.
Trained train_model(const Recipe&, const Data&, const std::string& checkpoint, bool resume, int threads);

}  // namespace quench
