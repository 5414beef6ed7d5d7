// Scales, rounding and factors of single layers.
// SPDX-License-Identifier: MIT
#include "engine/compress/quantize_layers.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"

namespace quench {
namespace {

double nearest(double x) { return std::floor(x + 0.5); }

// Weights seen through an input with one scale: real weight times the column's own scale over the common one.
std::vector<double> effective_weights(const Linear& op, const QValue& input, const std::vector<double>& column_scale) {
  std::vector<double> w(op.weight.data.begin(), op.weight.data.end());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] *= column_scale[i % column_scale.size()] / input.scale;
  return w;
}

// Smallest scale that holds `largest` in the symmetric range and the bias in 2^30.
double weight_scale(double largest, double bias, double input_scale, const LinearSettings& s) {
  const double for_weights = largest / ((1 << (s.bits - 1)) - 1);
  const double for_bias = std::fabs(bias) / (input_scale * 1073741824.0);
  // A row without weights is its bias alone: 2^20 steps of it are exact enough for any output code.
  double scale =
      largest > 0 ? std::max(for_weights, for_bias) : std::max(std::fabs(bias) / (input_scale * 1048576.0), 1e-12);
  return s.power_of_two ? std::exp2(std::ceil(std::log2(scale) - 1e-9)) : scale;
}

}  // namespace

QValue code_value(int length, int bits, bool is_signed, double scale) {
  const std::int64_t high = (std::int64_t{1} << (bits - (is_signed ? 1 : 0))) - 1;
  return {"", Meaning::code, length, bits, is_signed, scale, 0, is_signed ? -high - 1 : 0, high};
}

QValue code_for(int length, double low, double high, int bits, Coding coding, bool power_of_two) {
  low = std::min(low, 0.0), high = std::max(high, 0.0);
  const double steps = static_cast<double>((1 << (coding == Coding::symmetric ? bits - 1 : bits)) - 1);
  const double reach = coding == Coding::symmetric      ? std::max(-low, high)
                       : coding == Coding::non_negative ? high
                                                        : high - low;
  double scale = std::max(reach, static_cast<double>(1e-6f)) / steps;
  if (power_of_two) scale = std::exp2(std::ceil(std::log2(scale) - 1e-9));
  QValue v = code_value(length, bits, coding == Coding::symmetric, scale);
  if (coding == Coding::affine) v.zero = static_cast<std::int32_t>(std::clamp(nearest(-low / scale), 0.0, steps));
  return v;
}

Coding coding_of(const QValue& v) {
  return v.is_signed ? Coding::symmetric : v.zero == 0 ? Coding::non_negative : Coding::affine;
}

QValue energy_value(int length) { return {"", Meaning::energy, length, 32, false, 1, 0, 0, 4294967295}; }

QLinear quantize_linear(const Linear& op, const QValue& input, const std::vector<double>& column_scale,
                        const QValue& output, double slope, const LinearSettings& s, const std::string& where) {
  QLinear q;
  q.rows = op.weight.rows(), q.columns = op.weight.columns(), q.weight_bits = s.bits;
  if (q.columns != input.length) fail(where, ": ", q.columns, " columns for an input of ", input.length, " elements");
  const std::vector<double> w = effective_weights(op, input, column_scale);
  const std::size_t columns = static_cast<std::size_t>(q.columns), rows = static_cast<std::size_t>(q.rows);
  if (std::all_of(w.begin(), w.end(), [](double x) { return x == 0; }))
    fail(where, ": all ", w.size(), " weights are zero; prune less");
  const int most = (1 << (s.bits - 1)) - 1;
  if (!s.weight_scale.empty() && s.weight_scale.size() != 1 && s.weight_scale.size() != rows)
    fail(where, ": ", s.weight_scale.size(), " weight scales for ", rows, " rows; 1 or ", rows, " are needed");
  q.weight_scale = s.weight_scale;
  for (std::size_t r = 0; s.weight_scale.empty() && r < rows; ++r) {
    double largest = 0;
    for (std::size_t k = 0; k < columns; ++k) largest = std::max(largest, std::fabs(w[r * columns + k]));
    q.weight_scale.push_back(weight_scale(largest, op.bias.data[r], input.scale, s));
  }
  if (!s.per_channel) q.weight_scale = {*std::max_element(q.weight_scale.begin(), q.weight_scale.end())};
  q.requantize.kind = s.multiplier;
  for (std::size_t r = 0; r < rows; ++r) {
    const double scale = q.weight_scale[q.weight_scale.size() > 1 ? r : 0];
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < columns; ++k) {
      const double code = std::clamp<double>(nearest(w[r * columns + k] / scale), -most, most);
      q.weight.push_back(static_cast<std::int16_t>(code));
      sum += static_cast<std::int64_t>(code);
    }
    const double bias = nearest(op.bias.data[r] / (input.scale * scale)) - static_cast<double>(input.zero * sum);
    if (std::fabs(bias) > 2147483647.0)
      fail(where, ": the bias of row ", r, " needs ", bias, " steps, 32 bits hold 2147483647");
    q.bias.push_back(static_cast<std::int32_t>(bias));
  }
  const Interval proof = accumulator_interval(q, input.low, input.high);
  q.accumulator_low = proof.low, q.accumulator_high = proof.high;
  const std::int64_t reach = std::max(-proof.low, proof.high);
  if (reach >= std::int64_t{1} << 47)
    fail(where, ": the accumulator reaches ", reach, ", more than the 48 bits that exist; use fewer bits");
  if (reach > 2147483647 && q.requantize.kind == "wide") q.requantize.kind = "narrow";
  for (double scale : q.weight_scale) {
    const double factor = input.scale * scale / output.scale;
    const Factor f = closest_factor(factor, q.requantize.kind, where);
    q.requantize.multiplier.push_back(f.multiplier), q.requantize.shift.push_back(f.shift);
    if (slope == 0 || slope == 1) continue;
    const Factor g =
        closest_factor(factor * slope, q.requantize.kind, where + " (slope " + std::to_string(slope) + " below zero)");
    q.requantize.negative_multiplier.push_back(g.multiplier), q.requantize.negative_shift.push_back(g.shift);
  }
  q.requantize.zero = output.zero;
  q.requantize.low = slope == 0 ? output.zero : static_cast<std::int32_t>(output.low);
  q.requantize.high = static_cast<std::int32_t>(output.high);
  return q;
}

QFraction fraction_of_energy(const QValue& code, const std::string& function, const std::function<double(double)>& f,
                             const std::string& where) {
  const double largest = f(static_cast<double>(code.high) * code.scale);
  const int integer_bits = std::max(0, static_cast<int>(std::ceil(std::log2(largest * 1.0001))));
  if (integer_bits > 24)
    fail(where, ": the total reaches ", largest, " times the incident energy; the model has diverged");
  QFraction q;
  q.length = code.length, q.shift = static_cast<std::uint8_t>(32 - integer_bits);
  q.table = tabulate_fraction(function, static_cast<std::int32_t>(code.low), static_cast<std::int32_t>(code.high), 1e-5,
                              [&](std::int32_t c) { return std::ldexp(f(c * code.scale), q.shift); });
  return q;
}

QFractionTable logistic_table(const QValue& code, double tolerance) {
  return tabulate_fraction("logistic", static_cast<std::int32_t>(code.low), static_cast<std::int32_t>(code.high),
                           tolerance,
                           [&](std::int32_t c) { return std::ldexp(1 / (1 + std::exp(-c * code.scale)), 32); });
}

}  // namespace quench
