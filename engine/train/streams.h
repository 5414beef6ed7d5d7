// The training's random numbers: every draw is a pure function of the run's seed, its use, and an index.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/noise.h"

namespace quench {

// Uses of noise; each has a seed of its own, so that no two of them ever share a stream.
enum class Use : std::uint32_t {
  weights = 1,
  fill,
  order,
  latent,
  statistics,
  tune_latent,
  tune_energy,
  flow_order,
  mixture,
  split,
  censored,
  instance_noise = 20,  // of the GAN's critic, with the next two
  interpolation,
  spectral,
  validation,
  bootstrap,  // of the judge, with the next one
  classifier
};

inline std::uint64_t stream_seed(std::uint64_t seed, Use use) {
  const std::uint32_t event[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                  static_cast<std::uint32_t>(use), 0x7472616eu};  // "tran"
  const Xoshiro128 g = noise_state(event, 0);
  return g.s[0] | static_cast<std::uint64_t>(g.s[1]) << 32;
}

// A permutation of 0 .. size - 1 (size <= 2^31) that holds no table: a Feistel network of six rounds over the next even
// power of two, walked until it lands inside (Black and Rogaway 2002).
struct Permutation {
  std::uint32_t size = 1, half_bits = 1;
  std::uint32_t key[6] = {};
};

inline Permutation permutation(std::uint32_t size, std::uint64_t seed, std::uint64_t epoch) {
  Permutation p;
  p.size = size;
  while ((std::uint64_t{1} << (2 * p.half_bits)) < size) ++p.half_bits;
  const std::uint32_t event[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                  static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(epoch >> 32)};
  Xoshiro128 g = noise_state(event, 0);
  for (std::uint32_t& k : p.key) k = next(g);
  return p;
}

inline std::uint32_t permuted(const Permutation& p, std::uint32_t i) {
  const std::uint32_t mask = (1u << p.half_bits) - 1;
  do {
    std::uint32_t left = i >> p.half_bits, right = i & mask;
    for (std::uint32_t k : p.key) {
      std::uint32_t mixed = (right ^ k) * 0x9e3779b1u;
      mixed = (mixed ^ mixed >> 15) * 0x85ebca77u;
      const std::uint32_t old_right = right;
      right = (left ^ (mixed ^ mixed >> 13)) & mask;
      left = old_right;
    }
    i = left << p.half_bits | right;
  } while (i >= p.size);
  return i;
}

}  // namespace quench
