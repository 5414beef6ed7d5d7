// Run on a bare machine: exit status 0 when start-up did all its work, else the number of the first wrong thing.
// SPDX-License-Identifier: MIT
#include <stddef.h>
#include <stdint.h>

#include "targets/cortex_m4/semihost.h"

extern "C" {
void* memcpy(void* to, const void* from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int value, size_t size);
int memcmp(const void* a, const void* b, size_t size);

// Two different bodies, or the compiler may merge them.
__attribute__((noinline)) void bench_begin() { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void bench_end() { __asm__ volatile("nop" ::: "memory"); }
__attribute__((noinline)) void empty_region() {
  bench_begin();
  bench_end();
}
__attribute__((noinline)) void hundred_nops() { __asm__ volatile(".rept 100\n\tnop\n\t.endr"); }  // 100 and the return
__attribute__((noinline)) void nop_region() {
  bench_begin();
  hundred_nops();
  bench_end();
}
}

namespace {

volatile int32_t initialised = 0x12345678;
volatile int32_t zero;
volatile uint8_t zeros[1001];
volatile float one_and_a_half = 1.5f;

struct Constructed {
  int32_t value;
  Constructed() : value(initialised + 1) {}  // constructors run after .data is copied
};
Constructed constructed;

bool all_zero() {
  for (int32_t i = 0; i < 1001; ++i) {
    if (zeros[i] != 0) return false;
  }
  return true;
}

// The byte i of a pattern that no shift by less than 256 maps to itself.
uint8_t pattern(int32_t i) { return static_cast<uint8_t>(i * 7 + 3); }

void fill(uint8_t* bytes, int32_t size) {
  for (int32_t i = 0; i < size; ++i) bytes[i] = pattern(i);
}

// Every alignment of source and destination, sizes around the word size; bytes outside stay as they were.
bool copies() {
  uint8_t from[48], to[48];
  for (int32_t source = 0; source < 4; ++source) {
    for (int32_t target = 4; target < 8; ++target) {
      for (int32_t size = 0; size < 20; ++size) {
        fill(from, 48);
        for (int32_t i = 0; i < 48; ++i) to[i] = 0xee;
        if (memcpy(to + target, from + source, static_cast<size_t>(size)) != to + target) return false;
        for (int32_t i = 0; i < 48; ++i) {
          const bool inside = i >= target && i < target + size;
          if (to[i] != (inside ? pattern(i - target + source) : 0xee)) return false;
        }
      }
    }
  }
  return true;
}

bool overlapping_moves() {
  uint8_t bytes[64];
  for (int32_t from = 16; from < 24; ++from) {
    for (int32_t to = 8; to < 32; ++to) {
      fill(bytes, 64);
      memmove(bytes + to, bytes + from, 21);
      for (int32_t i = 0; i < 64; ++i) {
        if (bytes[i] != pattern(i >= to && i < to + 21 ? i - to + from : i)) return false;
      }
    }
  }
  return true;
}

bool fills_and_compares() {
  uint8_t a[16], b[16];
  for (int32_t first = 0; first < 4; ++first) {
    fill(a, 16);
    memset(a + first, 0x1a5, 9);  // only the low byte counts
    for (int32_t i = 0; i < 16; ++i) {
      if (a[i] != (i >= first && i < first + 9 ? 0xa5 : pattern(i))) return false;
    }
  }
  fill(a, 16);
  fill(b, 16);
  if (memcmp(a, b, 16) != 0) return false;
  b[15] = 255;  // unsigned comparison: 108 < 255
  return memcmp(a, b, 15) == 0 && memcmp(a, b, 16) < 0 && memcmp(b, a, 16) > 0;
}

int check() {
  if (initialised != 0x12345678) return 1;
  if (zero != 0 || !all_zero()) return 2;
  if (constructed.value != 0x12345679) return 3;
  const float doubled = one_and_a_half * 2.0f;
  if (!(doubled > 2.99f && doubled < 3.01f)) return 4;
  if (!copies()) return 5;
  if (!overlapping_moves()) return 6;
  if (!fills_and_compares()) return 7;
  return 0;
}

}  // namespace

int main() {
#ifdef EXIT_STATUS
  return EXIT_STATUS;
#endif
#ifdef TRAP
  __builtin_trap();
#endif
#ifdef BAD_STORE
  *reinterpret_cast<volatile uint32_t*>(0x90000000u) = 1;  // no memory there on mps2-an386
#endif
  empty_region();
  nop_region();
  semihost::put("start-up ");
  semihost::put(int32_t{-2147483647 - 1});
  semihost::put(" ");
  semihost::put(uint32_t{4294967295u});
  semihost::put(" ");
  semihost::put_hex(0x0123cdefu);
  semihost::put("\n");
  return check();
}
