// Uses a kernel from outside the project: exit status 0 when an event's noise does not depend on other events.
// SPDX-License-Identifier: MIT
#include "engine/kernels/noise.h"

int main() {
  const uint32_t first[] = {1, 0, 0, 0}, second[] = {1, 0, 1, 0};
  quench::Xoshiro128 a = quench::noise_state(first, 0), b = quench::noise_state(second, 0);
  const uint32_t x = quench::next(a), y = quench::next(b);
  quench::Xoshiro128 again = quench::noise_state(second, 0);
  return quench::next(again) == y && x != y ? 0 : 1;
}
