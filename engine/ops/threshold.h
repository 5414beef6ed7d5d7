// Read-out threshold, the last step of a shower: voxels below it are empty.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/fraction.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Threshold {  // x < mev ? 0 : x; not differentiated (it stands behind everything that is trained)
  double mev = 0.0;
};

void forward(const Threshold&, const Tensor& x, Tensor& y);

struct QThreshold {
  std::int32_t length = 0;
  std::uint32_t threshold = 0;  // in energy units
};

template <class F>
void fields(QThreshold& op, F&& f) {
  f("length", op.length), f("threshold", op.threshold);
}
template <class F>
void fields(const QThreshold& op, F&& f) {
  f("length", op.length), f("threshold", op.threshold);
}

inline Readout view(const QThreshold& op) { return {op.length, op.threshold}; }

}  // namespace quench
