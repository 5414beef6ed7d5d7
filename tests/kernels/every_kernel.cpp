// Uses every kernel with the types that generated code has, so that each compiler checks the templates in full.
// SPDX-License-Identifier: MIT
#include "bitmap_linear.h"
#include "block.h"
#include "coupling.h"
#include "crc.h"
#include "csr_linear.h"
#include "cursor.h"
#include "dense_linear.h"
#include "elementwise.h"
#include "fraction.h"
#include "gap_linear.h"
#include "join.h"
#include "log_energy.h"
#include "noise.h"
#include "packed.h"
#include "permute.h"
#include "softmax.h"
#include "table.h"

namespace quench {
namespace {

template <class W, class B, class M, class S>
struct Tables {
  W weight;
  B bias;
  M multiplier;
  S shift;
};

// One layer in every encoding; A: accumulator, T: tables, X and Y: codes; C, G and N: columns, gaps and counts.
template <class A, class C, class G, class N, class W, class B, class M, class S, class X, class Y>
void linear(const Tables<W, B, M, S>& t, C column, G gap, N count, const X* x, Y* y) {
  typedef Requantize<M, S> Q;
  static const uint8_t mask[] = {15};
  const Q q = {0, 0, 7, 1, t.multiplier, t.shift, t.multiplier, t.shift, 0, -128, 127};
  const DenseLinear<A, W, B, Q> dense = {2, 2, t.weight, t.bias, q};
  const BitmapLinear<A, 1, W, B, Q> bitmap = {2, 2, mask, t.weight, t.bias, q};
  const BitmapLinear<A, 4, W, B, Q> bitmap_of_blocks = {1, 4, mask, t.weight, t.bias, q};
  const CsrLinear<A, N, C, W, B, Q> csr = {2, count, column, t.weight, t.bias, q};
  const GapLinear<A, 1, G, W, B, Q> delta = {2, 2, 4, 15, gap, t.weight, t.bias, q};
  const GapLinear<A, 4, G, W, B, Q> gaps_of_blocks = {1, 4, 1, 15, gap, t.weight, t.bias, q};
  run(dense, x, y);
  run(bitmap, x, y);
  run(bitmap_of_blocks, x, y);
  run(csr, x, y);
  run(delta, x, y);
  run(gaps_of_blocks, x, y);
}

const uint8_t bytes[16] = {1, 2, 3};
const uint16_t halves[] = {0, 1, 0, 1};
const uint32_t words[] = {0, 1, 0, 1};
const int8_t small_weight[] = {1, 2, 3, 4};
const int16_t weight[] = {1, 2, 3, 4};
const int32_t bias[] = {5, 6};

// Whole numbers of all widths, and fields of bits inside and across bytes.
template <class A, class X, class Y>
void every_table(const X* x, Y* y) {
  const Tables<const int8_t*, const int32_t*, const uint32_t*, const uint8_t*> whole = {small_weight, bias, words,
                                                                                        bytes};
  const Tables<const int16_t*, const int16_t*, const uint16_t*, UnsignedBits<6>> wide = {weight, weight, halves,
                                                                                         UnsignedBits<6>{bytes}};
  const Tables<SignedBits<4>, SignedBits<13>, const uint8_t*, UnsignedBits<2>> inside = {
      SignedBits<4>{bytes}, SignedBits<13>{bytes}, bytes, UnsignedBits<2>{bytes}};
  const Tables<SignedBits<13>, SignedBits<28>, UnsignedBits<28>, UnsignedBits<3>> across = {
      SignedBits<13>{bytes}, SignedBits<28>{bytes}, UnsignedBits<28>{bytes}, UnsignedBits<3>{bytes}};
  linear<A>(whole, bytes, halves, words, x, y);
  linear<A>(wide, halves, UnsignedBits<4>{bytes}, bytes, x, y);
  linear<A>(inside, UnsignedBits<9>{bytes}, bytes, UnsignedBits<6>{bytes}, x, y);
  linear<A>(across, UnsignedBits<12>{bytes}, UnsignedBits<5>{bytes}, halves, x, y);
}

void signs(const int16_t* x, int8_t* y) {
  const Requantize<const uint16_t*, const uint8_t*> q = {0, 0, 0, 0, halves, bytes, nullptr, nullptr, 0, -128, 127};
  const BitmapLinear<int32_t, 1, Signs, const int32_t*, Requantize<const uint16_t*, const uint8_t*>> op = {
      1, 8, bytes, Signs{bytes}, bias, q};
  run(op, x, y);
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
  typedef Requantize<const int32_t*, const uint8_t*> Wide;
  typedef Requantize<const uint16_t*, UnsignedBits<3>> Narrow;
  const Rescale<Wide> rescale = {2, offset, {0, 0, 0, 0, multiplier, shift, nullptr, nullptr, 0, -128, 127}};
  const Rescale<Narrow> narrow = {
      2,
      nullptr,
      {1, 1, 2, 0, narrow_multiplier, UnsignedBits<3>{shift}, nullptr, UnsignedBits<3>{shift}, 0, -128, 127}};
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
  every_table<int32_t>(a, a);
  every_table<int32_t>(b, c);
  every_table<int32_t>(c, b);
  every_table<int64_t>(d, d);
  signs(c, a);
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
