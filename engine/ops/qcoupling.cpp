// The factors of integer couplings, and how exactly two of them undo each other.
// SPDX-License-Identifier: MIT
#include "engine/ops/qcoupling.h"

#include <algorithm>
#include <cmath>

namespace quench {

Couple view(const QCoupling& op) {
  return {op.width,
          op.begin,
          op.length,
          op.inverse,
          op.shift,
          op.unit,
          {op.factor.lowest, op.factor.interpolation_bits, op.factor.value.empty() ? nullptr : op.factor.value.data()},
          op.low,
          op.high};
}

FactorRange factor_range(const QCoupling& op, std::int32_t lowest, std::int32_t highest) {
  if (op.factor.value.empty()) return {std::uint32_t{1} << op.unit, std::uint32_t{1} << op.unit};
  const FractionTable table = view(op).table;
  FactorRange range{0xffffffffu, 0};
  for (std::int32_t q = lowest; q <= highest; ++q) {
    const std::uint32_t g = fraction(table, q);
    range = {std::min(range.low, g), std::max(range.high, g)};
  }
  return range;
}

std::int64_t round_trip_error(const QCoupling& op, std::int32_t lowest, std::int32_t highest) {
  if (op.factor.value.empty()) return 0;
  const FactorRange g = factor_range(op, lowest, highest);
  const double one = std::exp2(op.unit);
  const double back = op.inverse ? one / g.low : g.high / one;
  return static_cast<std::int64_t>(std::floor(0.5 * back + 0.5));
}

QFractionTable tabulate_factor(double step, std::int32_t lowest, std::int32_t highest, int unit) {
  return tabulate_fraction("exp(-2 tanh(x / 2))", lowest, highest, 5e-4,
                           [&](std::int32_t q) { return std::ldexp(std::exp(-2 * std::tanh(0.5 * q * step)), unit); });
}

}  // namespace quench
