// y = requantise(W x + b), W dense and row-major; A is the accumulator, as wide as the range proof asks.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "cursor.h"
#include "requantize.h"

namespace quench {

template <class A, class W, class B, class Q>
struct DenseLinear {
  int32_t rows, columns;
  W weight;  // [rows][columns]
  B bias;    // [rows]
  Q requantize;
};

// Whole numbers, four rows at a time: each input is read once for four products.
template <class A, class W, class B, class Q, class X, class Y>
inline void run(const DenseLinear<A, const W*, B, Q>& op, const X* x, Y* y) {
  const int32_t n = op.columns, blocked = op.rows & ~int32_t{3};
  for (int32_t r = 0; r < blocked; r += 4) {
    const W* w0 = op.weight + r * n;
    const W* w1 = w0 + n;
    const W* w2 = w1 + n;
    const W* w3 = w2 + n;
    A s0 = load(op.bias, r), s1 = load(op.bias, r + 1), s2 = load(op.bias, r + 2), s3 = load(op.bias, r + 3);
    for (int32_t k = 0; k < n; ++k) {
      const A v = x[k];
      s0 += v * load(w0, k);
      s1 += v * load(w1, k);
      s2 += v * load(w2, k);
      s3 += v * load(w3, k);
    }
    y[r] = static_cast<Y>(requantize(s0, op.requantize, r));
    y[r + 1] = static_cast<Y>(requantize(s1, op.requantize, r + 1));
    y[r + 2] = static_cast<Y>(requantize(s2, op.requantize, r + 2));
    y[r + 3] = static_cast<Y>(requantize(s3, op.requantize, r + 3));
  }
  for (int32_t r = blocked; r < op.rows; ++r) {
    A sum = load(op.bias, r);
    for (int32_t k = 0; k < n; ++k) sum += static_cast<A>(x[k]) * load(op.weight, r * n + k);
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

// Fields of bits: a row need not begin at a byte.
template <class A, int N, class B, class Q, class X, class Y>
inline void run(const DenseLinear<A, SignedBits<N>, B, Q>& op, const X* x, Y* y) {
  Cursor<SignedBits<N>> weight(op.weight);
  for (int32_t r = 0; r < op.rows; ++r) {
    A sum = load(op.bias, r);
    for (int32_t k = 0; k < op.columns; ++k) sum += static_cast<A>(x[k]) * weight.next();
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

}  // namespace quench
