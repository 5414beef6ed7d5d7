// Dense matrix products whose bytes do not depend on tiling, threads or instruction set.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>

namespace quench {

// A matrix inside a buffer: element (i, j) is data[i * row + j * column]. A transpose exchanges the two strides.
struct MatrixView {
  const float* data = nullptr;
  std::ptrdiff_t row = 0, column = 1;
};

inline MatrixView matrix(const float* data, int columns) { return {data, columns, 1}; }
inline MatrixView transposed(MatrixView m) { return {m.data, m.column, m.row}; }

enum class Kernels { fastest, portable };  // portable: std::fma loops, the definition of correct

// What a product is added to: nothing, a row of biases [columns of C], or what C holds.
struct Start {
  enum class Kind { zero, bias, sum } kind = Kind::zero;
  const float* bias = nullptr;
};

inline Start from_zero() { return {}; }
inline Start from_bias(const float* bias) { return {Start::Kind::bias, bias}; }
inline Start from_sum() { return {Start::Kind::sum, nullptr}; }

// C[i, j] = start + A[i, 0] B[0, j] + ... + A[i, k - 1] B[k - 1, j] for row-major C [m, n]. Every element is ONE chain
// of fused multiply-adds in increasing k.
void matmul(MatrixView a, MatrixView b, int m, int n, int k, Start start, float* c, int threads = 1,
            Kernels kernels = Kernels::fastest);

namespace detail {

// One thread's block of C: rows 0 .. m - 1, columns 0 .. n - 1 of a row-major matrix with `stride` columns.
struct MatmulBlock {
  MatrixView a, b;
  int m, n, k;
  Start start;
  float* c;
  std::ptrdiff_t stride;
};

void matmul_portable(const MatmulBlock&);
bool has_avx2();
void matmul_avx2(const MatmulBlock&);  // only where has_avx2()

}  // namespace detail
}  // namespace quench
