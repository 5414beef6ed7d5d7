// Tuning while quantised, with learned steps (LSQ; Esser et al. 2020): the forward pass is the integer interpreter's.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/compress/quantize.h"
#include "engine/train/adversary.h"
#include "engine/train/tune.h"

namespace quench {

struct QuantizedStudent {
  Model model;               // deployed, without BatchNorm
  QuantizeSettings formats;  // with steps of its own for every Linear of the generator
};

// As tune(), but what learns is the student's Program: every step quantises the weights, runs the integers on the
// batch, and takes the gradient of the loss straight through every rounding; weights and outputs that are clipped have
// none. The steps of weights and of hidden outputs learn with them, unless the formats ask for powers of two. Weights
// that are 0 stay 0. quantize(model, ranges, formats) gives the codes that were trained. With settings.alpha below 1
// the student also learns to be taken for real showers, by a critic that learns beside it, on events of their energies.
QuantizedStudent tune_quantized(const Model& teacher, QuantizedStudent, const TuneSettings&, const TuneControl& = {},
                                int threads = 1, const RealShowers* = nullptr);

// A start for the steps of a row of weights as the integers see them: 2 E|w| / sqrt(largest code) over the weights that
// are not 0, at most what holds the largest weight.
double learned_step_start(const std::vector<double>& row, int bits);

}  // namespace quench
