// Self-test, then example events made on the device, printed as numbers by semihosting; exit status 0 when all is well.
// SPDX-License-Identifier: MIT-0
#include "model.h"
#include "semihost.h"

#ifndef SEED
#define SEED 42
#endif
#ifndef COUNT
#define COUNT 3
#endif

// One call of the model lies between these two; a counter under the emulator looks for them. Their bodies differ so
// that they are not merged.
extern "C" __attribute__((noinline, used)) void bench_begin() { __asm__ volatile("" ::: "memory"); }
extern "C" __attribute__((noinline, used)) void bench_end() { __asm__ volatile("nop" ::: "memory"); }

namespace {

char text[16 * model::outputs + 2];

// Appends value and a blank; returns the position behind them.
char* append(char* at, int64_t value) {
  if (value < 0) {
    *at++ = '-';
    value = -value;
  }
  char digits[20];
  int32_t n = 0;
  uint32_t rest = static_cast<uint32_t>(value);
  do {
    digits[n++] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  while (n > 0) *at++ = digits[--n];
  *at++ = ' ';
  return at;
}

}  // namespace

int main() {
  static model::output_type out[model::outputs];
  const int32_t bad = model::self_test(out);
  if (bad >= 0) {
    semihost::put("self-test: layer ");
    semihost::put(model::layer_name(bad));
    semihost::put(" differs\n");
    return 1;
  }
  for (uint32_t i = 0; i < COUNT; ++i) {
    bench_begin();
    model::example_event(SEED, i, out);
    bench_end();
    char* at = text;
    for (int32_t k = 0; k < model::outputs; ++k) at = append(at, out[k]);
    at[-1] = '\n';
    *at = 0;
    semihost::put(text);
  }
  return 0;
}
