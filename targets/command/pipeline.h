// The stages of the chain, each from value to value; the verbs train, compress and run are made of them.
// SPDX-License-Identifier: MIT
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/compress/quantize.h"
#include "engine/core/recipe.h"
#include "engine/model/model.h"
#include "engine/model/program.h"
#include "engine/physics/events.h"

namespace quench {

struct Data {
  Geometry geometry;
  Events training;
  Events reference;  // held out: what everything is compared with
  Events second;     // an independent sample: the statistical floor, and the energies that are generated
  std::string origin;
};

// Simulates, or loads and splits, as the recipe says.
Data load_data(const Recipe&, int threads);

// Geometry of the recipe, with its threshold.
Geometry recipe_geometry(const Recipe&);

struct Compressed {
  Model folded;     // without BatchNorm, equalised if the recipe says so
  Model sparse;     // pruned and tuned
  Program program;  // sparse, quantised
  double seconds = 0;
};

// Tuning compares standardised numbers, which only generators that quench trained have; others are pruned as they are.
bool can_be_tuned(const Model&);

// What ranges follow from and layers are fitted to: latents, and energies of the model's range, of a seed of their own,
// so that nothing is judged on what it was fitted to.
std::vector<Tensor> calibration_inputs(const Recipe&, const Model&, int threads);

// What compress.alpha below 1 needs: real showers, and a critic that knows them already or starts anew.
struct Opponent {
  const Data* showers = nullptr;
  const Model* critic = nullptr;
};

// The stages of compression, in order, as the recipe says; a fixed-point format's saturation is told on standard error.
Compressed compress_model(const Recipe&, const Model&, Span<const Tensor> inputs, const Opponent&, int threads);

// The folded model in integers as it is, neither pruned nor tuned: what quantisation alone costs.
Program quantized_alone(const Recipe&, const Model& folded, Span<const Tensor> inputs, int threads);

// Set when the user pressed Ctrl-C (installs the handler at the first call).
const std::atomic<bool>& interrupted();

}  // namespace quench
