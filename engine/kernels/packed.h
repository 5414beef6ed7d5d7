// Constant tables of fields with any number of bits, one behind another across the bytes, lowest bit first.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

// Field i takes bits i * B .. i * B + B - 1; bit b of a table is bit b % 8 of byte b / 8. B is 1 .. 31.
template <int B>
struct UnsignedBits {
  const uint8_t* byte;
};
template <int B>
struct SignedBits {
  const uint8_t* byte;
};  // two's complement
struct Signs {
  const uint8_t* byte;
};  // one bit a field: 0 is +1, 1 is -1

// The lowest B bits as a number; what stands above them belongs to the neighbours.
template <int B>
inline uint32_t to_unsigned(uint32_t bits) {
  return bits & ((uint32_t{1} << B) - 1);
}
template <int B>
inline int32_t to_signed(uint32_t bits) {
  return static_cast<int32_t>(bits << (32 - B)) >> (32 - B);
}

// Field i in the lowest bits; no byte behind the field is read.
template <int B>
inline uint32_t bits_from(const uint8_t* byte, int32_t i) {
  const int32_t begin = i * B;
  const uint8_t skip = static_cast<uint8_t>(begin & 7);
  byte += begin >> 3;
  uint32_t bits = static_cast<uint32_t>(load(byte, 0)) >> skip;
  for (uint8_t have = static_cast<uint8_t>(8 - skip); have < B; have = static_cast<uint8_t>(have + 8))
    bits |= static_cast<uint32_t>(load(++byte, 0)) << have;
  return bits;
}

template <int B>
inline uint32_t load(const UnsignedBits<B>& t, int32_t i) {
  return to_unsigned<B>(bits_from<B>(t.byte, i));
}
template <int B>
inline int32_t load(const SignedBits<B>& t, int32_t i) {
  return to_signed<B>(bits_from<B>(t.byte, i));
}

}  // namespace quench
