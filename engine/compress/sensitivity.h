// What single layers lose by fewer bits, more zeros and fewer neurons, and what of it fits a budget best.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/core/span.h"
#include "engine/model/model.h"

namespace quench {

struct LayerChoice {
  int bits = 8;         // a weight
  double sparsity = 0;  // fraction of the weights that are 0
};

struct LayerOption {
  LayerChoice choice;
  double error = 0;       // mean square change of the model's first output, relative to its mean square
  std::int64_t cost = 0;  // in the budget's unit
};

struct LayerSensitivity {
  std::string layer;
  std::vector<LayerOption> options;
};

// Bits, bytes or instructions that a Linear takes as this choice makes it.
using LayerCost = std::function<std::int64_t(const Linear&, LayerChoice)>;

// Every Linear with every choice, all other layers as they are: pruned by magnitude, rounded with the row scales of
// least square error, without tuning. inputs: as infer() takes them. The model must hold no BatchNorm.
std::vector<LayerSensitivity> sensitivity(const Model&, Span<const Tensor> inputs,
                                          const std::vector<LayerChoice>& choices, const LayerCost&, int threads = 1);

// The Linear with a choice's zeros and rounded weights.
Linear coarsened(Linear, LayerChoice);

struct Allocation {
  std::vector<std::size_t> option;  // of each layer
  double error = 0;                 // sum over the layers, as if they were independent
  std::int64_t cost = 0;
};

// From the dearest to the cheapest: the combinations that no mixture of others beats in both error and cost, that is
// the lower convex hull over all combinations (Shoham and Gersho 1988).
std::vector<Allocation> allocations(const std::vector<LayerSensitivity>&);

struct WidthOption {
  int neurons = 0;
  double error = 0;  // as that of a LayerOption
};

struct WidthSensitivity {
  std::string layer;
  std::vector<WidthOption> options;  // from all neurons, which is no error, to few
};

// Every hidden layer (neurons.h) of the model with fewer neurons, the less important ones by energy gone, all other
// layers as they are, without tuning: multiples of the power of two of which the layer has 32 to 63, of 1 where it has
// fewer neurons.
std::vector<WidthSensitivity> width_sensitivity(const Model&, Span<const Tensor> inputs, int threads = 1);

// Of a model of these widths, one for each hidden layer.
using WidthsCost = std::function<std::int64_t(const std::vector<int>&)>;

// An option of each layer, together no dearer than the limit, or the narrowest of all: step by step the layer is
// narrowed whose error grows least for what the step saves, as if the errors were independent.
std::vector<WidthOption> narrowed(const std::vector<WidthSensitivity>&, const WidthsCost&, std::int64_t limit);

}  // namespace quench
