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
  Model folded;     // without BatchNorm
  Model sparse;     // pruned and tuned
  Program dense;    // folded, quantised: what quantisation alone costs
  Program program;  // sparse, quantised
  double seconds = 0;
};

// Tuning compares standardised numbers, which only generators that quench trained have; others are pruned as they are.
bool can_be_tuned(const Model&);

Compressed compress_model(const Recipe&, const Model&, int threads);

QuantizeSettings quantize_settings(const Recipe&);
// quantize(); what saturates in a given fixed-point format is told on standard error.
Program quantized(const Model&, const std::vector<Range>&, const QuantizeSettings&);

// Set when the user pressed Ctrl-C (installs the handler at the first call).
const std::atomic<bool>& interrupted();

}  // namespace quench
