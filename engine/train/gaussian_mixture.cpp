// Gaussian and mixture: closed form, k-means++ start, expectation maximisation.
// SPDX-License-Identifier: MIT
#include "engine/train/gaussian_mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"
#include "engine/physics/random.h"
#include "engine/tensor/cholesky.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

constexpr std::size_t grain = 256;  // rows
constexpr int k_means_steps = 10;
constexpr double log_two_pi = 1.8378770664093453;

// Rows in double, standardised column by column.
struct Rows {
  std::size_t count, width;
  std::vector<double> data;             // [count, width]
  std::vector<double> mean, deviation;  // [width]

  const double* row(std::size_t i) const { return data.data() + i * width; }
};

Rows standardised(const Tensor& t) {
  Rows r{static_cast<std::size_t>(t.rows()),
         static_cast<std::size_t>(t.columns()),
         {t.data.begin(), t.data.end()},
         {},
         {}};
  if (r.count < 2) fail("mixture: ", r.count, " rows; at least 2 are needed");
  for (std::size_t j = 0; j < r.width; ++j) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < r.count; ++i) mean += r.row(i)[j];
    mean /= static_cast<double>(r.count);
    for (std::size_t i = 0; i < r.count; ++i) square += (r.row(i)[j] - mean) * (r.row(i)[j] - mean);
    const double deviation = std::sqrt(square / static_cast<double>(r.count));
    if (!(deviation > 0))
      fail("mixture: column ", j + 1, " has the same value, ", mean, ", in all ", r.count, " rows; leave it out");
    r.mean.push_back(mean), r.deviation.push_back(deviation);
    for (std::size_t i = 0; i < r.count; ++i) r.data[i * r.width + j] = (r.data[i * r.width + j] - mean) / deviation;
  }
  return r;
}

// ln(weight) - ln|L| - width / 2 ln(2 pi) of every component: ln(weight p) without the distance.
std::vector<double> log_heights(const GaussianMixture& m) {
  const auto n = static_cast<std::size_t>(m.width);
  std::vector<double> heights;
  for (const GaussianComponent& c : m.components) {
    double height = c.log_weight - 0.5 * static_cast<double>(n) * log_two_pi;
    for (std::size_t i = 0; i < n; ++i) height -= log(c.factor[i * n + i]);
    heights.push_back(height);
  }
  return heights;
}

// (x - mean)^T covariance^-1 (x - mean)
double squared_distance(const GaussianComponent& c, const double* x, std::size_t n, double* solved) {
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = x[i] - c.mean[i];
    for (std::size_t k = 0; k < i; ++k) sum -= c.factor[i * n + k] * solved[k];
    solved[i] = sum / c.factor[i * n + i];
    squares += solved[i] * solved[i];
  }
  return squares;
}

// ln p of one row; `parts` receives ln(weight p) of every component.
double log_density(const GaussianMixture& m, const std::vector<double>& heights, const double* x,
                   std::vector<double>& parts, std::vector<double>& solved) {
  const auto n = static_cast<std::size_t>(m.width);
  double highest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::size_t k = 0; k < m.components.size(); ++k) {
    parts[k] = heights[k] - 0.5 * squared_distance(m.components[k], x, n, solved.data());
    highest = std::max(highest, parts[k]);
  }
  for (const double part : parts) sum += exp(part - highest);
  return highest + log(sum);
}

// The component that rows with these shares of it have: weight, mean, covariance.
GaussianComponent weighted(const Rows& r, const double* share, std::size_t stride, double regularisation) {
  const std::size_t n = r.width;
  GaussianComponent c{0, std::vector<double>(n), std::vector<double>(n * n)};
  double total = 0;
  for (std::size_t i = 0; i < r.count; ++i) {
    total += share[i * stride];
    for (std::size_t j = 0; j < n; ++j) c.mean[j] += share[i * stride] * r.row(i)[j];
  }
  total = std::max(total, 1e-10);  // a component may lose all its rows
  for (double& m : c.mean) m /= total;
  std::vector<double> d(n);
  for (std::size_t i = 0; i < r.count; ++i) {
    const double w = share[i * stride];
    for (std::size_t j = 0; j < n; ++j) d[j] = r.row(i)[j] - c.mean[j];
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t k = 0; k <= j; ++k) c.factor[j * n + k] += w * d[j] * d[k];
  }
  for (double& v : c.factor) v /= total;
  for (std::size_t j = 0; j < n; ++j) c.factor[j * n + j] += regularisation;
  if (!cholesky(c.factor, n)) fail("mixture: a covariance is not positive definite; raise its regularisation");
  c.log_weight = log(total / static_cast<double>(r.count));
  return c;
}

double distance(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

// Every next centre is a row, drawn with a chance in proportion to its squared distance from the nearest centre.
std::vector<std::vector<double>> first_centres(const Rows& r, std::size_t k, Random& random) {
  std::vector<std::vector<double>> centres;
  std::vector<double> nearest(r.count, 1);
  while (centres.size() < k) {
    double total = 0;
    for (const double d : nearest) total += d;
    double left = uniform(random) * total;
    std::size_t chosen = 0;
    while (chosen + 1 < r.count && left >= nearest[chosen]) left -= nearest[chosen++];
    centres.emplace_back(r.row(chosen), r.row(chosen) + r.width);
    for (std::size_t i = 0; i < r.count; ++i) {
      const double d = distance(r.row(i), centres.back().data(), r.width);
      nearest[i] = centres.size() == 1 ? d : std::min(nearest[i], d);
    }
  }
  return centres;
}

// Shares [count, k] of 0 and 1: the cluster of every row after a few steps of k-means.
std::vector<double> clusters(const Rows& r, std::size_t k, Random& random) {
  std::vector<std::vector<double>> centres = first_centres(r, k, random);
  std::vector<double> share(r.count * k);
  for (int step = 0; step <= k_means_steps; ++step) {
    std::fill(share.begin(), share.end(), 0.0);
    std::vector<std::vector<double>> sums(k, std::vector<double>(r.width));
    std::vector<double> members(k);
    for (std::size_t i = 0; i < r.count; ++i) {
      std::size_t best = 0;
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < k; ++c)
        if (const double d = distance(r.row(i), centres[c].data(), r.width); d < least) least = d, best = c;
      share[i * k + best] = 1, members[best] += 1;
      for (std::size_t j = 0; j < r.width; ++j) sums[best][j] += r.row(i)[j];
    }
    for (std::size_t c = 0; c < k; ++c)
      for (std::size_t j = 0; j < r.width && members[c] > 0; ++j) centres[c][j] = sums[c][j] / members[c];
  }
  return share;
}

void maximise(GaussianMixture& m, const Rows& r, const std::vector<double>& share, double regularisation, int threads) {
  const std::size_t k = m.components.size();
  parallel_for(threads, k, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t c = begin; c < end; ++c) m.components[c] = weighted(r, share.data() + c, k, regularisation);
  });
}

// Writes each row's shares of the components; gives the mean log density.
double expect(const GaussianMixture& m, const Rows& r, std::vector<double>& share, int threads) {
  const std::size_t k = m.components.size();
  std::vector<double> densities(r.count);
  const std::vector<double> heights = log_heights(m);
  parallel_for(threads, r.count, grain, [&](std::size_t begin, std::size_t end) {
    std::vector<double> parts(k), solved(r.width);
    for (std::size_t i = begin; i < end; ++i) {
      densities[i] = log_density(m, heights, r.row(i), parts, solved);
      for (std::size_t c = 0; c < k; ++c) share[i * k + c] = exp(parts[c] - densities[i]);
    }
  });
  double sum = 0;
  for (const double d : densities) sum += d;
  return sum / static_cast<double>(r.count);
}

// Back to the columns' own units.
GaussianMixture in_units(GaussianMixture m, const Rows& r) {
  for (GaussianComponent& c : m.components)
    for (std::size_t i = 0; i < r.width; ++i) {
      c.mean[i] = r.mean[i] + r.deviation[i] * c.mean[i];
      for (std::size_t j = 0; j <= i; ++j) c.factor[i * r.width + j] *= r.deviation[i];
    }
  return m;
}

GaussianMixture fit_once(const Rows& r, const MixtureSettings& s, int start, int threads) {
  const auto k = static_cast<std::size_t>(s.components);
  Random random(stream_seed(s.seed, Use::mixture), static_cast<std::uint64_t>(start), 0);
  std::vector<double> share = clusters(r, k, random);
  GaussianMixture m{static_cast<int>(r.width), std::vector<GaussianComponent>(k)};
  maximise(m, r, share, s.regularisation, threads);
  double before = expect(m, r, share, threads);
  for (int step = 0; step < s.iterations; ++step) {
    maximise(m, r, share, s.regularisation, threads);
    const double now = expect(m, r, share, threads);
    if (now - before < s.tolerance) break;
    before = now;
  }
  return in_units(std::move(m), r);
}

}  // namespace

GaussianMixture fit_gaussian(const Tensor& rows, double regularisation) {
  const Rows r = standardised(rows);
  const std::vector<double> whole(r.count, 1);
  GaussianMixture m{static_cast<int>(r.width), {weighted(r, whole.data(), 1, regularisation)}};
  m.components[0].log_weight = 0;
  return in_units(std::move(m), r);
}

GaussianMixture fit_mixture(const Tensor& rows, const Tensor& validation, const MixtureSettings& s, int threads) {
  if (s.components < 1 || s.starts < 1 || s.components > rows.rows())
    fail("mixture: ", s.components, " components and ", s.starts, " starts for ", rows.rows(),
         " rows; at least 1 of each and no more components than rows are possible");
  const Rows r = standardised(rows);
  GaussianMixture best;
  double highest = 0;
  for (int start = 0; start < s.starts; ++start) {
    GaussianMixture m = fit_once(r, s, start, threads);
    double sum = 0;
    for (const double d : log_densities(m, validation, threads)) sum += d;
    if (start == 0 || sum > highest) best = std::move(m), highest = sum;
  }
  return best;
}

std::vector<double> log_densities(const GaussianMixture& m, const Tensor& rows, int threads) {
  if (rows.columns() != m.width) fail("mixture: of ", m.width, " columns, the rows have ", rows.columns());
  std::vector<double> result(static_cast<std::size_t>(rows.rows()));
  const std::vector<double> heights = log_heights(m);
  parallel_for(threads, result.size(), grain, [&](std::size_t begin, std::size_t end) {
    std::vector<double> parts(m.components.size()), solved(static_cast<std::size_t>(m.width));
    for (std::size_t i = begin; i < end; ++i) {
      const float* row = rows.row(static_cast<int>(i));
      const std::vector<double> x(row, row + m.width);
      result[i] = log_density(m, heights, x.data(), parts, solved);
    }
  });
  return result;
}

}  // namespace quench
