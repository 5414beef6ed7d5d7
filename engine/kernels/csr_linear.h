// y = requantise(W x + b), W sparse by rows: row r holds weight[k] at column[k], row_begin[r] <= k < row_begin[r + 1].
// SPDX-License-Identifier: MIT-0
#pragma once
#include "requantize.h"

namespace quench {

template <class A, class R, class C, class W, class M> struct CsrLinear {
  int32_t rows;
  const R* row_begin;   // [rows + 1]
  const C* column;      // [non-zeros]
  const W* weight;      // [non-zeros]
  const int32_t* bias;  // [rows]
  Requantize<M> requantize;
};

template <class A, class R, class C, class W, class M, class X, class Y>
inline void run(const CsrLinear<A, R, C, W, M>& op, const X* x, Y* y) {
  int32_t k = static_cast<int32_t>(load(op.row_begin, 0));
  for (int32_t r = 0; r < op.rows; ++r) {
    A sum = load(op.bias, r);
    const int32_t end = static_cast<int32_t>(load(op.row_begin, r + 1));
    for (; k < end; ++k) sum += static_cast<A>(x[load(op.column, k)]) * load(op.weight, k);
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

}  // namespace quench
