// Fractions of an energy by table and 64-bit product, and splits that keep the whole (numerics.md section 9).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

// Knots of a function with values in u32, linear between them; entry 0 belongs to code `lowest`.
struct FractionTable {
  int32_t lowest;
  uint8_t interpolation_bits;  // at least 1
  const uint32_t* value;
};

inline uint32_t fraction(const FractionTable& t, int32_t code) {
  const int32_t u = code - t.lowest, i = u >> t.interpolation_bits;
  const int32_t f = u & ((int32_t{1} << t.interpolation_bits) - 1);
  const uint32_t here = load(t.value, i);
  if (f == 0) return here;
  const int64_t step = int64_t{load(t.value, i + 1)} - int64_t{here};
  return static_cast<uint32_t>(here +
                               ((step * f + (int64_t{1} << (t.interpolation_bits - 1))) >> t.interpolation_bits));
}

struct Fraction {  // e_i = t(x_i) * E / 2^shift, rounded half up, saturating
  int32_t length;
  uint8_t shift;
  FractionTable table;
};

template <class X>
inline void run(const Fraction& op, const X* x, const uint32_t* energy, uint32_t* e) {
  for (int32_t i = 0; i < op.length; ++i) {
    const uint64_t product = uint64_t{fraction(op.table, x[i])} * energy[0];
    const uint64_t rounded = (product >> op.shift) + ((product >> (op.shift - 1)) & 1u);
    e[i] = rounded > 0xffffffffu ? 0xffffffffu : static_cast<uint32_t>(rounded);
  }
}

// Stick-breaking: group g splits total[g] into parts part_begin[g] .. part_begin[g + 1] - 1; each part but the last
// takes the fraction t(logit) of what is left, the last takes the rest, so the parts sum to the whole exactly.
struct Split {
  int32_t groups;
  const uint16_t* part_begin;  // [groups + 1]
  FractionTable table;
};

template <class X>
inline void run(const Split& op, const uint32_t* total, const X* logit, uint32_t* part) {
  for (int32_t g = 0, i = 0; g < op.groups; ++g) {
    uint32_t rest = total[g];
    const int32_t last = int32_t{load(op.part_begin, g + 1)} - 1;
    for (; i < last; ++i) {
      part[i] = static_cast<uint32_t>((uint64_t{fraction(op.table, logit[i - g])} * rest) >> 32);
      rest -= part[i];
    }
    part[i++] = rest;
  }
}

struct Readout {  // the read-out threshold: smaller energies are empty voxels
  int32_t length;
  uint32_t threshold;
};

inline void run(const Readout& op, const uint32_t* x, uint32_t* y) {
  for (int32_t i = 0; i < op.length; ++i) y[i] = x[i] < op.threshold ? 0 : x[i];
}

}  // namespace quench
