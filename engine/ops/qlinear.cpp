// The integer twin of Linear: its codes' range and its range proof.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>

#include "engine/ops/linear.h"
#include "engine/tensor/vector_for.h"

namespace quench {

Interval code_range(const QLinear& op, std::size_t row) {
  if (op.weight_zero.empty()) {
    const std::int64_t most = (std::int64_t{1} << (op.weight_bits - 1)) - 1;
    return {-most, most};
  }
  const std::int64_t zero = op.weight_zero[op.weight_zero.size() > 1 ? row : 0];
  return {-zero, (std::int64_t{1} << op.weight_bits) - 1 - zero};
}

Interval accumulator_interval(const QLinear& op, std::int64_t low, std::int64_t high) {
  Interval all{0, 0};
  const std::int64_t lowest = std::min<std::int64_t>(low, 0), highest = std::max<std::int64_t>(high, 0);
  for (std::int32_t r = 0; r < op.rows; ++r) {
    // Any order of summation stays between the sum of all negative and the sum of all positive terms.
    const std::int64_t bias = op.bias[static_cast<std::size_t>(r)];
    std::int64_t below = 0, above = 0;  // sums of the negative and of the positive weights
    const std::int16_t* w = op.weight.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(op.columns);
    vector_loop([&, columns = op.columns] {
      std::int64_t sum = 0, sizes = 0;
      for (std::int32_t k = 0; k < columns; ++k) sum += w[k], sizes += std::abs(w[k]);
      below = (sum - sizes) / 2, above = (sum + sizes) / 2;
    });
    all.low = std::min(all.low, std::min<std::int64_t>(bias, 0) + above * lowest + below * highest);
    all.high = std::max(all.high, std::max<std::int64_t>(bias, 0) + above * highest + below * lowest);
  }
  return all;
}

}  // namespace quench
