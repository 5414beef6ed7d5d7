// Matrix product for AVX2 and FMA: 12 of 16 registers hold a tile of C, two a row of B and one an element of A.
// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "engine/tensor/matmul_tiles.h"

namespace quench {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int lanes = 8, rows = 6, vectors = 2;
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vector x) { _mm256_storeu_ps(p, x); }
  static Vector fma(float x, Vector b, Vector c) { return _mm256_fmadd_ps(_mm256_set1_ps(x), b, c); }
};

}  // namespace

void detail::matmul_avx2(const MatmulBlock& m) { tiled_product<Avx2>(m); }

}  // namespace quench
