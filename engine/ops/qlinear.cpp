// The integer twin of Linear: its range proof.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/ops/linear.h"

namespace quench {

Interval accumulator_interval(const QLinear& op, std::int64_t low, std::int64_t high) {
  Interval all{0, 0};
  for (std::int32_t r = 0; r < op.rows; ++r) {
    // Any order of summation stays between the sum of all negative and the sum of all positive terms.
    const std::int64_t bias = op.bias[static_cast<std::size_t>(r)];
    std::int64_t negative = std::min<std::int64_t>(bias, 0), positive = std::max<std::int64_t>(bias, 0);
    const std::int16_t* w = op.weight.data() + static_cast<std::size_t>(r) * static_cast<std::size_t>(op.columns);
    for (std::int32_t k = 0; k < op.columns; ++k) {
      const std::int64_t a = w[k] * low, b = w[k] * high;
      negative += std::min<std::int64_t>({a, b, 0});
      positive += std::max<std::int64_t>({a, b, 0});
    }
    all.low = std::min(all.low, negative);
    all.high = std::max(all.high, positive);
  }
  return all;
}

}  // namespace quench
