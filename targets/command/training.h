// The training stage: one recipe, one of the families, one deployable model.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/core/recipe.h"
#include "engine/model/model.h"
#include "engine/train/flow.h"
#include "engine/train/gan.h"
#include "targets/command/pipeline.h"

namespace quench {

struct TrainingCurve {
  std::string name, unit;
  std::vector<double> step, value;
};

struct Trained {
  Model model;                        // deployed: latent and incident energy in, voxels in MeV out
  std::optional<Model> flow;          // flow: its own sampling direction, deployed
  std::optional<Model> critic;        // gan: as its last step left it
  std::optional<Model> density;       // flow: standardised numbers in, ln p out
  std::int64_t steps = 0;             // done
  std::vector<TrainingCurve> curves;  // of this session's steps
  double seconds = 0;
  bool finished = true;  // false: interrupted, the checkpoint holds the state
};

// "x.onnx" and "density" -> "x.density.onnx".
std::string beside(const std::string& path, const std::string& what);

// Writes the model, and a flow's two directions beside it: x.density.onnx, and x.flow.onnx where the model learnt from
// it. The density's numbers are standardised (engine/train/preprocess.h).
void save_trained(const Trained&, const Recipe&, const std::string& path);

// Trains with a checkpoint in the file `checkpoint`; resume continues from it.
Trained train_model(const Recipe&, const Data&, const std::string& checkpoint, bool resume, int threads);

// What the recipe says of a GAN.
GanSettings gan_settings(const Recipe&);

// What the recipe says of a flow; first_step: columns of the first of two steps, 0 for one flow of all.
FlowSettings flow_settings(const Recipe&, int first_step);

// The flow's training with its progress and checkpoints; fills steps, curves and finished of the result. The
// checkpoint of a training that is resumed must exist.
FlowState run_flow(const FlowSettings&, const TrainingSet&, const LogEnergy* condition, const std::string& checkpoint,
                   bool resume, int threads, Trained&);

// Trains a flow on the table data.source, writes it (`out`, and its density direction beside it) and prints how well it
// does on held-out rows beside a Gaussian and a mixture of Gaussians. Gives the exit code.
int train_table(const Recipe&, const std::string& out, bool resume, int threads);

}  // namespace quench
