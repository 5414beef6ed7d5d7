// y = requantise(W x + b), W sparse: before every N neighbouring weights stands how many such blocks are skipped.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "block.h"

namespace quench {

// Rows run through: a gap may reach over the ends of rows, ceil(columns / N) blocks each.
template <class A, int N, class G, class W, class B, class Q>
struct GapLinear {
  int32_t rows, columns;
  int32_t steps;   // elements of gap
  int32_t escape;  // a gap of this many blocks has no weights behind it
  G gap;           // [steps]
  W weight;        // [gaps below escape][N, or what is left of the row]
  B bias;          // [rows]
  Q requantize;
};

template <class A, int N, class G, class W, class B, class Q, class X, class Y>
inline void run(const GapLinear<A, N, G, W, B, Q>& op, const X* x, Y* y) {
  const int32_t blocks = (op.columns + N - 1) / N, escape = op.escape;
  Cursor<G> gaps(op.gap);
  Cursor<W> weight(op.weight);
  // k: the block behind the last gap, as the current row counts; its weights are there unless the gap is an escape.
  for (int32_t r = 0, k = 0, gap = escape, left = op.steps; r < op.rows; ++r, k -= blocks) {
    A sum = static_cast<A>(load(op.bias, r));
    while (k < blocks) {
      if (gap != escape) add_block<N>(sum, weight, x, N * k++, op.columns);
      if (left == 0) {  // behind the last weight every row ends
        gap = escape;
        k += blocks;
      } else {
        gap = static_cast<int32_t>(gaps.next());
        k += gap;
        --left;
      }
    }
    y[r] = static_cast<Y>(requantize(sum, op.requantize, r));
  }
}

}  // namespace quench
