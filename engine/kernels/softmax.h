// Softmax over groups by table; the parts of a group sum to the whole exactly (numerics.md section 7).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

struct Shares {
  int32_t groups;
  const uint16_t* part_begin;   // [groups + 1]
  int32_t last;                 // a larger difference counts as this one
  uint8_t interpolation_bits;   // 0: the table holds every difference
  const uint16_t* exponential;  // e^-x for the difference of a code to its group's largest; entry 0 is 2^15
  int32_t whole;
};

inline uint32_t exponential_of(const Shares& op, int32_t difference) {
  const int32_t d = difference < op.last ? difference : op.last, i = d >> op.interpolation_bits;
  const int32_t f = d & ((int32_t{1} << op.interpolation_bits) - 1);
  const int32_t here = load(op.exponential, i);
  if (f == 0) return static_cast<uint32_t>(here);
  const int32_t step = int32_t{load(op.exponential, i + 1)} - here;
  return static_cast<uint32_t>(here +
                               ((step * f + (int32_t{1} << (op.interpolation_bits - 1))) >> op.interpolation_bits));
}

template <class X, class Y>
inline void run(const Shares& op, const X* x, Y* y) {
  for (int32_t g = 0, begin = 0; g < op.groups; ++g) {
    const int32_t end = load(op.part_begin, g + 1);
    int32_t largest = x[begin];
    for (int32_t i = begin + 1; i < end; ++i)
      if (x[i] > largest) largest = x[i];
    uint32_t all = 0, sum = 0;
    for (int32_t i = begin; i < end; ++i) all += exponential_of(op, largest - x[i]);
    int32_t below = 0;
    for (int32_t i = begin; i < end; ++i) {
      sum += exponential_of(op, largest - x[i]);
      const int32_t up_to = static_cast<int32_t>(uint64_t{sum} * static_cast<uint32_t>(op.whole) / all);
      y[i] = static_cast<Y>(up_to - below);
      below = up_to;
    }
    begin = end;
  }
}

}  // namespace quench
