// Arm semihosting for Cortex-M (BKPT 0xAB): text out, command line in and exit status, without a C library.
// SPDX-License-Identifier: MIT-0
#pragma once
#include <stdint.h>

namespace semihost {

// Operation numbers: "Semihosting for AArch32 and AArch64", Arm, 2022. The debugger or emulator answers in r0.
inline uint32_t call(uint32_t operation, const void* argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

inline void put(const char* text) { call(0x04 /* SYS_WRITE0 */, text); }

inline void put(uint32_t number) {
  char text[11];
  char* first = text + 10;
  *first = 0;
  do {
    *--first = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  put(first);
}

inline void put(int32_t number) {
  if (number < 0) put("-");
  put(number < 0 ? 0u - static_cast<uint32_t>(number) : static_cast<uint32_t>(number));
}

// Eight hexadecimal digits.
inline void put_hex(uint32_t number) {
  char text[9];
  for (int32_t i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(number >> (28 - 4 * i)) & 15u];
  text[8] = 0;
  put(text);
}

// The words given to the emulator (-semihosting-config ...,arg=a,arg=b), with spaces between; false when there are none
// or they do not fit.
inline bool command_line(char* text, uint32_t size) {
  uint32_t block[2] = {static_cast<uint32_t>(reinterpret_cast<uintptr_t>(text)), size};
  text[0] = 0;
  return call(0x15 /* SYS_GET_CMDLINE */, block) == 0 && text[0] != 0;
}

// The emulator ends with the exit status in block[1] (0 .. 255).
[[noreturn]] inline void exit_with(const uint32_t* block) {
  call(0x20 /* SYS_EXIT_EXTENDED */, block);
  for (;;) {
  }
}

[[noreturn]] inline void exit(uint32_t status) {
  const uint32_t block[2] = {0x20026u /* ADP_Stopped_ApplicationExit */, status};
  exit_with(block);
}

}  // namespace semihost
