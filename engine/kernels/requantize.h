// Rounding, saturation and zero points: the only place where they are defined (numerics.md sections 3 to 6).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

// How a layer's accumulators become codes. M is int32_t (class wide) or uint16_t (classes narrow and shift).
template <class M> struct Requantize {
  int32_t step;                   // 1: one multiplier and shift per row, 0: one for all rows
  const M* multiplier;            // [rows or 1]
  const uint8_t* shift;           // [rows or 1], 1 .. 62
  const M* negative_multiplier;   // LeakyReLU: the pair for accumulators below zero; otherwise null
  const uint8_t* negative_shift;
  int32_t zero, low, high;        // zero point and saturation bounds; a fused ReLU raises low
};

inline int32_t clamp(int64_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : static_cast<int32_t>(x);
}

// (accumulator * multiplier) / 2^shift, rounded half up; the range proof keeps the product inside 64 bits.
inline int64_t scale(int64_t accumulator, int32_t multiplier, uint8_t shift) {
  return (accumulator * multiplier + (int64_t{1} << (shift - 1))) >> shift;
}

template <class A, class M> inline int32_t requantize(A accumulator, const Requantize<M>& q, int32_t row) {
  const int32_t i = row * q.step;
  const bool other = accumulator < 0 && q.negative_multiplier;
  const int32_t m = static_cast<int32_t>(load(other ? q.negative_multiplier : q.multiplier, i));
  return clamp(q.zero + scale(accumulator, m, load(other ? q.negative_shift : q.shift, i)), q.low, q.high);
}

}  // namespace quench
