// Scales, rounding and factors of single layers.
// SPDX-License-Identifier: MIT
#include "engine/compress/quantize_layers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/error.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

double nearest(double x) { return std::floor(x + 0.5); }

// What one scale serves: the weights of a row or of all rows, 0 included, and the largest bias.
struct Extent {
  double low = 0, high = 0, bias = 0;
};

Extent joined(const Extent& a, const Extent& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high), std::max(a.bias, b.bias)};
}

std::vector<Extent> extents(const Linear& op, const std::vector<double>& factor) {
  std::vector<Extent> all(op.bias.size());
  for (std::size_t r = 0; r < all.size(); ++r) {
    const float* row = op.weight.row(static_cast<int>(r));
    for (std::size_t k = 0; k < factor.size(); ++k) {
      const double w = static_cast<double>(row[k]) * factor[k];
      all[r].low = std::min(all[r].low, w), all[r].high = std::max(all[r].high, w);
    }
    all[r].bias = std::fabs(op.bias.data[r]);
  }
  return all;
}

// Smallest scale that holds the weights in their codes and the bias in 2^30.
double weight_scale(const Extent& e, double input_scale, const LinearSettings& s) {
  const double for_weights =
      s.symmetric ? std::max(-e.low, e.high) / ((1 << (s.bits - 1)) - 1) : (e.high - e.low) / ((1 << s.bits) - 1);
  const double for_bias = e.bias / (input_scale * 1073741824.0);
  // A row without weights is its bias alone: 2^20 steps of it are exact enough for any output code.
  double scale =
      for_weights > 0 ? std::max(for_weights, for_bias) : std::max(e.bias / (input_scale * 1048576.0), 1e-12);
  return s.power_of_two ? std::exp2(std::ceil(std::log2(scale) - 1e-9)) : scale;
}

// Of affine weights: where 0 is among the codes. A scale too small for all weights loses as much at either end.
std::int32_t weight_zero(const Extent& e, double scale, int bits) {
  const double steps = (1 << bits) - 1, span = std::max(e.high - e.low, 0.0);
  const double zero = span == 0 ? 0 : span <= steps * scale ? -e.low / scale : -e.low / span * steps;
  return static_cast<std::int32_t>(std::clamp(nearest(zero), 0.0, steps));
}

// Real weights times these are seen through an input with one scale.
std::vector<double> column_factors(std::size_t columns, const std::vector<double>& column_scale, double input_scale) {
  std::vector<double> factor(columns);
  for (std::size_t k = 0; k < columns; ++k) factor[k] = column_scale[k % column_scale.size()] / input_scale;
  return factor;
}

double scale_of(const QLinear& q, std::size_t row) { return q.weight_scale[q.weight_scale.size() > 1 ? row : 0]; }

void set_codes(const Linear& op, const std::vector<double>& factor, QLinear& q) {
  const std::size_t columns = factor.size(), rows = static_cast<std::size_t>(q.rows);
  q.weight.resize(rows * columns);
  vector_loop([&] {
    const double* f = factor.data();
    for (std::size_t r = 0; r < rows; ++r) {
      const Interval range = code_range(q, r);
      const double scale = scale_of(q, r), low = static_cast<double>(range.low), high = static_cast<double>(range.high);
      const float* from = op.weight.data.data() + r * columns;
      std::int16_t* to = q.weight.data() + r * columns;
      for (std::size_t k = 0; k < columns; ++k)
        to[k] = static_cast<std::int16_t>(std::clamp(nearest(static_cast<double>(from[k]) * f[k] / scale), low, high));
    }
  });
}

void set_scales(const Linear& op, const std::vector<double>& factor, double input_scale, const LinearSettings& s,
                QLinear& q) {
  q.weight_scale = s.weight_scale, q.weight_zero.clear();
  std::vector<Extent> all;
  if (!s.symmetric || s.weight_scale.empty()) all = extents(op, factor);  // not at every step of a tuning
  if (!s.per_channel || s.weight_scale.size() == 1) all = {std::accumulate(all.begin(), all.end(), Extent{}, joined)};
  if (q.weight_scale.empty())
    for (const Extent& e : all) q.weight_scale.push_back(weight_scale(e, input_scale, s));
  if (!s.per_channel) q.weight_scale = {*std::max_element(q.weight_scale.begin(), q.weight_scale.end())};
  if (s.symmetric) return;
  for (std::size_t k = 0; k < all.size(); ++k) q.weight_zero.push_back(weight_zero(all[k], q.weight_scale[k], s.bits));
}

void set_biases(const Linear& op, const QValue& input, const std::string& where, QLinear& q) {
  q.bias.clear();
  const std::int16_t* code = q.weight.data();
  for (std::size_t r = 0; r < op.bias.size(); ++r, code += q.columns) {
    const std::int64_t sum = std::accumulate(code, code + q.columns, std::int64_t{0});
    const double bias =
        nearest(op.bias.data[r] / (input.scale * scale_of(q, r))) - static_cast<double>(input.zero * sum);
    if (std::fabs(bias) > 2147483647.0)
      fail(where, ": the bias of row ", r, " needs ", bias,
           " steps, 32 bits hold 2147483647; give the weights or the values they read fewer bits");
    q.bias.push_back(static_cast<std::int32_t>(bias));
  }
}

// slope: below zero; of 0 and 1 there is no pair of its own.
void set_factors(const QValue& input, const QValue& output, double slope, const std::string& kind,
                 const std::string& where, QLinear& q) {
  Requantization& to = q.requantize;
  to.kind = kind;
  to.multiplier.clear(), to.shift.clear(), to.negative_multiplier.clear(), to.negative_shift.clear();
  const bool pairs = slope != 0 && slope != 1;
  const std::string below = pairs ? where + " (slope " + std::to_string(slope) + " below zero)" : "";
  for (double scale : q.weight_scale) {
    const double factor = input.scale * scale / output.scale;
    const Factor f = closest_factor(factor, kind, where);
    to.multiplier.push_back(f.multiplier), to.shift.push_back(f.shift);
    if (!pairs) continue;
    const Factor g = closest_factor(factor * slope, kind, below);
    to.negative_multiplier.push_back(g.multiplier), to.negative_shift.push_back(g.shift);
  }
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

void quantize_linear(const Linear& op, const QValue& input, const std::vector<double>& column_scale,
                     const QValue& output, double slope, const LinearSettings& s, const std::string& where,
                     QLinear& q) {
  q.rows = op.weight.rows(), q.columns = op.weight.columns(), q.weight_bits = s.bits;
  if (q.columns != input.length) fail(where, ": ", q.columns, " columns for an input of ", input.length, " elements");
  const std::size_t columns = static_cast<std::size_t>(q.columns), rows = static_cast<std::size_t>(q.rows);
  const std::vector<float>& weight = op.weight.data;
  if (std::all_of(weight.begin(), weight.end(), [](float x) { return x == 0; }))
    fail(where, ": all ", weight.size(), " weights are zero; prune less");
  const std::vector<double> factor = column_factors(columns, column_scale, input.scale);
  if (!s.weight_scale.empty() && s.weight_scale.size() != 1 && s.weight_scale.size() != rows)
    fail(where, ": ", s.weight_scale.size(), " weight scales for ", rows, " rows; 1 or ", rows, " are needed");
  if (!s.symmetric && s.bits > 15)
    fail(where, ": affine weights of ", s.bits, " bits, less their zero point, leave 16; at most 15 exist");
  set_scales(op, factor, input.scale, s, q);
  set_codes(op, factor, q);
  set_biases(op, input, where, q);
  const Interval proof = accumulator_interval(q, input.low, input.high);
  q.accumulator_low = proof.low, q.accumulator_high = proof.high;
  const std::int64_t reach = std::max(-proof.low, proof.high);
  if (reach >= std::int64_t{1} << 47)
    fail(where, ": the accumulator reaches ", reach, ", more than the 48 bits that exist; use fewer bits");
  const bool narrow = reach > 2147483647 && s.multiplier == "wide";
  set_factors(input, output, slope, narrow ? "narrow" : s.multiplier, where, q);
  q.requantize.zero = output.zero;
  q.requantize.low = slope == 0 ? output.zero : static_cast<std::int32_t>(output.low);
  q.requantize.high = static_cast<std::int32_t>(output.high);
}

QLinear quantize_linear(const Linear& op, const QValue& input, const std::vector<double>& column_scale,
                        const QValue& output, double slope, const LinearSettings& s, const std::string& where) {
  QLinear q;
  quantize_linear(op, input, column_scale, output, slope, s, where, q);
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
