// CRC-32 (IEEE 802.3, reflected) of constants and of layer outputs: what the self-test of generated code compares.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

// Continues `crc` (start with 0) by the four bytes of `word`, lowest first.
inline uint32_t crc_word(uint32_t crc, uint32_t word) {
  crc = ~crc ^ word;
  for (uint8_t bit = 0; bit < 32; ++bit) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
  return ~crc;
}

// Every element counts as one 32-bit word, whatever its storage type, so that machines agree.
template <class T> inline uint32_t crc_table(uint32_t crc, const T* table, int32_t length) {
  for (int32_t i = 0; i < length; ++i) crc = crc_word(crc, static_cast<uint32_t>(load(table, i)));
  return crc;
}

template <class T> inline uint32_t crc_values(uint32_t crc, const T* value, int32_t length) {
  for (int32_t i = 0; i < length; ++i) crc = crc_word(crc, static_cast<uint32_t>(value[i]));
  return crc;
}

}  // namespace quench
