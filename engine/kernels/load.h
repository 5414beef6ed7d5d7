// The one accessor of constant tables: a plain read everywhere but on AVR, where constants live in program memory.
// SPDX-License-Identifier: MIT-0
#pragma once
#include <stdint.h>

#ifdef __AVR__
#include <avr/pgmspace.h>
#define QUENCH_TABLE PROGMEM
namespace quench {
inline int8_t load(const int8_t* t, int32_t i) { return static_cast<int8_t>(pgm_read_byte(t + i)); }
inline uint8_t load(const uint8_t* t, int32_t i) { return pgm_read_byte(t + i); }
inline int16_t load(const int16_t* t, int32_t i) { return static_cast<int16_t>(pgm_read_word(t + i)); }
inline uint16_t load(const uint16_t* t, int32_t i) { return pgm_read_word(t + i); }
inline int32_t load(const int32_t* t, int32_t i) { return static_cast<int32_t>(pgm_read_dword(t + i)); }
inline uint32_t load(const uint32_t* t, int32_t i) { return pgm_read_dword(t + i); }
}  // namespace quench
#else
#define QUENCH_TABLE
namespace quench {
template <class T> inline T load(const T* table, int32_t index) { return table[index]; }
}  // namespace quench
#endif
