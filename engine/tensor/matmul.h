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

// Forms of the product, chosen at run time. portable: std::fma loops, the definition of correct; then one for each
// instruction set; fastest: the widest that this machine has.
enum class Kernels { fastest, portable, avx2, avx512, neon };

bool has(Kernels);  // whether this machine runs that form

// What a product is added to: nothing, a row of biases [columns of C], or what C holds.
struct Start {
  enum class Kind { zero, bias, sum } kind = Kind::zero;
  const float* bias = nullptr;
};

inline Start from_zero() { return {}; }
inline Start from_bias(const float* bias) { return {Start::Kind::bias, bias}; }
inline Start from_sum() { return {Start::Kind::sum, nullptr}; }

// What becomes of a finished element c: itself, or what engine/ops/activations.h makes of it.
struct Finish {
  enum class Kind { none, relu, leaky_relu } kind = Kind::none;
  float slope = 0;
};

// C[i, j] = start + A[i, 0] B[0, j] + ... + A[i, k - 1] B[k - 1, j] for row-major C [m, n]. Every element is ONE chain
// of fused multiply-adds in increasing k, so all forms, layouts and numbers of threads give the same bytes. C may not
// overlap A or B. Fails when this machine has not got that form.
void matmul(MatrixView a, MatrixView b, int m, int n, int k, Start start, float* c, int threads = 1,
            Kernels kernels = Kernels::fastest, Finish finish = {});

namespace detail {

// One thread's block of C: rows 0 .. m - 1, columns 0 .. n - 1 of a row-major matrix with `stride` columns.
struct MatmulBlock {
  MatrixView a, b;
  int m, n, k;
  Start start;
  float* c;
  std::ptrdiff_t stride;
  Finish finish{};
};

using BlockProduct = void (*)(const MatmulBlock&);
void matmul_portable(const MatmulBlock&);
void matmul_avx2(const MatmulBlock&);    // x86-64 only, like the next
void matmul_avx512(const MatmulBlock&);  // these two only where has() says so
void matmul_neon(const MatmulBlock&);    // 64-bit Arm only, which always has it

float* packing_space(std::size_t floats);  // this thread's, on a cache line's border, until the next call

}  // namespace detail
}  // namespace quench
