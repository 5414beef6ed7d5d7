// Instance noise (Sonderby et al. 2017): the critic sees real and generated events through the same fading noise.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/tensor/tensor.h"

namespace quench {

// Standard deviation at step = 0 .. steps - 1: falls linearly from `start`, to 0 at `steps`.
inline double decayed_noise(double start, std::int64_t step, std::int64_t steps) {
  return start * (1 - static_cast<double>(step) / static_cast<double>(steps));
}

// First index of the noise of one pass through the critic: pass k = 0 .. critic_steps - 1 of a step sees `batch` real
// and as many generated events, pass critic_steps (the generator's) sees `batch` events. No two passes share an index.
inline std::uint64_t noise_index(std::int64_t step, int k, int critic_steps, int batch) {
  const std::int64_t batches = step * (2 * critic_steps + 1) + 2 * k;
  return static_cast<std::uint64_t>(batches) * static_cast<std::uint64_t>(batch);
}

// Adds normal noise to x [events, width]; the noise of row i is a pure function of the seed and of first + i.
void add_normal(Tensor& x, double deviation, std::uint64_t seed, std::uint64_t first, int threads = 1);

}  // namespace quench
