// Quantisation of single layers, given the formats of their input and output.
// SPDX-License-Identifier: MIT
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/model/program.h"

namespace quench {

// Formats without a name.
QValue code_value(int length, int bits, bool is_signed, double scale);
QValue energy_value(int length);

// What codes between layers look like: signed around 0, unsigned from 0 on, or unsigned with a zero point.
enum class Coding { symmetric, non_negative, affine };

// Codes that reach low and high, or 0 where that is farther.
QValue code_for(int length, double low, double high, int bits, Coding, bool power_of_two);
Coding coding_of(const QValue&);

struct LinearSettings {
  int bits;
  bool per_channel, power_of_two;
  std::string multiplier;
  bool symmetric = true;                  // false: codes with a zero point, so that the weights' range may be one-sided
  std::vector<double> weight_scale = {};  // [rows] or [1]; empty: follows from the largest weights
};

// Column k of the input stands for (code - zero) * column_scale[k]; columns are rescaled to the input's one scale
// before rounding, so that parts of a concatenation keep their resolution. slope: of the fused activation below zero (0
// ReLU, 1 none).
QLinear quantize_linear(const Linear&, const QValue& input, const std::vector<double>& column_scale,
                        const QValue& output, double slope, const LinearSettings&, const std::string& where);
// The same into q, whose memory is reused.
void quantize_linear(const Linear&, const QValue& input, const std::vector<double>& column_scale, const QValue& output,
                     double slope, const LinearSettings&, const std::string& where, QLinear& q);

// total = f(value of the code) * E; f is at least 0 and grows.
QFraction fraction_of_energy(const QValue& code, const std::string& function, const std::function<double(double)>& f,
                             const std::string& where);
// Fractions sigmoid(code) of what is left, in units of 2^-32.
QFractionTable logistic_table(const QValue& code, double tolerance);

}  // namespace quench
