// What sparse kernels share: N neighbouring weights that are stored together, times their inputs.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "cursor.h"
#include "requantize.h"

namespace quench {

// Adds the next N weights times inputs column .. column + N - 1; a row's last block ends with the row.
template <int N, class A, class W, class X>
inline void add_block(A& sum, Cursor<W>& weight, const X* x, int32_t column, int32_t columns) {
  const int32_t end = N == 1 || column + N < columns ? column + N : columns;
  for (int32_t k = column; k < end; ++k) sum += static_cast<A>(x[k]) * static_cast<A>(weight.next());
}

}  // namespace quench
