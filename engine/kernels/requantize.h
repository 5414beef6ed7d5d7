// Rounding, saturation and zero points: the only place where they are defined (numerics.md sections 3 to 6).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "packed.h"

namespace quench {

// How a layer's accumulators become codes. M and S are tables: pointers or fields of bits (packed.h).
template <class M, class S>
struct Requantize {
  uint8_t multiplier_step, shift_step;  // 1: one per row, 0: one for all rows
  uint8_t lowest_shift;                 // shifts are stored less this
  uint8_t leaky;                        // 1: LeakyReLU, the negative pair holds for accumulators below zero
  M multiplier;                         // [rows or 1]
  S shift;                              // [rows or 1], 1 .. 62
  M negative_multiplier;
  S negative_shift;
  int32_t zero, low, high;  // zero point and saturation bounds; a fused ReLU raises low
};

inline int32_t clamp(int64_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : static_cast<int32_t>(x);
}

// (accumulator * multiplier) / 2^shift, rounded half up; the range proof keeps the product inside 64 bits.
inline int64_t scale(int64_t accumulator, int32_t multiplier, uint8_t shift) {
  return (accumulator * multiplier + (int64_t{1} << (shift - 1))) >> shift;
}

template <class A, class M, class S>
inline int32_t requantize(A accumulator, const Requantize<M, S>& q, int32_t row) {
  const int32_t i = row * q.multiplier_step, j = row * q.shift_step;
  const bool other = accumulator < 0 && q.leaky != 0;
  const int32_t m = static_cast<int32_t>(load(other ? q.negative_multiplier : q.multiplier, i));
  const uint8_t s = static_cast<uint8_t>(q.lowest_shift + load(other ? q.negative_shift : q.shift, j));
  return clamp(q.zero + scale(accumulator, m, s), q.low, q.high);
}

}  // namespace quench
