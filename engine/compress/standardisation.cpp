// Tables, or Chebyshev polynomials of the condition with a Linear behind them.
// SPDX-License-Identifier: MIT
#include "engine/compress/standardisation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/core/error.h"

namespace quench {
namespace {

constexpr int most_degree = 8, nodes = 64;
constexpr std::int32_t points_a_line = 16;  // where the error between two knots is looked at
constexpr int row_bits = 32 + 40;           // of a Linear beside its weights: bias, multiplier, shift

double nearest(double x) { return std::floor(x + 0.5); }

double chebyshev(int k, double u) {
  double before = 1, now = u;
  for (int i = 1; i < k; ++i) before = std::exchange(now, 2 * u * now - before);
  return now;
}

// What a function of every column needs: its values in output codes, and how far off they may be.
struct Wanted {
  std::function<double(int, double)> of_condition;  // column, condition
  double scale;                                     // of the output codes
  std::vector<double> tolerance;                    // output codes
};

// Coefficients of T_1 .. T_degree, and of T_0 as bias: exact for polynomials, and close to the best for what is smooth.
Linear expansion(const Wanted& w, int length, int degree, double low, double high) {
  Linear op = linear(degree, length);
  constexpr double pi = 3.14159265358979323846;
  for (int j = 0; j < length; ++j) {
    std::vector<double> sum(static_cast<std::size_t>(degree) + 1);
    for (int i = 0; i < nodes; ++i) {
      const double angle = pi * (i + 0.5) / nodes;
      const double y = w.of_condition(j, 0.5 * (low + high) + 0.5 * (high - low) * std::cos(angle));
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += y * std::cos(static_cast<double>(k) * angle);
    }
    op.bias.data[static_cast<std::size_t>(j)] = static_cast<float>(sum[0] / nodes);
    for (int k = 1; k <= degree; ++k)
      op.weight.row(j)[k - 1] = static_cast<float>(2 * sum[static_cast<std::size_t>(k)] / nodes);
  }
  return op;
}

// Largest distance of shared functions and Linear from what is wanted, as a part of what is allowed.
double worst_error(const QTable& shared, const QLinear& q, const Wanted& w, const QValue& condition,
                   const std::function<double(std::int32_t)>& c_of) {
  const std::int32_t low = static_cast<std::int32_t>(condition.low), high = static_cast<std::int32_t>(condition.high);
  const std::int32_t stride = std::max<std::int32_t>(1, (1 << shared.interpolation_bits) / points_a_line);
  const std::size_t columns = static_cast<std::size_t>(q.columns);
  std::vector<std::int32_t> x(columns);
  double worst = 0;
  for (std::int32_t code = low; code <= high; code += std::min(stride, std::max(1, high - code))) {
    run(view(shared), &code, x.data());
    for (std::size_t j = 0; j < static_cast<std::size_t>(q.rows); ++j) {
      double sum = q.bias[j];
      for (std::size_t k = 0; k < columns; ++k) sum += static_cast<double>(q.weight[j * columns + k]) * x[k];
      const double y = sum * std::ldexp(q.requantize.multiplier[j], -q.requantize.shift[j]);
      const double exact = w.of_condition(static_cast<int>(j), c_of(code)) / w.scale;
      worst = std::max(worst, (std::fabs(y - exact) + 0.5) / std::max(w.tolerance[j], 1.0));
    }
    if (code == high) break;
  }
  return worst;
}

std::int64_t table_bits(const QTable& t) { return 16 * static_cast<std::int64_t>(t.value.size()); }
std::int64_t linear_bits(const QLinear& q) {
  return q.rows * (std::int64_t{q.columns} * (q.weight_bits > 8 ? 16 : q.weight_bits) + row_bits);
}

// The shared functions and Linears of fewest bits that are close enough, if they take less than `bits`.
void share(AffineLowering& a, const Wanted& mean, const Wanted& deviation, double low, double high,
           const QValue& condition, const std::function<double(std::int32_t)>& c_of, const std::string& multiplier,
           std::int64_t bits) {
  const int length = a.mean_value.length;
  const double middle = 0.5 * (low + high), reach = high > low ? 0.5 * (high - low) : 1;  // one energy: T_k(0)
  int code_bits = 0;
  while ((condition.high - condition.low) >> code_bits) ++code_bits;
  for (int degree = 1; degree <= most_degree; ++degree) {
    const QValue value = code_value(degree, 16, true, 1.0 / 32767);
    const std::vector<double> columns(static_cast<std::size_t>(degree), value.scale);
    for (int weight_bits : {8, 16}) {
      const auto rows = [&](const Wanted& w, const QValue& out) {
        Linear op = expansion(w, length, degree, low, high);
        // No Linear may be its biases alone: where nothing depends on the energy, a weight too small to show.
        if (std::all_of(op.weight.data.begin(), op.weight.data.end(), [](float x) { return x == 0; }))
          op.weight.data[0] = static_cast<float>(1e-9 * w.scale);
        return quantize_linear(op, value, columns, out, 1, {weight_bits, true, false, multiplier},
                               "conditional standardisation");
      };
      const QLinear of_mean = rows(mean, a.mean_value), of_deviation = rows(deviation, a.deviation_value);
      const std::int64_t in_rows = linear_bits(of_mean) + linear_bits(of_deviation);
      for (int l = std::min(code_bits - 2, 13); l >= 0; --l) {
        const std::int64_t entries =
            table_entries(static_cast<std::int32_t>(condition.low), static_cast<std::int32_t>(condition.high), l);
        if (in_rows + 16 * degree * entries >= bits) break;
        const QTable shared =
            lines("lines through Chebyshev polynomials", degree, degree, static_cast<std::int32_t>(condition.low),
                  static_cast<std::int32_t>(condition.high), -32768, 32767, l,
                  [&](int k, std::int32_t q) { return 32767 * chebyshev(k + 1, (c_of(q) - middle) / reach); });
        if (worst_error(shared, of_mean, mean, condition, c_of) > 1 ||
            worst_error(shared, of_deviation, deviation, condition, c_of) > 1)
          continue;
        bits = in_rows + table_bits(shared);
        a.shared = shared, a.shared_value = value, a.mean = of_mean, a.deviation = of_deviation;
        break;
      }
    }
  }
}

}  // namespace

AffineLowering lower_affine(const ConditionalAffine& op, int begin, int length, double low, double high,
                            const QValue& condition, const QValue& input, double of_deviation,
                            const std::string& multiplier) {
  const auto c_of = [&](std::int32_t q) { return std::clamp((q - condition.zero) * condition.scale, low, high); };
  const auto mu = [&](int j, double c) { return polynomial(op.mean, begin + j, c); };
  const auto sigma = [&](int j, double c) { return std::exp(polynomial(op.log_deviation, begin + j, c)); };
  double largest_mu = 1e-9, largest_sigma = 1e-9;
  std::vector<double> smallest_sigma(static_cast<std::size_t>(length), 1e300);
  for (int j = 0; j < length; ++j)
    for (int i = 0; i <= 64; ++i) {
      const double c = low + (high - low) * i / 64;
      largest_mu = std::max(largest_mu, std::fabs(mu(j, c)) * 1.001);
      largest_sigma = std::max(largest_sigma, sigma(j, c) * 1.001);
      double& smallest = smallest_sigma[static_cast<std::size_t>(j)];
      smallest = std::min(smallest, sigma(j, c));
    }
  AffineLowering a;
  const double x_high = input.scale * static_cast<double>(std::max(-input.low, input.high));
  a.mean_value = code_value(length, 16, true, largest_mu / 32767);
  a.deviation_value = code_value(length, 16, true, largest_sigma / 32767);
  a.scaled_value = code_value(length, 16, true, x_high * largest_sigma / 32767);
  a.sum_value = code_value(length, 16, true, (x_high * largest_sigma + largest_mu) / 32767);
  const auto q_low = static_cast<std::int32_t>(condition.low), q_high = static_cast<std::int32_t>(condition.high);
  const auto tolerance = [&](double scale) {
    std::vector<double> codes;
    for (double s : smallest_sigma) codes.push_back(of_deviation * s / scale);
    return codes;
  };
  const QTable of_mean = tabulate("mean", length, length, q_low, q_high, -32768, 32767, tolerance(a.mean_value.scale),
                                  [&](int j, std::int32_t q) { return mu(j, c_of(q)) / a.mean_value.scale; });
  const QTable of_sigma =
      tabulate("deviation", length, length, q_low, q_high, -32768, 32767, tolerance(a.deviation_value.scale),
               [&](int j, std::int32_t q) { return sigma(j, c_of(q)) / a.deviation_value.scale; });
  a.mean = of_mean, a.deviation = of_sigma;
  if (multiplier != "shift")
    share(a, {mu, a.mean_value.scale, tolerance(a.mean_value.scale)},
          {sigma, a.deviation_value.scale, tolerance(a.deviation_value.scale)}, low, high, condition, c_of, multiplier,
          table_bits(of_mean) + table_bits(of_sigma));
  const Factor product = closest_factor(input.scale * a.deviation_value.scale / a.scaled_value.scale, "wide",
                                        "conditional standardisation");
  a.multiply = {length, product.multiplier, product.shift, -32768, 32767};
  const double factor_a = a.scaled_value.scale / a.sum_value.scale, factor_b = a.mean_value.scale / a.sum_value.scale;
  int shift = 1;  // multipliers below 2^(29 - 16) keep the sum inside 32 bits
  while (shift < 30 && std::max(factor_a, factor_b) * std::exp2(shift + 1) < 8191) ++shift;
  a.add = {length,
           0,
           static_cast<std::int32_t>(nearest(factor_a * std::exp2(shift))),
           0,
           static_cast<std::int32_t>(nearest(factor_b * std::exp2(shift))),
           static_cast<std::uint8_t>(shift),
           0,
           -32768,
           32767};
  return a;
}

}  // namespace quench
