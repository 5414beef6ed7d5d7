// Matrix product for AVX-512: 24 of 32 registers hold a tile of C, two a row of B and one an element of A.
// SPDX-License-Identifier: MIT
#include <immintrin.h>

#include "engine/tensor/matmul_tiles.h"

namespace quench {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int lanes = 16, rows = 12, vectors = 2;
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vector x) { _mm512_storeu_ps(p, x); }
  static Vector fma(float x, Vector b, Vector c) { return _mm512_fmadd_ps(_mm512_set1_ps(x), b, c); }
};

}  // namespace

void detail::matmul_avx512(const MatmulBlock& m) { tiled_product<Avx512>(m); }

}  // namespace quench
