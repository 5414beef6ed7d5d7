// A sample's mean and its standard error.
// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace quench {

struct MeanError {
  double mean, error;  // error: the mean's standard error, 0 for a single value
};

inline MeanError mean_error(const std::vector<double>& values) {
  const double n = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  double mean = 0, squares = 0;
  for (const double v : values) mean += v;
  mean /= n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / std::max(n - 1, 1.0) / n)};
}

}  // namespace quench
