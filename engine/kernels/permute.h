// Elements in another order: copies, codes never change.
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

template <class I>
struct Reorder {
  int32_t length;
  const I* order;  // [length]: the place in x of each element of y
};

template <class I, class X, class Y>
inline void run(const Reorder<I>& op, const X* x, Y* y) {
  for (int32_t i = 0; i < op.length; ++i) y[i] = static_cast<Y>(x[load(op.order, i)]);
}

}  // namespace quench
