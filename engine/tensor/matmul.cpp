// The portable matrix product, and the choice of kernel and of the threads' shares.
// SPDX-License-Identifier: MIT
#include "engine/tensor/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

// The form that this machine runs; null where it cannot.
detail::BlockProduct block_product(Kernels kernels) {
  switch (kernels) {
    case Kernels::fastest:
      for (Kernels widest : {Kernels::avx512, Kernels::avx2, Kernels::neon})
        if (const auto product = block_product(widest)) return product;
      return detail::matmul_portable;
    case Kernels::portable:
      return detail::matmul_portable;
#if defined(__x86_64__)
    case Kernels::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? detail::matmul_avx2 : nullptr;
    case Kernels::avx512:
      return __builtin_cpu_supports("avx512f") ? detail::matmul_avx512 : nullptr;
#elif defined(__aarch64__)
    case Kernels::neon:
      return detail::matmul_neon;
#endif
    default:
      return nullptr;
  }
}

}  // namespace

void detail::matmul_portable(const MatmulBlock& block) {
  for (int i = 0; i < block.m; ++i)
    for (int j = 0; j < block.n; ++j) {
      float* c = block.c + i * block.stride + j;
      const float* a = block.a.data + i * block.a.row;
      const float* b = block.b.data + j * block.b.column;
      const Start& start = block.start;
      float sum = start.kind == Start::Kind::sum ? *c : start.kind == Start::Kind::bias ? start.bias[j] : 0.0f;
      for (int k = 0; k < block.k; ++k) sum = std::fma(a[k * block.a.column], b[k * block.b.row], sum);
      const float positive = sum > 0.0f ? sum : 0.0f, negative = sum < 0.0f ? sum : 0.0f;
      const Finish& finish = block.finish;
      *c = finish.kind == Finish::Kind::none   ? sum
           : finish.kind == Finish::Kind::relu ? positive
                                               : positive + finish.slope * negative;
    }
}

float* detail::packing_space(std::size_t floats) {
  thread_local std::vector<float> buffer;  // it only grows
  if (buffer.size() < floats + 16) buffer.resize(floats + 16);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(buffer.data());
  return buffer.data() + (64 - address % 64) % 64 / sizeof(float);
}

bool has(Kernels kernels) { return block_product(kernels) != nullptr; }

void matmul(MatrixView a, MatrixView b, int m, int n, int k, Start start, float* c, int threads, Kernels kernels,
            Finish finish) {
  static const detail::BlockProduct fastest = block_product(Kernels::fastest);
  const detail::BlockProduct run = kernels == Kernels::fastest ? fastest : block_product(kernels);
  if (!run)
    fail("matmul: this machine has not got the instruction set of form ", static_cast<int>(kernels),
         " of 5; take Kernels::fastest");
  // The longer side of C is shared, in whole register tiles of every form; below 2 million operations waking a thread
  // costs more.
  const bool by_rows = m > n;
  const std::size_t length = static_cast<std::size_t>(by_rows ? m : n);
  const std::size_t unit = by_rows ? 12 : 32, least = by_rows ? 48 : 64;
  if (static_cast<double>(m) * n * k < 1e6) threads = 1;
  const std::size_t shares = threads > 1 ? 2 * static_cast<std::size_t>(threads) : 1;
  const std::size_t units = (length + unit - 1) / unit;
  const std::size_t grain = std::max(least, (units + shares - 1) / shares * unit);
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
           n,
           finish});
    } else {
      const Start part{start.kind, start.bias ? start.bias + first : nullptr};
      run({a, {b.data + first * b.column, b.row, b.column}, m, count, k, part, c + first, n, finish});
    }
  });
}

}  // namespace quench
