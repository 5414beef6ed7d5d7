// Softmax over groups by table; the parts of a group sum to the whole exactly (numerics.md section 7).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

struct Exponential {           // e^-x for the difference of a code to its group's largest; entry 0 is 2^15
  int32_t last;                // a larger difference counts as this one
  uint8_t interpolation_bits;  // 0: the table holds every difference
  const uint16_t* value;
};

inline uint32_t exponential_of(const Exponential& t, int32_t difference) {
  const int32_t d = difference < t.last ? difference : t.last, i = d >> t.interpolation_bits;
  const int32_t f = d & ((int32_t{1} << t.interpolation_bits) - 1);
  const int32_t here = load(t.value, i);
  if (f == 0) return static_cast<uint32_t>(here);
  const int32_t step = int32_t{load(t.value, i + 1)} - here;
  return static_cast<uint32_t>(here +
                               ((step * f + (int32_t{1} << (t.interpolation_bits - 1))) >> t.interpolation_bits));
}

// Parts begin .. end - 1 of one whole.
template <class X, class Y>
inline void share(const Exponential& t, int32_t begin, int32_t end, uint32_t whole, const X* x, Y* y) {
  int32_t largest = x[begin];
  for (int32_t i = begin + 1; i < end; ++i)
    if (x[i] > largest) largest = x[i];
  uint32_t all = 0, sum = 0, below = 0;
  for (int32_t i = begin; i < end; ++i) all += exponential_of(t, largest - x[i]);
  for (int32_t i = begin; i < end; ++i) {
    sum += exponential_of(t, largest - x[i]);
    const uint32_t up_to = static_cast<uint32_t>(uint64_t{sum} * whole / all);
    y[i] = static_cast<Y>(up_to - below);
    below = up_to;
  }
}

struct Shares {  // every group's parts sum to the same whole
  int32_t groups;
  const uint16_t* part_begin;  // [groups + 1]
  Exponential table;
  int32_t whole;
};

template <class X, class Y>
inline void run(const Shares& op, const X* x, Y* y) {
  for (int32_t g = 0; g < op.groups; ++g)
    share(op.table, load(op.part_begin, g), load(op.part_begin, g + 1), static_cast<uint32_t>(op.whole), x, y);
}

struct ShareSplit {  // group g's parts sum to total[g]
  int32_t groups;
  const uint16_t* part_begin;  // [groups + 1]
  Exponential table;
};

template <class X>
inline void run(const ShareSplit& op, const uint32_t* total, const X* x, uint32_t* part) {
  for (int32_t g = 0; g < op.groups; ++g)
    share(op.table, load(op.part_begin, g), load(op.part_begin, g + 1), total[g], x, part);
}

}  // namespace quench
