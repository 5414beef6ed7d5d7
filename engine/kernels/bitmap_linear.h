// y = requantise(W x + b), W sparse: a bit for every N neighbouring columns says whether their weights are there.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "block.h"

namespace quench {

// Rows run through: the bits of a row follow those of the row before, lowest bit first, ceil(columns / N) each.
template <class A, int N, class W, class B, class Q>
struct BitmapLinear {
  int32_t rows, columns;
  const uint8_t* mask;
  W weight;  // [set bits][N, or what is left of the row]
  B bias;    // [rows]
  Q requantize;
};

template <class A, int N, class W, class B, class Q, class X, class Y>
inline void run(const BitmapLinear<A, N, W, B, Q>& op, const X* x, Y* y) {
  const int32_t blocks = (op.columns + N - 1) / N;
  Cursor<W> weight(op.weight);
  uint8_t bits = 0;  // of block k and those behind it, up to block `end`
  for (int32_t r = 0, k = 0, end = 0, byte = 0; r < op.rows; ++r, k -= blocks, end -= blocks) {
    A sum = static_cast<A>(load(op.bias, r));
    for (;;) {
      for (; bits != 0; ++k, bits = static_cast<uint8_t>(bits >> 1)) {
        if ((bits & 1) == 0) continue;
        if (k >= blocks) break;  // of the next row
        add_block<N>(sum, weight, x, N * k, op.columns);
      }
      if (bits != 0 || end >= blocks) break;
      bits = load(op.mask, byte++);
      k = end;
      end += 8;
    }
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

}  // namespace quench
