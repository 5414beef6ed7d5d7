// Softmax split of a shower: the total is shared among the layers, and each layer's energy among its voxels.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/ops/softmax.h"

namespace quench {

// Inputs s [events, 1 + layers + voxels] and E [events, 1] (incident energy, MeV); output voxel energies [events,
// voxels] in MeV. The total is E total_scale sigmoid(s[0]); the softmax of s[1 .. layers] shares it among the layers,
// that of each layer's own logits the layer's energy among its voxels. The heads of May et al. 2026, arXiv:2603.13490.
// Differentiable.
struct SoftmaxSplit {
  std::vector<int> layer_voxels;
  double total_scale = 1.6;  // the largest total, in units of E
};

// The columns of s as a Softmax sees them: {1, layers, voxels of each layer}.
Softmax heads_softmax(const SoftmaxSplit&);
// Columns of s.
int heads_width(const SoftmaxSplit&);

// s [events, 1 + layers + voxels], energy [events, 1] (MeV) -> y [events, voxels], in MeV. `saved` keeps the shares,
// [events, 1 + layers + voxels] with 1 in front.
void forward(const SoftmaxSplit&, const Tensor& s, const Tensor& energy, Tensor& y, std::vector<Tensor>& saved,
             int threads);
// ds and d_energy: null means not wanted.
void backward(const SoftmaxSplit&, const Tensor& s, const Tensor& energy, const Tensor& y,
              const std::vector<Tensor>& saved, const Tensor& dy, Tensor* ds, Tensor* d_energy, int threads);

// The integer twin behind a QFraction: each group's total is shared by weights e^(code - largest code), so that the
// parts sum to the whole exactly.
struct QShareSplit {
  std::vector<std::uint16_t> part_begin;  // [groups + 1]
  QExponential table;
};

template <class Q, class F>
void share_split_fields(Q& op, F&& f) {
  f("part_begin", op.part_begin);
  exponential_fields(op.table, f);
}
template <class F>
void fields(QShareSplit& op, F&& f) {
  share_split_fields(op, f);
}
template <class F>
void fields(const QShareSplit& op, F&& f) {
  share_split_fields(op, f);
}

inline ShareSplit view(const QShareSplit& op) {
  return {static_cast<std::int32_t>(op.part_begin.size()) - 1, op.part_begin.data(), view(op.table)};
}

}  // namespace quench
