// Runs the self-test, then prints example events of a seed, one per line: main [SEED FIRST COUNT].
// SPDX-License-Identifier: MIT-0
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

int main(int argc, char** argv) {
  static model::output_type out[model::outputs];
  const int32_t bad = model::self_test(out);
  if (bad >= 0) {
    fprintf(stderr, "self-test: layer %s differs\n", model::layer_name(bad));
    return 1;
  }
  const unsigned long long seed = argc > 1 ? strtoull(argv[1], nullptr, 10) : 42;
  const unsigned long long first = argc > 2 ? strtoull(argv[2], nullptr, 10) : 0;
  const unsigned long long count = argc > 3 ? strtoull(argv[3], nullptr, 10) : 3;
  for (unsigned long long i = 0; i < count; ++i) {
    model::example_event(seed, first + i, out);
    for (int32_t k = 0; k < model::outputs; ++k) printf(k ? " %lld" : "%lld", static_cast<long long>(out[k]));
    printf("\n");
  }
  return 0;
}
