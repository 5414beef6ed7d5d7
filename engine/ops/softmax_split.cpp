// SoftmaxSplit: products of shares, and back.
// SPDX-License-Identifier: MIT
#include "engine/ops/softmax_split.h"

#include <numeric>

#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 64;  // events

}  // namespace

Softmax heads_softmax(const SoftmaxSplit& op) {
  Softmax groups{{1, static_cast<int>(op.layer_voxels.size())}};
  groups.group_sizes.insert(groups.group_sizes.end(), op.layer_voxels.begin(), op.layer_voxels.end());
  return groups;
}

int heads_width(const SoftmaxSplit& op) {
  return 1 + std::accumulate(op.layer_voxels.begin(), op.layer_voxels.end(), static_cast<int>(op.layer_voxels.size()));
}

void forward(const SoftmaxSplit& op, const Tensor& s, const Tensor& energy, Tensor& y, std::vector<Tensor>& saved,
             int threads) {
  const int layers = static_cast<int>(op.layer_voxels.size());
  saved.resize(1);
  forward(heads_softmax(op), s, saved[0], threads);
  resize(y, s.rows(), s.columns() - 1 - layers);
  for_rows(threads, s.rows(), grain, [&](int i) {
    const float* share = saved[0].row(i) + 1;
    const float* part = share + layers;
    float* voxel = y.row(i);
    const double total = static_cast<double>(energy.data[static_cast<std::size_t>(i)]) * op.total_scale *
                         static_cast<double>(sigmoid(s.row(i)[0]));
    for (const int parts : op.layer_voxels) {
      const double layer_energy = total * static_cast<double>(*share++);
      for (int k = 0; k < parts; ++k) *voxel++ = static_cast<float>(layer_energy * static_cast<double>(*part++));
    }
  });
}

// With g_j = dL / d ln(voxel j): a logit of share p gets (g of its own part) - p x (g of its whole group).
void backward(const SoftmaxSplit& op, const Tensor& s, const Tensor& energy, const Tensor& y,
              const std::vector<Tensor>& saved, const Tensor& dy, Tensor* ds, Tensor* d_energy, int threads) {
  const int layers = static_cast<int>(op.layer_voxels.size());
  if (ds) resize(*ds, s.rows(), s.columns());
  if (d_energy) resize(*d_energy, s.rows(), 1);
  for_rows(threads, s.rows(), grain, [&](int i) {
    const float *share = saved[0].row(i), *voxel = y.row(i), *slope = dy.row(i);
    float* to = ds ? ds->row(i) : nullptr;
    float all = 0;
    for (int layer = 0, first = 0; layer < layers; ++layer) {
      const int parts = op.layer_voxels[static_cast<std::size_t>(layer)], place = 1 + layers + first;
      float of_layer = 0;
      for (int k = first; k < first + parts; ++k) of_layer += slope[k] * voxel[k];
      if (to) {
        for (int k = 0; k < parts; ++k)
          to[place + k] = slope[first + k] * voxel[first + k] - share[place + k] * of_layer;
        to[1 + layer] = of_layer;
      }
      all += of_layer, first += parts;
    }
    if (to) {
      for (int layer = 1; layer <= layers; ++layer) to[layer] -= share[layer] * all;
      to[0] = all * sigmoid(-s.row(i)[0]);
    }
    if (d_energy) d_energy->data[static_cast<std::size_t>(i)] = all / energy.data[static_cast<std::size_t>(i)];
  });
}

}  // namespace quench
