// Targets, residuals and cross-entropies of softmax heads.
// SPDX-License-Identifier: MIT
#include "engine/train/vae_heads.h"

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16;  // events

float divided(double part, double whole) { return whole > 0 ? static_cast<float>(part / whole) : 0.0f; }

}  // namespace

Tensor head_targets(const Preprocessing& p, const Events& events, int threads) {
  const std::vector<int>& layer_voxels = p.split.layer_voxels;
  const int layers = static_cast<int>(layer_voxels.size()), width = heads_width({layer_voxels});
  if (events.showers.columns() != width - 1 - layers)
    fail("training data: showers have ", events.showers.columns(), " voxels, the geometry has ", width - 1 - layers);
  Tensor targets = zeros({events.size(), width});
  for_rows(threads, events.size(), grain, [&](int i) {
    const float* voxel = events.showers.row(i);
    float* to = targets.row(i) + 1 + layers;
    const auto energy = [&](int k) {
      const double e = static_cast<double>(voxel[k]);
      return e >= p.threshold_mev ? e : 0.0;
    };
    std::vector<double> of_layer;
    double total = 0;
    for (const int parts : layer_voxels) {
      double sum = 0;
      for (int k = 0; k < parts; ++k) sum += energy(k);
      for (int k = 0; k < parts; ++k) *to++ = divided(energy(k), sum);
      voxel += parts, total += sum;
      of_layer.push_back(sum);
    }
    to = targets.row(i);
    *to++ = divided(total, static_cast<double>(events.incident_energies.data[static_cast<std::size_t>(i)]));
    for (const double sum : of_layer) *to++ = divided(sum, total);
  });
  return targets;
}

void total_residuals(const SoftmaxSplit& op, const Tensor& s, const Tensor& targets, Tensor& rest) {
  resize(rest, s.rows(), 1);
  for (int i = 0; i < s.rows(); ++i)
    rest.row(i)[0] = targets.row(i)[0] - static_cast<float>(op.total_scale) * sigmoid(s.row(i)[0]);
}

void total_backward(const SoftmaxSplit& op, const Tensor& s, const Tensor& d_rest, Tensor& ds) {
  resize(ds, s.rows(), s.columns());
  std::fill(ds.data.begin(), ds.data.end(), 0.0f);
  for (int i = 0; i < s.rows(); ++i) {
    const float x = s.row(i)[0];
    ds.row(i)[0] = -d_rest.row(i)[0] * static_cast<float>(op.total_scale) * sigmoid(x) * sigmoid(-x);
  }
}

double shares_likelihood(const SoftmaxSplit& op, const Tensor& s, const Tensor& targets, double quanta, Tensor& ds,
                         HeadsSpace& space, int threads) {
  const std::vector<int>& sizes = space.softmax.group_sizes;
  if (sizes.empty()) space.softmax = heads_softmax(op);
  forward(space.softmax, s, space.shares, threads);
  resize(space.likelihood, s.rows(), 1);
  const float weight = static_cast<float>(quanta / s.rows());
  for_rows(threads, s.rows(), grain, [&](int i) {
    const float *share = space.shares.row(i) + 1, *fraction = targets.row(i) + 1;
    float* to = ds.row(i) + 1;
    double sum = 0;
    for (std::size_t g = 1; g < sizes.size(); ++g) {  // behind the total
      const int parts = sizes[g];
      float all = 0;  // 1, or 0 of an empty layer
      for (int k = 0; k < parts; ++k) all += fraction[k];
      for (int k = 0; k < parts; ++k) {
        if (fraction[k] > 0) sum += static_cast<double>(fraction[k] * log(share[k]));
        to[k] += weight * (all * share[k] - fraction[k]);
      }
      share += parts, fraction += parts, to += parts;
    }
    space.likelihood.row(i)[0] = static_cast<float>(sum);
  });
  double sum = 0;
  for (const float v : space.likelihood.data) sum += static_cast<double>(v);
  return quanta * sum / s.rows();
}

}  // namespace quench
