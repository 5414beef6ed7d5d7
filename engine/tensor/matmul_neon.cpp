// Matrix product for 64-bit Arm: 16 of 32 registers hold a tile of C; with 24, g++ 12 runs out of registers.
// SPDX-License-Identifier: MIT
#include <arm_neon.h>

#include "engine/tensor/matmul_tiles.h"

namespace quench {
namespace {

struct Neon {
  using Vector = float32x4_t;
  static constexpr int lanes = 4, rows = 4, vectors = 4;
  static Vector load(const float* p) { return vld1q_f32(p); }
  static void store(float* p, Vector x) { vst1q_f32(p, x); }
  static Vector fma(float x, Vector b, Vector c) { return vfmaq_n_f32(c, b, x); }
};

}  // namespace

void detail::matmul_neon(const MatmulBlock& m) { tiled_product<Neon>(m); }

}  // namespace quench
