// Latent noise: integer codes, the same on every machine and in the trainer (numerics.md section 8).
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/noise.h"
#include "engine/tensor/tensor.h"

namespace quench {

// Output: `length` codes of `bits` bits, real value code * scale. Cells: Walker's alias method on 2^min(bits, 8) cells.
struct QNoise {
  std::int32_t length = 0, bits = 8, lanes = 1;
  double scale = 1.0 / 24;
  std::vector<std::uint16_t> probability;  // [cells], of 2^16
  std::vector<std::uint8_t> alias;         // [cells]
};

template <class Q, class F>
void noise_fields(Q& op, F&& f) {
  f("length", op.length), f("bits", op.bits), f("lanes", op.lanes), f("scale", op.scale);
  f("probability", op.probability), f("alias", op.alias);
}
template <class F>
void fields(QNoise& op, F&& f) {
  noise_fields(op, f);
}
template <class F>
void fields(const QNoise& op, F&& f) {
  noise_fields(op, f);
}

// Standard normal codes, -2^(bits-1) .. 2^(bits-1) - 1; mass outside goes to the end codes. 2 <= bits <= 16. The
// default scale keeps the reach of 5.3 sigma at every width.
QNoise normal_noise(int length, int bits = 8);
// Uniform on [-1, 1).
QNoise uniform_noise(int length, int bits = 8);
// "normal" or "uniform".
QNoise latent_noise(const std::string& law, int length, int bits = 8);

Noise view(const QNoise&);

// Probability of every code under the exact integer law, by cell weights of 2^(cell bits + 16).
std::vector<std::uint32_t> cell_weights(const QNoise&);

// Real values [count, length] of events first .. first + count - 1 of `seed`.
Tensor sample_latent(const QNoise&, std::uint64_t seed, std::uint64_t first, int count, int threads = 1);
// The same into a buffer that is reused.
void sample_latent(const QNoise&, std::uint64_t seed, std::uint64_t first, int count, Tensor& latent, int threads);

}  // namespace quench
