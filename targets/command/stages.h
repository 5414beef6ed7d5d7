// The stages of compression, in the order of the recipe, each from one state to the next.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/core/span.h"
#include "engine/model/program.h"
#include "targets/command/pipeline.h"

namespace quench {

struct Compressed {
  Model folded;     // without BatchNorm, equalised if the recipe says so
  Program program;  // behind the last stage, quantised
  double seconds = 0;
};

// What a critic (compress.alpha below 1) learns from and compress.occupancy counts empty layers in, and a critic that
// knows it already; without one it starts anew.
struct RealData {
  const Data* showers = nullptr;
  const Model* critic = nullptr;
};

// Folds, goes through compression_stages(), makes integers; a fixed-point format's saturation is told on standard
// error. Fails when a stage that the recipe names cannot work on this model.
Compressed compress_model(const Recipe&, const Model&, Span<const Tensor> inputs, const RealData&, int threads);

// The folded model in integers as it is, neither pruned nor tuned: what quantisation alone costs.
Program quantized_alone(const Recipe&, const Model& folded, Span<const Tensor> inputs, const RealData&, int threads);

}  // namespace quench
