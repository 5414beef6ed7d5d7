// Stochastic EM for the model, Gibbs sampling for the voxels.
// SPDX-License-Identifier: MIT
#include "engine/train/empty_voxels.h"

#include <algorithm>
#include <cmath>

#include "engine/core/math.h"
#include "engine/core/parallel_for.h"
#include "engine/ops/sums.h"
#include "engine/physics/random.h"
#include "engine/tensor/cholesky.h"
#include "engine/train/fit_conditional.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

constexpr int iterations = 16, sweeps_of_fit = 2, sweeps = 5;
constexpr int fit_values = 250000, fewest_events = 1000, most_events = 5000;  // that the model is fitted to
constexpr int most_given = 64;  // voxels that one is drawn from: more cost time and add little
constexpr double fill_scale = 0.5;
constexpr float deepest = 12;    // ln of how far below the threshold
constexpr double ridge = 0.003;  // on unit variances: no voxel is known exactly from the others

bool empty(const EmptyVoxels& m, float voxel) { return !(static_cast<double>(voxel) >= m.threshold_mev); }

Tensor logarithms(const EmptyVoxels& m, Tensor showers) {
  for (float& v : showers.data) v = log(empty(m, v) ? static_cast<float>(m.threshold_mev) : v);
  return showers;
}

Tensor standardised(const EmptyVoxels& m, const Tensor& logarithm, const Tensor& c, int threads) {
  ConditionalAffine standardise = m.law;
  standardise.inverse = true;
  Tensor x;
  std::vector<Tensor> saved;
  forward(standardise, logarithm, c, x, saved, threads);
  return x;
}

// Draws the empty voxels of one event anew, each given all others. bound: the standardised threshold.
void sweep(const EmptyVoxels& m, const float* voxels, const float* bound, float* x, Random& random) {
  for (std::size_t j = 0; j < m.given.size(); ++j) {
    if (!empty(m, voxels[j])) continue;
    const EmptyVoxels::Conditional& given = m.given[j];
    const float* others = x + given.first;
    const float mean = lane_sum(static_cast<int>(given.weight.size()),
                                [&](int k) { return given.weight[static_cast<std::size_t>(k)] * others[k]; });
    const double below = static_cast<double>((bound[j] - mean) / given.deviation);
    x[j] = mean + given.deviation * static_cast<float>(normal_below(random, below));
  }
}

// Voxels begin .. end - 1 given those from first to last - 1, from the inverse of their covariance.
void fit_given(EmptyVoxels& m, const Tensor& x, int first, int last, int begin, int end, int threads) {
  const std::size_t n = static_cast<std::size_t>(last - first);
  Tensor block = zeros({x.rows(), last - first});
  for (int i = 0; i < x.rows(); ++i) std::copy_n(x.row(i) + first, n, block.row(i));
  std::vector<double> covariance = gram(block, threads);
  for (double& v : covariance) v /= x.rows();
  for (std::size_t k = 0; k < n; ++k) covariance[k * n + k] += ridge;
  cholesky(covariance, n);
  const std::vector<double> precision = cholesky_inverse(covariance, n, threads);
  for (int j = begin; j < end; ++j) {
    const double* row = &precision[static_cast<std::size_t>(j - first) * n];
    const double variance = 1 / row[j - first];
    EmptyVoxels::Conditional& given = m.given[static_cast<std::size_t>(j)];
    given.first = first, given.weight.assign(n, 0.0f), given.deviation = static_cast<float>(std::sqrt(variance));
    for (std::size_t k = 0; k < n; ++k)
      if (static_cast<int>(k) != j - first) given.weight[k] = static_cast<float>(-row[k] * variance);
  }
}

// Each layer given itself and the layers beside it; where those are too many, parts of it, each given itself.
void fit_given(EmptyVoxels& m, const Tensor& x, const std::vector<int>& layer_voxels, int threads) {
  int begin = 0;
  for (std::size_t l = 0; l < layer_voxels.size(); ++l) {
    const int end = begin + layer_voxels[l], first = l > 0 ? begin - layer_voxels[l - 1] : begin;
    const int last = l + 1 < layer_voxels.size() ? end + layer_voxels[l + 1] : end;
    const int parts = (layer_voxels[l] + most_given - 1) / most_given;
    if (last - first <= most_given)
      fit_given(m, x, first, last, begin, end, threads);
    else
      for (int k = 0; k < parts; ++k) {
        const int from = begin + layer_voxels[l] * k / parts, to = begin + layer_voxels[l] * (k + 1) / parts;
        fit_given(m, x, from, to, from, to, threads);
      }
    begin = end;
  }
}

// `most` rows at most, spread evenly.
Tensor spread_rows(const Tensor& t, int most) {
  const int stride = (t.rows() + most - 1) / most;
  Tensor some = zeros({(t.rows() + stride - 1) / stride, t.columns()});
  for (int i = 0; i < some.rows(); ++i) std::copy_n(t.row(i * stride), t.columns(), some.row(i));
  return some;
}

float energy_of_rank(const EmptyVoxels& m, float x, float bound) {
  const double ln_rank = ln_normal_below(static_cast<double>(x)) - ln_normal_below(static_cast<double>(bound));
  const double depth = fill_scale * std::sqrt(-2 * std::min(ln_rank, -1e-7));
  return static_cast<float>(m.threshold_mev * exp(-depth));
}

}  // namespace

EmptyVoxels fit_empty_voxels(const Tensor& all, const Tensor& all_c, const std::vector<int>& layer_voxels,
                             double threshold_mev, int degree, std::uint64_t seed, int threads) {
  const int most = std::clamp(fit_values / all.columns(), fewest_events, most_events);
  const Tensor showers = spread_rows(all, most), c = spread_rows(all_c, most);
  EmptyVoxels m;
  m.threshold_mev = threshold_mev, m.given.resize(static_cast<std::size_t>(all.columns()));
  const std::uint64_t stream = stream_seed(seed, Use::censored);
  const Tensor bound = logarithms(m, showers);
  // To start from: anything below the threshold, spread widely.
  Tensor logarithm = bound;
  for (std::size_t i = 0; i < logarithm.size(); ++i) {
    Random random(stream, i, 0);
    if (empty(m, showers.data[i])) logarithm.data[i] -= static_cast<float>(0.05 + 1.5 * std::fabs(normal(random)));
  }
  for (int k = 0; k < iterations; ++k) {
    m.law = fit_conditional(logarithm, c, degree, threads);
    Tensor x = standardised(m, logarithm, c, threads);
    fit_given(m, x, layer_voxels, threads);
    const Tensor standard_bound = standardised(m, bound, c, threads);
    parallel_for(threads, static_cast<std::size_t>(x.rows()), 64, [&](std::size_t begin, std::size_t end) {
      for (std::size_t e = begin; e < end; ++e) {
        const int i = static_cast<int>(e);
        Random random(stream, e, static_cast<std::uint32_t>(1 + k));
        for (int s = 0; s < sweeps_of_fit; ++s) sweep(m, showers.row(i), standard_bound.row(i), x.row(i), random);
      }
    });
    Tensor drawn;
    std::vector<Tensor> saved;
    forward(m.law, x, c, drawn, saved, threads);
    for (std::size_t i = 0; i < drawn.size(); ++i)
      if (empty(m, showers.data[i])) logarithm.data[i] = std::max(drawn.data[i], bound.data[i] - deepest);
  }
  return m;
}

Tensor filled(const EmptyVoxels& m, Tensor showers, const Tensor& c, std::uint64_t seed, int threads) {
  const std::uint64_t stream = stream_seed(seed, Use::fill);
  parallel_for(threads, static_cast<std::size_t>(showers.rows()), 64, [&](std::size_t begin, std::size_t end) {
    const int first = static_cast<int>(begin), count = static_cast<int>(end - begin);
    const Tensor bound = standardised(m, logarithms(m, rows_of(showers, first, count)), rows_of(c, first, count), 1);
    std::vector<float> x(m.given.size());
    for (int i = 0; i < count; ++i) {
      float* voxels = showers.row(first + i);
      const float* of_threshold = bound.row(i);
      Random random(stream, begin + static_cast<std::size_t>(i), 0);
      for (std::size_t j = 0; j < x.size(); ++j)
        x[j] = empty(m, voxels[j]) ? static_cast<float>(normal_below(random, static_cast<double>(of_threshold[j])))
                                   : of_threshold[j];
      for (int s = 0; s < sweeps; ++s) sweep(m, voxels, of_threshold, x.data(), random);
      for (std::size_t j = 0; j < x.size(); ++j)
        if (empty(m, voxels[j])) voxels[j] = energy_of_rank(m, x[j], of_threshold[j]);
    }
  });
  return showers;
}

}  // namespace quench
