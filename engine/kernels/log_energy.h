// The condition code: the integer logarithm of the incident energy (numerics.md section 9).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "requantize.h"

namespace quench {

struct EnergyCode {
  const uint16_t* logarithm;  // [64]: log2(1 + i/64) in units of 2^-16
  int32_t offset;             // log2 of the energy count that gets code `zero`, in units of 2^-16
  int32_t multiplier;
  uint8_t shift;
  int32_t zero, low, high;
};

// log2(count) in units of 2^-16; a count of 0 is taken as 1.
inline int32_t log2_fixed(uint32_t count, const uint16_t* logarithm) {
  int32_t exponent = 31;
  uint32_t m = count ? count : 1;
  for (; (m & 0x80000000u) == 0; m <<= 1) --exponent;
  const int32_t i = static_cast<int32_t>((m >> 25) & 63u);
  const uint32_t fraction = (m >> 9) & 0xffffu;
  const uint32_t here = load(logarithm, i);
  const uint32_t there = i == 63 ? 65536u : uint32_t{load(logarithm, i + 1)};
  return exponent * 65536 + static_cast<int32_t>(here + (((there - here) * fraction + 32768u) >> 16));
}

template <class Y> inline void run(const EnergyCode& op, const uint32_t* energy, Y* y) {
  const int32_t distance = log2_fixed(energy[0], op.logarithm) - op.offset;
  y[0] = static_cast<Y>(clamp(op.zero + scale(distance, op.multiplier, op.shift), op.low, op.high));
}

}  // namespace quench
