// Uses every kernel with the types that generated code has, so that each compiler checks the templates in full.
// SPDX-License-Identifier: MIT
#include "bitmap_linear.h"
#include "coupling.h"
#include "crc.h"
#include "csr_linear.h"
#include "dense_linear.h"
#include "elementwise.h"
#include "fraction.h"
#include "join.h"
#include "log_energy.h"
#include "noise.h"
#include "permute.h"
#include "softmax.h"
#include "table.h"

namespace quench {
namespace {

// One layer in every encoding; A: accumulator, W: weight code, M: multiplier, X and Y: codes.
template <class A, class W, class M, class X, class Y>
void linear(const X* x, Y* y) {
  static const W weight[] = {1, 2, 3, 4};
  static const int32_t bias[] = {5, 6};
  static const M multiplier[] = {7};
  static const uint8_t shift[] = {8};
  static const uint8_t mask[] = {3, 3};
  static const uint16_t row_begin[] = {0, 2, 4};
  static const uint8_t column[] = {0, 1, 0, 1};
  static const Requantize<M> requantize = {0, multiplier, shift, nullptr, nullptr, 0, -128, 127};
  const DenseLinear<A, W, M> dense = {2, 2, weight, bias, requantize};
  const BitmapLinear<A, W, M> bitmap = {2, 2, mask, weight, bias, requantize};
  const CsrLinear<A, uint16_t, uint8_t, W, M> csr = {2, row_begin, column, weight, bias, requantize};
  run(dense, x, y);
  run(bitmap, x, y);
  run(csr, x, y);
}

// The same with wider indices, as a large layer has them.
template <class R, class C>
void sparse(const uint8_t* x, int8_t* y) {
  static const int8_t weight[] = {1};
  static const int32_t bias[] = {5};
  static const int32_t multiplier[] = {7};
  static const uint8_t shift[] = {8};
  static const R row_begin[] = {0, 1};
  static const C column[] = {0};
  const CsrLinear<int32_t, R, C, int8_t, int32_t> csr = {
      1, row_begin, column, weight, bias, {1, multiplier, shift, multiplier, shift, 0, -128, 127}};
  run(csr, x, y);
}

template <class T, class X, class Y>
void table(const X* x, Y* y) {
  static const T value[] = {1, 2, 3};
  const Lookup<T> op = {2, 1, 0, 0, 1, -128, 127, value};
  run(op, x, y);
}

template <class X, class Y>
void codes(const X* x, Y* y) {
  static const uint32_t knots[] = {0, 0x80000000u, 0xffffffffu};
  static const uint16_t part_begin[] = {0, 2};
  static const uint16_t logarithm[64] = {};
  static const uint16_t probability[256] = {};
  static const uint8_t alias[256] = {};
  static const uint32_t event[] = {1, 2, 3, 4};
  uint32_t energies[] = {1, 2};
  const FractionTable fractions = {0, 1, knots};
  const Fraction fraction = {2, 31, fractions};
  const Split split = {1, part_begin, fractions};
  const Readout readout = {2, 10};
  const EnergyCode energy_code = {logarithm, 0, 3, 4, 0, -128, 127};
  const Noise noise = {2, 1, -128, 8, 0, probability, alias};
  const Multiply multiply = {2, 3, 4, -128, 127};
  const Add add = {2, 0, 1, 0, 1, 2, 0, -128, 127};
  static const int8_t factor[] = {-1, 2};
  static const int16_t wide_factor[] = {-300, 2};
  const AddScaled<int8_t> add_scaled = {2, 0, 1, 0, factor, 2, 0, -128, 127};
  const AddScaled<int16_t> add_widely_scaled = {2, 0, 1, 0, wide_factor, 2, 0, -128, 127};
  static const int32_t offset[] = {-3, 4};
  static const int32_t multiplier[] = {7};
  static const uint16_t narrow_multiplier[] = {7, 8};
  static const uint8_t shift[] = {8, 9};
  const Rescale<int32_t> rescale = {2, offset, {0, multiplier, shift, nullptr, nullptr, 0, -128, 127}};
  const Rescale<uint16_t> narrow = {2, nullptr, {1, narrow_multiplier, shift, nullptr, nullptr, 0, -128, 127}};
  const Couple couple = {3, 1, 1, 0, 5, 28, fractions, -128, 127};
  const X wide[] = {1, 2, 3};
  Y moved[3];
  const Join join = {1, 1};
  const Take take = {0, 2};
  const Limit limit = {2, -1, 1};
  static const uint16_t exponential[] = {32768, 100, 0};
  const Exponential exponentials = {2, 1, exponential};
  const Shares shares = {1, part_begin, exponentials, 127};
  const ShareSplit share_split = {1, part_begin, exponentials};
  static const uint8_t order[] = {1, 0};
  static const uint16_t wide_order[] = {1, 0};
  const Reorder<uint8_t> reorder = {2, order};
  const Reorder<uint16_t> wide_reorder = {2, wide_order};
  run(noise, event, y);
  run(energy_code, event, y);
  run(multiply, x, y, y);
  run(add, x, y, y);
  run(add_scaled, x, y, y);
  run(add_widely_scaled, x, y, y);
  run(rescale, x, y);
  run(narrow, x, y);
  run(couple, wide, x, moved);
  run(join, x, x, y);
  run(take, x, y);
  run(limit, x, y);
  run(shares, x, y);
  run(share_split, event, x, energies);
  run(reorder, x, y);
  run(wide_reorder, event, energies);
  run(fraction, x, event, energies);
  run(split, event, x, energies);
  run(readout, energies, energies);
}

}  // namespace

uint32_t use_every_kernel(int8_t* a, uint8_t* b, int16_t* c, int32_t* d) {
  linear<int32_t, int8_t, int32_t>(a, a);
  linear<int32_t, int8_t, uint16_t>(b, a);
  linear<int32_t, int8_t, int32_t>(a, c);
  linear<int32_t, int16_t, int32_t>(c, b);
  linear<int64_t, int16_t, uint16_t>(c, c);
  linear<int64_t, int16_t, int32_t>(d, d);
  sparse<uint8_t, uint8_t>(b, a);
  sparse<uint32_t, uint16_t>(b, a);
  table<int8_t>(a, a);
  table<int16_t>(b, c);
  table<int32_t>(c, a);
  codes(a, a);
  codes(b, b);
  codes(c, c);
  codes(d, d);
  return crc_values(crc_table(crc_values(0, b, 2), c, 2), d, 2);
}

}  // namespace quench
