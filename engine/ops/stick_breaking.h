// Stick-breaking split of a shower: every part is a fraction of what is left, so the parts sum to the whole.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/kernels/fraction.h"
#include "engine/ops/table.h"
#include "engine/tensor/tensor.h"

namespace quench {

// Inputs s [events, voxels] and E [events, 1] (incident energy, MeV); output voxel energies [events, voxels] in MeV.
// s[0] = ln(sum of voxels / E); then (layers - 1) logits, layer l takes the fraction sigmoid(s) of what layers >= l
// hold; then for each layer its (voxels of the layer - 1) logits in the same way; the last part takes the rest. An
// exact bijection for positive energies. Differentiable.
struct StickBreaking {
  std::vector<int> layer_voxels;  // voxels of each layer; the sum is the width
  bool logarithmic = false;       // output ln(voxel energy / MeV) instead
};

// s [events, voxels], energy [events, 1] (MeV) -> y [events, voxels], in MeV or its logarithm.
void forward(const StickBreaking&, const Tensor& s, const Tensor& energy, Tensor& y, int threads);
// ds and d_energy: null means not wanted.
void backward(const StickBreaking&, const Tensor& s, const Tensor& energy, const Tensor& y, const Tensor& dy,
              Tensor* ds, Tensor* d_energy, int threads);

// The other direction: positive voxel energies [events, voxels] in MeV and E [events, 1] -> s [events, voxels].
Tensor stick_breaking_numbers(const StickBreaking&, const Tensor& voxels, const Tensor& incident_energy,
                              int threads = 1);

// The integer twin, in two ops. Each code is a fraction of the energy: e_i = t(x_i) E / 2^shift, saturating.
struct QFraction {
  std::int32_t length = 0;
  std::uint8_t shift = 1;
  QFractionTable table;
};

// Each group's total is split by logit codes; the last part of a group takes the rest, so parts sum to the whole
// exactly.
struct QSplit {
  std::vector<std::uint16_t> part_begin;  // [groups + 1]
  QFractionTable table;
};

template <class Q, class F>
void fraction_fields(Q& op, F&& f) {
  f("length", op.length), f("shift", op.shift);
  fraction_table_fields(op.table, f);
}
template <class F>
void fields(QFraction& op, F&& f) {
  fraction_fields(op, f);
}
template <class F>
void fields(const QFraction& op, F&& f) {
  fraction_fields(op, f);
}

template <class Q, class F>
void split_fields(Q& op, F&& f) {
  f("part_begin", op.part_begin);
  fraction_table_fields(op.table, f);
}
template <class F>
void fields(QSplit& op, F&& f) {
  split_fields(op, f);
}
template <class F>
void fields(const QSplit& op, F&& f) {
  split_fields(op, f);
}

inline FractionTable view(const QFractionTable& t) { return {t.lowest, t.interpolation_bits, t.value.data()}; }

inline Fraction view(const QFraction& op) { return {op.length, op.shift, view(op.table)}; }
inline Split view(const QSplit& op) {
  return {static_cast<std::int32_t>(op.part_begin.size()) - 1, op.part_begin.data(), view(op.table)};
}

}  // namespace quench
