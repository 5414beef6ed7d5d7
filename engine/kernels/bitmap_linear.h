// y = requantise(W x + b), W sparse: a bit per weight says whether it is there, non-zeros follow row by row.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "requantize.h"

namespace quench {

template <class A, class W, class M>
struct BitmapLinear {
  int32_t rows, columns;
  const uint8_t* mask;  // [rows][ceil(columns / 8)], lowest bit first
  const W* weight;      // [non-zeros]
  const int32_t* bias;  // [rows]
  Requantize<M> requantize;
};

template <class A, class W, class M, class X, class Y>
inline void run(const BitmapLinear<A, W, M>& op, const X* x, Y* y) {
  int32_t byte = 0, next = 0;
  for (int32_t r = 0; r < op.rows; ++r) {
    A sum = load(op.bias, r);
    for (int32_t begin = 0; begin < op.columns; begin += 8, ++byte) {
      uint8_t bits = load(op.mask, byte);
      for (int32_t k = begin; bits != 0; ++k, bits = static_cast<uint8_t>(bits >> 1))
        if (bits & 1) sum += static_cast<A>(x[k]) * load(op.weight, next++);
    }
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

}  // namespace quench
