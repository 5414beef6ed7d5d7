// Cortex-M start-up without a C library: vectors, FPU, .data, .bss, constructors, main, its result as exit status.
// SPDX-License-Identifier: MIT-0
#include <stddef.h>
#include <stdint.h>

#include "semihost.h"

extern "C" {

// Placed by link.ld; only their addresses mean anything.
extern uint32_t quench_stack_top[], quench_data_start[], quench_data_end[], quench_data_load[];
extern uint32_t quench_bss_start[], quench_bss_end[];
extern void (*quench_constructors_start[])();
extern void (*quench_constructors_end[])();

int device_main() __asm__("main");

// The compiler may call these four even with -ffreestanding. Weak: a C library's own are taken when there is one. The
// empty assembly keeps the compiler from turning each loop into a call of the very function it is in.
__attribute__((weak, used)) void* memcpy(void* to, const void* from, size_t size) {
  unsigned char* t = static_cast<unsigned char*>(to);
  const unsigned char* f = static_cast<const unsigned char*>(from);
  const uintptr_t addresses = reinterpret_cast<uintptr_t>(t) | reinterpret_cast<uintptr_t>(f);
  if (addresses % 4 == 0) {
    for (; size >= 4; size -= 4, t += 4, f += 4) {
      uint32_t word;
      __asm__ volatile("ldr %0, [%1]\n\tstr %0, [%2]" : "=&r"(word) : "r"(f), "r"(t) : "memory");
    }
  }
  for (; size != 0; --size) {
    *t++ = *f++;
    __asm__ volatile("" ::: "memory");
  }
  return to;
}

__attribute__((weak, used)) void* memmove(void* to, const void* from, size_t size) {
  unsigned char* t = static_cast<unsigned char*>(to);
  const unsigned char* f = static_cast<const unsigned char*>(from);
  const bool upwards = reinterpret_cast<uintptr_t>(t) <= reinterpret_cast<uintptr_t>(f);
  for (size_t i = 0; i < size; ++i) {
    const size_t k = upwards ? i : size - 1 - i;
    t[k] = f[k];
    __asm__ volatile("" ::: "memory");
  }
  return to;
}

__attribute__((weak, used)) void* memset(void* to, int value, size_t size) {
  unsigned char* t = static_cast<unsigned char*>(to);
  const uint32_t word = 0x01010101u * static_cast<unsigned char>(value);
  if (reinterpret_cast<uintptr_t>(t) % 4 == 0) {
    for (; size >= 4; size -= 4, t += 4) __asm__ volatile("str %0, [%1]" ::"r"(word), "r"(t) : "memory");
  }
  for (; size != 0; --size) {
    *t++ = static_cast<unsigned char>(value);
    __asm__ volatile("" ::: "memory");
  }
  return to;
}

__attribute__((weak, used)) int memcmp(const void* a, const void* b, size_t size) {
  const unsigned char* x = static_cast<const unsigned char*>(a);
  const unsigned char* y = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < size; ++i) {
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  }
  return 0;
}

// Any fault or unexpected interrupt: said on the semihosting console, exit status 125.
[[noreturn]] void quench_fault() {
  // static: in ROM, the stack may be gone.
  static const uint32_t status_125[2] = {0x20026u, 125};
  semihost::put("\nfault\n");
  semihost::exit_with(status_125);
}

[[noreturn]] __attribute__((used)) void quench_reset() {
#if __ARM_ARCH >= 7 && (defined(__ARM_FP) || defined(__ARM_FEATURE_MVE))
  volatile uint32_t* const cpacr = reinterpret_cast<volatile uint32_t*>(0xE000ED88u);
  *cpacr = *cpacr | (0xFu << 20);  // full access to coprocessors 10 and 11: FPU and MVE
  __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
  // volatile: before .data and .bss are set, no library function may be called.
  const uint32_t* from = quench_data_load;
  for (volatile uint32_t* to = quench_data_start; to != quench_data_end; ++to) *to = *from++;
  for (volatile uint32_t* to = quench_bss_start; to != quench_bss_end; ++to) *to = 0;
  for (void (**constructor)() = quench_constructors_start; constructor != quench_constructors_end; ++constructor) {
    (*constructor)();
  }
  semihost::exit(static_cast<uint32_t>(device_main()));
}

}  // extern "C"

namespace {

struct Vectors {
  const uint32_t* stack_top;
  void (*handlers[15])();
};

__attribute__((section(".vectors"), used)) const Vectors vectors = {
    quench_stack_top,
    {quench_reset, quench_fault, quench_fault, quench_fault, quench_fault, quench_fault,  // NMI, Hard, Mem, Bus, Usage
     quench_fault, nullptr, nullptr, nullptr, quench_fault, quench_fault, nullptr,        // Secure, -, SVCall, Debug
     quench_fault, quench_fault}};                                                        // PendSV, SysTick

}  // namespace
