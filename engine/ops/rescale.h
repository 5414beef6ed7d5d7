// Codes of one format as codes of another, with a scale and a shift for each column: between narrow and wide, ActNorm.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/kernels/elementwise.h"
#include "engine/ops/requantization.h"

namespace quench {

// y_j = requantise(x_j + offset_j) (numerics.md section 4).
struct QRescale {
  std::int32_t length = 0;
  std::vector<std::int32_t> offset;  // [length], or empty: 0
  Requantization requantize;
};

template <class Q, class F>
void rescale_fields(Q& op, F&& f) {
  f("length", op.length), f("offset", op.offset);
  requantization_fields(op.requantize, f);
}
template <class F>
void fields(QRescale& op, F&& f) {
  rescale_fields(op, f);
}
template <class F>
void fields(const QRescale& op, F&& f) {
  rescale_fields(op, f);
}

inline Rescale<PlainRequantize> view(const QRescale& op) {
  return {op.length, op.offset.empty() ? nullptr : op.offset.data(), view(op.requantize)};
}

}  // namespace quench
