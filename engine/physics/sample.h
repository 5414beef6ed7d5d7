// One-dimensional samples in order: exact Wasserstein distances, means and standard deviations.
// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace quench {

// A sample in increasing order. Voxel energies: `value` holds the non-zero ones, `zeros` counts the others.
template <class T>
struct Sorted {
  std::vector<T> value;
  std::int64_t zeros = 0;

  std::int64_t size() const { return zeros + static_cast<std::int64_t>(value.size()); }
};

// NaN means "no value" and is left out.
inline Sorted<double> sorted_values(const std::vector<double>& values) {
  Sorted<double> s;
  for (double v : values)
    if (!std::isnan(v)) s.value.push_back(v);
  std::sort(s.value.begin(), s.value.end());
  return s;
}

// Integral of |F - G| over the values; 0 when one sample is empty.
template <class T>
double wasserstein(const Sorted<T>& a, const Sorted<T>& b) {
  if (a.size() == 0 || b.size() == 0) return 0;
  const double na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
  std::size_t i = 0, j = 0;
  double sum = 0, before = 0;
  if (a.zeros + b.zeros == 0) before = static_cast<double>(std::min(a.value[0], b.value[0]));
  while (i < a.value.size() || j < b.value.size()) {
    const T x = j == b.value.size() || (i < a.value.size() && a.value[i] < b.value[j]) ? a.value[i] : b.value[j];
    const double f = (static_cast<double>(a.zeros) + static_cast<double>(i)) / na;
    const double g = (static_cast<double>(b.zeros) + static_cast<double>(j)) / nb;
    sum += std::fabs(f - g) * (static_cast<double>(x) - before);
    before = static_cast<double>(x);
    while (i < a.value.size() && a.value[i] == x) ++i;
    while (j < b.value.size() && b.value[j] == x) ++j;
  }
  return sum;
}

// Its mean for samples of these sizes of one distribution, that of `reference`: sqrt(2 / pi) times the integral of
// sqrt(F (1 - F) (1/n + 1/m)), the mean of |F - G| when the difference is normal and the values are independent (voxels
// of a shower are not). 0 when one sample is empty.
template <class T>
double wasserstein_floor(const Sorted<T>& reference, const Sorted<T>& candidate) {
  if (reference.size() == 0 || candidate.size() == 0) return 0;
  const double n = static_cast<double>(reference.size()), m = static_cast<double>(candidate.size());
  double below = static_cast<double>(reference.zeros), before = 0, sum = 0;
  for (T v : reference.value) {
    const double x = static_cast<double>(v), f = below / n;
    if (below > 0) sum += std::sqrt(f * (1 - f)) * (x - before);
    before = x, ++below;
  }
  return sum * std::sqrt(2 / 3.14159265358979323846 * (1 / n + 1 / m));
}

struct MeanAndSd {
  double mean = 0, sd = 0;
};

template <class T>
MeanAndSd mean_and_sd(const Sorted<T>& s) {
  if (s.size() == 0) return {};
  const double n = static_cast<double>(s.size());
  double mean = 0, squares = 0;
  for (T v : s.value) mean += static_cast<double>(v);
  mean /= n;
  for (T v : s.value) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
  return {mean, std::sqrt((squares + static_cast<double>(s.zeros) * mean * mean) / n)};
}

}  // namespace quench
