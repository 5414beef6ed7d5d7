// y = requantise(W x + b), W sparse by rows: row r holds the next count[r] weights, each with its column.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "cursor.h"
#include "requantize.h"

namespace quench {

template <class A, class N, class C, class W, class B, class Q>
struct CsrLinear {
  int32_t rows;
  N count;   // [rows]
  C column;  // [non-zeros]
  W weight;  // [non-zeros]
  B bias;    // [rows]
  Q requantize;
};

template <class A, class N, class C, class W, class B, class Q, class X, class Y>
inline void run(const CsrLinear<A, N, C, W, B, Q>& op, const X* x, Y* y) {
  Cursor<N> count(op.count);
  Cursor<C> column(op.column);
  Cursor<W> weight(op.weight);
  for (int32_t r = 0; r < op.rows; ++r) {
    A sum = static_cast<A>(load(op.bias, r));
    for (int32_t left = static_cast<int32_t>(count.next()); left > 0; --left)
      sum += static_cast<A>(x[column.next()]) * static_cast<A>(weight.next());
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

}  // namespace quench
