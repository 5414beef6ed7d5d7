// Bootstrapped Frechet distances and the kernel's sums over pairs.
// SPDX-License-Identifier: MIT
#include "engine/physics/distances.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"
#include "engine/physics/random.h"
#include "engine/tensor/matmul.h"

namespace quench {
namespace {

constexpr double kSmallestDraw = 10000, kLargestDraw = 50000;
constexpr int kDrawSizes = 10, kDrawsOfASize = 20, kKernelDraws = 10, kKernelDraw = 10000;
constexpr std::size_t kTile = 256;    // vectors of one block of kernel values
constexpr std::size_t kLanes = 8;     // partial sums that a vector unit keeps apart
constexpr std::size_t kTogether = 4;  // vectors that enter a covariance at once

enum class Draw : std::uint32_t { frechet_reference, frechet_candidate, kernel_reference, kernel_candidate };

Multiplicities drawn(int rows, int count, std::uint64_t seed, std::uint64_t number, Draw draw) {
  Multiplicities times(static_cast<std::size_t>(rows));
  Random random(seed, number, static_cast<std::uint32_t>(draw));
  for (int i = 0; i < count; ++i)
    ++times[static_cast<std::size_t>(std::uint64_t{next(random.state)} * static_cast<std::uint64_t>(rows) >> 32)];
  return times;
}

void check_samples(const char* what, const FeatureVectors& a, const FeatureVectors& b) {
  if (a.columns != b.columns)
    fail(what, ": vectors of ", a.columns, " features against ", b.columns, "; use events of one geometry");
  const int needed = events_needed(a.columns);
  if (a.rows() < needed || b.rows() < needed)
    fail(what, ": ", a.rows(), " reference and ", b.rows(), " candidate events; both need at least ", needed, " for ",
         a.columns, " features");
}

std::vector<double> largest_of(const FeatureVectors& reference) {
  std::vector<double> largest(static_cast<std::size_t>(reference.columns));
  for (std::size_t i = 0; i < reference.data.size(); ++i) {
    double& m = largest[i % largest.size()];
    m = std::max(m, std::fabs(reference.data[i]));
  }
  for (double& m : largest) m = m > 0 ? m : 1;
  return largest;
}

FeatureVectors normalised(FeatureVectors f, const std::vector<double>& largest) {
  for (std::size_t i = 0; i < f.data.size(); ++i) f.data[i] /= largest[i % largest.size()];
  return f;
}

// --- Frechet

// Upper triangle of sum over four vectors of weight x x^T.
void add_products(const double* const* x, const double* weight, SquareMatrix& sum) {
  for (std::size_t i = 0; i < sum.n; ++i) {
    const double a = weight[0] * x[0][i], b = weight[1] * x[1][i], c = weight[2] * x[2][i], d = weight[3] * x[3][i];
    double* row = sum.data.data() + i * sum.n;
    for (std::size_t j = i; j < sum.n; ++j) row[j] += (a * x[0][j] + b * x[1][j]) + (c * x[2][j] + d * x[3][j]);
  }
}

// Of vectors whose means are near 0, so that products of means take no digits away.
NormalMoments moments_of(const FeatureVectors& f, const Multiplicities& times) {
  const std::size_t d = static_cast<std::size_t>(f.columns);
  NormalMoments m{std::vector<double>(d), square_matrix(d)};
  const double* x[kTogether];
  double weight[kTogether], count = 0;
  std::size_t waiting = 0;
  for (int i = 0; i < f.rows(); ++i) {
    const double w = times[static_cast<std::size_t>(i)];
    if (w == 0) continue;
    count += w;
    for (std::size_t k = 0; k < d; ++k) m.mean[k] += w * f.row(i)[k];
    x[waiting] = f.row(i), weight[waiting] = w;
    if (++waiting < kTogether) continue;
    add_products(x, weight, m.covariance);
    waiting = 0;
  }
  if (waiting > 0) {
    for (std::size_t k = waiting; k < kTogether; ++k) x[k] = x[0], weight[k] = 0;
    add_products(x, weight, m.covariance);
  }
  for (double& v : m.mean) v /= count;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = i; j < d; ++j)
      m.covariance.at(j, i) = m.covariance.at(i, j) =
          (m.covariance.at(i, j) - count * m.mean[i] * m.mean[j]) / (count - 1);
  return m;
}

// L^T C L, C symmetric, L lower triangular.
SquareMatrix sandwich(const SquareMatrix& c, const SquareMatrix& l) {
  const std::size_t n = c.n;
  SquareMatrix cl = square_matrix(n), result = square_matrix(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t j = 0; j <= k; ++j) cl.at(i, j) += c.at(i, k) * l.at(k, j);
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = 0; i <= k; ++i)
      for (std::size_t j = 0; j <= i; ++j) result.at(i, j) += l.at(k, i) * cl.at(k, j);
  return result;
}

void shift(FeatureVectors& f, const std::vector<double>& by) {
  for (std::size_t i = 0; i < f.data.size(); ++i) f.data[i] -= by[i % by.size()];
}

// --- kernel

// The vectors that were drawn, as floats over the root of their length: products of rows are x y / features.
struct Drawn {
  Tensor vectors;             // [different ones, features]
  std::vector<float> weight;  // how often each
  double count = 0;           // sum of the weights
  double diagonal = 0;        // sum of weight k(x, x)
};

double fourth_power(double x) { return x * x * (x * x); }

Drawn drawn_vectors(const FeatureVectors& f, const Multiplicities& times) {
  Drawn d;
  const int width = f.columns;
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  for (int i = 0; i < f.rows(); ++i) {
    const std::int32_t w = times[static_cast<std::size_t>(i)];
    if (w == 0) continue;
    double square = 0;
    for (int k = 0; k < width; ++k) {
      const float x = static_cast<float>(scale * f.row(i)[k]);
      d.vectors.data.push_back(x);
      square += static_cast<double>(x) * static_cast<double>(x);
    }
    d.weight.push_back(static_cast<float>(w));
    d.count += w;
    d.diagonal += w * fourth_power(square + 1);
  }
  d.vectors.shape = {static_cast<int>(d.weight.size()), width};
  return d;
}

// Sum of weight_j value_j^4 over one row of a block.
double weighted_fourth_powers(const float* value, const float* weight, std::size_t count) {
  float lane[kLanes] = {};
  std::size_t j = 0;
  for (; j + kLanes <= count; j += kLanes)
    for (std::size_t k = 0; k < kLanes; ++k) {
      const float square = value[j + k] * value[j + k];
      lane[k] += weight[j + k] * (square * square);
    }
  double sum = 0;
  for (; j < count; ++j) sum += static_cast<double>(weight[j]) * fourth_power(static_cast<double>(value[j]));
  for (const float part : lane) sum += static_cast<double>(part);
  return sum;
}

// Sum of weight_i weight_j k(x_i, y_j) over one block of pairs.
double block_sum(const Drawn& x, std::size_t row, const Drawn& y, std::size_t column) {
  const int width = x.vectors.columns();
  const std::size_t m = std::min(kTile, x.weight.size() - row), n = std::min(kTile, y.weight.size() - column);
  const std::vector<float> ones(n, 1.0f);
  std::vector<float> value(m * n);
  matmul(matrix(x.vectors.row(static_cast<int>(row)), width),
         transposed(matrix(y.vectors.row(static_cast<int>(column)), width)), static_cast<int>(m), static_cast<int>(n),
         width, from_bias(ones.data()), value.data());
  double sum = 0;
  for (std::size_t i = 0; i < m; ++i)
    sum += static_cast<double>(x.weight[row + i]) *
           weighted_fourth_powers(value.data() + i * n, y.weight.data() + column, n);
  return sum;
}

// Over all pairs; of a sample with itself each pair of blocks is computed once.
double kernel_sum(const Drawn& x, const Drawn& y, int threads) {
  const bool itself = &x == &y;
  const std::size_t rows = (x.weight.size() + kTile - 1) / kTile, columns = (y.weight.size() + kTile - 1) / kTile;
  std::vector<double> part(rows);
  parallel_for(threads, rows, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t j = itself ? i : 0; j < columns; ++j)
        part[i] += (itself && j > i ? 2 : 1) * block_sum(x, i * kTile, y, j * kTile);
  });
  return std::accumulate(part.begin(), part.end(), 0.0);
}

// Linear between the order statistics; `sorted` is not empty.
double quantile(const std::vector<double>& sorted, double fraction) {
  const double at = fraction * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(at), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double frechet_distance(const NormalMoments& a, const NormalMoments& b) {
  double distance = 0;
  for (std::size_t i = 0; i < a.mean.size(); ++i) {
    distance += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
    distance += a.covariance.at(i, i) + b.covariance.at(i, i);
  }
  // C1 C2 has the eigenvalues of L^T C2 L, where C1 = L L^T.
  for (const double v : eigenvalues(sandwich(b.covariance, semidefinite_factor(a.covariance))))
    distance -= 2 * std::sqrt(std::max(0.0, v));
  return std::max(0.0, distance);
}

Estimate intercept_of_line(const std::vector<double>& x, const std::vector<double>& value) {
  if (x.size() != value.size() || x.size() < 3)
    fail("line: ", x.size(), " places and ", value.size(), " values; give 3 or more of both");
  const double n = static_cast<double>(x.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sx += x[i], sy += value[i], sxx += x[i] * x[i], sxy += x[i] * value[i];
  const double determinant = n * sxx - sx * sx;
  double slope = (n * sxy - sx * sy) / determinant, a = (sy - slope * sx) / n;
  if (slope < 0) {
    slope = 0, a = std::max(0.0, sy / n);
  } else if (a < 0) {
    a = 0, slope = std::max(0.0, sxy / sxx);
  }
  double residual = 0;
  for (std::size_t i = 0; i < x.size(); ++i) residual += (value[i] - a - slope * x[i]) * (value[i] - a - slope * x[i]);
  return {a, std::sqrt(residual / (n - 2) * sxx / determinant)};
}

Estimate frechet_physics_distance(const FeatureVectors& reference, const FeatureVectors& candidate, std::uint64_t seed,
                                  int threads) {
  check_samples("Frechet physics distance", reference, candidate);
  const std::vector<double> largest = largest_of(reference);
  FeatureVectors x = normalised(reference, largest), y = normalised(candidate, largest);
  const std::vector<double> centre = moments_of(x, Multiplicities(static_cast<std::size_t>(x.rows()), 1)).mean;
  shift(x, centre), shift(y, centre);
  std::vector<double> inverse, mean;
  std::vector<int> size;
  for (int k = 0; k < kDrawSizes; ++k) {
    const double step = (1 / kLargestDraw - 1 / kSmallestDraw) / (kDrawSizes - 1);
    size.push_back(static_cast<int>(1 / (1 / kSmallestDraw + k * step) + 1e-6));
    inverse.push_back(1.0 / size.back());
  }
  std::vector<double> distance(kDrawSizes * kDrawsOfASize);
  parallel_for(threads, distance.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const int n = size[i / kDrawsOfASize];
      distance[i] = frechet_distance(moments_of(x, drawn(x.rows(), n, seed, i, Draw::frechet_reference)),
                                     moments_of(y, drawn(y.rows(), n, seed, i, Draw::frechet_candidate)));
    }
  });
  for (auto from = distance.begin(); from != distance.end(); from += kDrawsOfASize)
    mean.push_back(std::accumulate(from, from + kDrawsOfASize, 0.0) / kDrawsOfASize);
  return intercept_of_line(inverse, mean);
}

double squared_mmd(const FeatureVectors& x, const Multiplicities& of_x, const FeatureVectors& y,
                   const Multiplicities& of_y, int threads) {
  const Drawn a = drawn_vectors(x, of_x), b = drawn_vectors(y, of_y);
  const auto within = [&](const Drawn& d) {
    return (kernel_sum(d, d, threads) - d.diagonal) / (d.count * (d.count - 1));
  };
  return within(a) + within(b) - 2 * kernel_sum(a, b, threads) / (a.count * b.count);
}

Estimate kernel_physics_distance(const FeatureVectors& reference, const FeatureVectors& candidate, std::uint64_t seed,
                                 int threads) {
  check_samples("kernel physics distance", reference, candidate);
  const std::vector<double> largest = largest_of(reference);
  const FeatureVectors x = normalised(reference, largest), y = normalised(candidate, largest);
  std::vector<double> values;
  for (std::uint64_t k = 0; k < kKernelDraws; ++k)
    values.push_back(squared_mmd(x, drawn(x.rows(), kKernelDraw, seed, k, Draw::kernel_reference), y,
                                 drawn(y.rows(), kKernelDraw, seed, k, Draw::kernel_candidate), threads));
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.5), 0.5 * (quantile(values, 0.83725) - quantile(values, 0.16275))};
}

}  // namespace quench
