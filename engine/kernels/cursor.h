// Reads constant tables from their begin on, element by element; fields of bits take each byte once.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "packed.h"

namespace quench {

template <int B, bool Divides = 8 % B == 0>
struct BitCursor {
  static_assert(B <= 24, "32 bits hold what waits and another byte");
  const uint8_t* byte;
  uint32_t waiting;    // read, not yet used
  uint_fast8_t count;  // of the waiting bits

  explicit BitCursor(const uint8_t* table) : byte(table), waiting(0), count(0) {}
  uint32_t next() {
    for (; count < B; count = static_cast<uint_fast8_t>(count + 8))
      waiting |= static_cast<uint32_t>(load(byte++, 0)) << count;
    const uint32_t field = waiting;
    waiting >>= B;
    count = static_cast<uint_fast8_t>(count - B);
    return field;
  }
};

// Fields that never cross a byte: a bit above those that wait says when they are used up.
template <int B>
struct BitCursor<B, true> {
  const uint8_t* byte;
  uint32_t waiting;

  explicit BitCursor(const uint8_t* table) : byte(table), waiting(1) {}
  uint32_t next() {
    if (waiting == 1) waiting = uint32_t{0x100} | load(byte++, 0);
    const uint32_t field = waiting;
    waiting >>= B;
    return field;
  }
};

// Cursor<T> c(table): c.next() is element 0, then 1, and so on.
template <class T>
struct Cursor;
template <class T>
struct Cursor<const T*> {
  const T* at;
  explicit Cursor(const T* table) : at(table) {}
  T next() { return load(at++, 0); }
};
template <int B>
struct Cursor<UnsignedBits<B>> {
  BitCursor<B> bits;
  explicit Cursor(UnsignedBits<B> table) : bits(table.byte) {}
  uint32_t next() { return to_unsigned<B>(bits.next()); }
};
template <int B>
struct Cursor<SignedBits<B>> {
  BitCursor<B> bits;
  explicit Cursor(SignedBits<B> table) : bits(table.byte) {}
  int32_t next() { return to_signed<B>(bits.next()); }
};
template <>
struct Cursor<Signs> {
  BitCursor<1> bits;
  explicit Cursor(Signs table) : bits(table.byte) {}
  int32_t next() { return 1 - 2 * static_cast<int32_t>(to_unsigned<1>(bits.next())); }
};

}  // namespace quench
