// Concatenation (join) and slice (take) of codes: copies, codes never change.
// SPDX-License-Identifier: MIT-0
#pragma once
#include <stdint.h>

namespace quench {

struct Join {
  int32_t first, second;  // lengths
};

template <class A, class B, class Y> inline void run(const Join& op, const A* a, const B* b, Y* y) {
  for (int32_t i = 0; i < op.first; ++i) y[i] = static_cast<Y>(a[i]);
  for (int32_t i = 0; i < op.second; ++i) y[op.first + i] = static_cast<Y>(b[i]);
}

struct Take {
  int32_t begin, length;
};

template <class X, class Y> inline void run(const Take& op, const X* x, Y* y) {
  for (int32_t i = 0; i < op.length; ++i) y[i] = static_cast<Y>(x[op.begin + i]);
}

}  // namespace quench
