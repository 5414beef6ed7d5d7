// The portable matrix product, and the choice of kernel and of the threads' shares.
// SPDX-License-Identifier: MIT
#include "engine/tensor/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "engine/core/parallel_for.h"

namespace quench {

void detail::matmul_portable(const MatmulBlock& block) {
  for (int i = 0; i < block.m; ++i)
    for (int j = 0; j < block.n; ++j) {
      float* c = block.c + i * block.stride + j;
      const float* a = block.a.data + i * block.a.row;
      const float* b = block.b.data + j * block.b.column;
      const Start& start = block.start;
      float sum = start.kind == Start::Kind::sum ? *c : start.kind == Start::Kind::bias ? start.bias[j] : 0.0f;
      for (int k = 0; k < block.k; ++k) sum = std::fma(a[k * block.a.column], b[k * block.b.row], sum);
      *c = sum;
    }
}

void matmul(MatrixView a, MatrixView b, int m, int n, int k, Start start, float* c, int threads, Kernels kernels) {
  const auto run = kernels == Kernels::fastest && detail::has_avx2() ? detail::matmul_avx2 : detail::matmul_portable;
  // The longer side of C is shared, in units of a register tile; below 2 million operations waking a thread costs more.
  constexpr std::size_t unit = 48;
  const bool by_rows = m > n;
  const std::size_t length = static_cast<std::size_t>(by_rows ? m : n);
  if (static_cast<double>(m) * n * k < 1e6) threads = 1;
  const std::size_t shares = threads > 1 ? 2 * static_cast<std::size_t>(threads) : 1;
  const std::size_t units = (length + unit - 1) / unit;
  const std::size_t grain = std::max<std::size_t>(1, (units + shares - 1) / shares) * unit;
  parallel_for(threads, length, threads > 1 ? grain : length, [&](std::size_t begin, std::size_t end) {
    const int first = static_cast<int>(begin), count = static_cast<int>(end - begin);
    if (by_rows) {
      run({{a.data + first * a.row, a.row, a.column},
           b,
           count,
           n,
           k,
           start,
           c + static_cast<std::ptrdiff_t>(first) * n,
           n});
    } else {
      const Start part{start.kind, start.bias ? start.bias + first : nullptr};
      run({a, {b.data + first * b.column, b.row, b.column}, m, count, k, part, c + first, n});
    }
  });
}

}  // namespace quench
