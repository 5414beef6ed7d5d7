// Dead zones that are learned while weights are quantised: pruning and quantising in one loop.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/compress/quantize.h"

namespace quench {

// A weight closer to 0 than its layer's width has code 0, and may come back: its gradient goes straight through (as in
// CoDeQ, arXiv:2512.12981). Zones grow and shrink with the share of zeros that is wanted, a layer's the faster the less
// the loss minds: by the mean of (slope * weight)^2 / 2 over the weights just outside its zone.
class DeadZones {
 public:
  // Fraction of the steps after which `share` is reached by the cubic schedule (prune.h), and zones become zeros.
  static constexpr double learned_until = 0.6;

  // share: of zeros among all weights of the Linears, 0 < share < 1. Zones start with each layer's smallest 2 %.
  DeadZones(const Model& core, const std::vector<CodedLinear>&, double share);

  // The core whose weights inside their zones are 0.
  Model cleared(Model core) const { return clear(core, core), core; }

  // Sets to 0 what stands in `model` (moments, averages) where the weights of `core` are inside their zones.
  void clear(const Model& core, Model& model) const;

  bool holds(std::size_t layer, float weight) const { return weight < width_[layer] && weight > -width_[layer]; }

  // Moves the widths; `done`: the fraction of the steps. Gradient: with respect to the coded weights.
  void step(const Model& core, const Model& coded, const Model& gradient, double done);

 private:
  const std::vector<CodedLinear>& linears_;
  double share_;
  std::vector<float> width_;
  std::vector<double> cost_;  // averages of the last steps
};

}  // namespace quench
