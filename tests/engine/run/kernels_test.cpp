// Kernels on small cases worked by hand.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/kernels/bitmap_linear.h"
#include "engine/kernels/coupling.h"
#include "engine/kernels/crc.h"
#include "engine/kernels/csr_linear.h"
#include "engine/kernels/dense_linear.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/fraction.h"
#include "engine/kernels/gap_linear.h"
#include "engine/kernels/join.h"
#include "engine/kernels/log_energy.h"
#include "engine/kernels/permute.h"
#include "engine/kernels/softmax.h"
#include "engine/kernels/table.h"
#include "engine/ops/requantization.h"

using namespace quench;

TEST_CASE("scale rounds half up and requantize saturates") {
  CHECK(scale(3, 1, 1) == 2);                     // 1.5 -> 2
  CHECK(scale(-3, 1, 1) == -1);                   // -1.5 -> -1
  CHECK(scale(5, 3, 2) == 4);                     // 3.75 -> 4
  CHECK(scale(-5, 3, 2) == -4);                   // -3.75 -> -4
  CHECK(scale(2147483647, 2147483647, 62) == 1);  // just below 1 rounds to 1
  const int32_t multiplier[2] = {1, 3};
  const uint8_t shift[2] = {1, 2};
  const PlainRequantize q = {1, 1, 0, 0, multiplier, shift, nullptr, nullptr, 10, 0, 20};
  CHECK(requantize(int32_t{3}, q, 0) == 12);
  CHECK(requantize(int32_t{5}, q, 1) == 14);
  CHECK(requantize(int32_t{100}, q, 0) == 20);
  CHECK(requantize(int32_t{-100}, q, 0) == 0);
  const int32_t slope[1] = {1};
  const uint8_t slope_shift[1] = {3};
  const PlainRequantize leaky = {0, 0, 0, 1, multiplier, shift, slope, slope_shift, 0, -128, 127};
  CHECK(requantize(int32_t{16}, leaky, 5) == 8);    // one pair for all rows
  CHECK(requantize(int32_t{-16}, leaky, 5) == -2);  // an eighth below zero
}

TEST_CASE("closest factors of the three classes") {
  const Factor wide = closest_factor(0.3, "wide", "x");
  CHECK(std::fabs(std::ldexp(wide.multiplier, -wide.shift) / 0.3 - 1) < 1e-9);
  CHECK(wide.multiplier >= 1 << 30);
  const Factor narrow = closest_factor(0.3, "narrow", "x");
  CHECK(narrow.multiplier < 1 << 15);
  CHECK(std::fabs(std::ldexp(narrow.multiplier, -narrow.shift) / 0.3 - 1) < 1e-4);
  const Factor shift = closest_factor(0.125, "shift", "x");
  CHECK(shift.multiplier == 1);
  CHECK(shift.shift == 3);
  const Factor up = closest_factor(4, "shift", "x");
  CHECK(std::ldexp(up.multiplier, -up.shift) == 4);
  CHECK_THROWS_WITH_AS(closest_factor(0.3, "shift", "layer a"),
                       doctest::Contains("layer a: the scale factor 0.3 is no power of two"), Error);
  CHECK(closest_factor(0, "wide", "x").multiplier == 0);
}

TEST_CASE("shifts count from the lowest, by row or once for all rows") {
  const int32_t multiplier[1] = {3};
  const uint8_t shift[1] = {0x8};  // fields of 2 bits: 0, 2
  const Requantize<const int32_t*, UnsignedBits<2>> q = {0, 1, 1, 0, multiplier, {shift}, nullptr, {nullptr}, 0, -9, 9};
  CHECK(requantize(int32_t{5}, q, 0) == 8);  // 15 / 2 = 7.5 rounds half up
  CHECK(requantize(int32_t{5}, q, 1) == 2);  // 15 / 8
}

TEST_CASE("fields of bits: inside bytes and across them, signed, unsigned and signs") {
  const uint8_t bytes[4] = {0xb1, 0x6e, 0x05, 0x80};  // from bit 0: 1000 1101 0111 0110 1010 0000 0000 0001
  CHECK(load(UnsignedBits<1>{bytes}, 4) == 1);
  CHECK(load(UnsignedBits<3>{bytes}, 2) == 2);  // bits 6, 7 and 8: 0 1 0
  CHECK(load(UnsignedBits<4>{bytes}, 1) == 11);
  CHECK(load(SignedBits<4>{bytes}, 1) == -5);
  CHECK(load(SignedBits<5>{bytes}, 1) == -11);
  CHECK(load(UnsignedBits<12>{bytes}, 1) == 0x056);
  CHECK(load(SignedBits<31>{bytes}, 0) == 0x00056eb1);
  Cursor<Signs> signs(Signs{bytes});
  for (int sign : {-1, 1, 1, 1, -1, -1, 1, -1, 1, -1}) CHECK(signs.next() == sign);
  Cursor<SignedBits<5>> five(SignedBits<5>{bytes});
  for (int code : {-15, -11, -5, 10, 0, 0}) CHECK(five.next() == code);
  Cursor<UnsignedBits<12>> twelve(UnsignedBits<12>{bytes});
  CHECK(twelve.next() == 0xeb1);
  CHECK(twelve.next() == 0x056);
  Cursor<const uint8_t*> whole(bytes);
  CHECK(whole.next() == 0xb1);
  CHECK(whole.next() == 0x6e);
}

TEST_CASE("linear layers: dense, CSR, gaps, bitmap and blocks agree with sums by hand") {
  // W = [[5 0 0 -7 0 0] [0 9 0 0 0 0] [0 0 0 0 0 0] [1 1 1 1 0 -8] [0 0 -3 0 0 0] [0 0 0 0 0 0]]
  static const int8_t x[6] = {2, 3, -1, 4, 100, -6};
  const int32_t expected[6] = {100 + 10 - 28, -20 + 27, 7, 8 + 48, 3, -1};
  const uint8_t m[1] = {2}, s[1] = {1};
  using Same = Requantize<const uint8_t*, const uint8_t*>;
  const Same same = {0, 0, 0, 0, m, s, nullptr, nullptr, 0, -1000, 1000};
  const int16_t bias[6] = {100, -20, 7, 0, 0, -1};
  using Bias = const int16_t*;
  int16_t y[6];
  const auto check = [&](const auto& op) {
    std::fill(y, y + 6, int16_t{999});
    run(op, x, y);
    for (int i = 0; i < 6; ++i) CHECK(y[i] == expected[i]);
  };
  const int8_t dense[36] = {5, 0, 0, -7, 0, 0,  0, 9, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0,
                            1, 1, 1, 1,  0, -8, 0, 0, -3, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  check(DenseLinear<int32_t, const int8_t*, Bias, Same>{6, 6, dense, bias, same});
  // The same in fields of 5 bits, packed here by arithmetic on one field after the other.
  uint8_t fields[23] = {};
  for (int i = 0; i < 36; ++i)
    for (int b = 0; b < 5; ++b)
      fields[(5 * i + b) / 8] |= static_cast<uint8_t>(((dense[i] + 32) >> b & 1) << (5 * i + b) % 8);
  check(DenseLinear<int64_t, SignedBits<5>, Bias, Same>{6, 6, {fields}, bias, same});
  const int8_t value[9] = {5, -7, 9, 1, 1, 1, 1, -8, -3};
  const uint8_t count[6] = {2, 1, 0, 5, 1, 0}, column[9] = {0, 3, 1, 0, 1, 2, 3, 5, 2};
  check(CsrLinear<int32_t, const uint8_t*, const uint8_t*, const int8_t*, Bias, Same>{6, count, column, value, bias,
                                                                                      same});
  // Places row * 6 + column: 0 3 7 18 19 20 21 23 26; gaps 0 2 3 10 0 0 0 1 2, where 7 skips 7 without a weight.
  const uint8_t gap[10] = {0, 2, 3, 7, 3, 0, 0, 0, 1, 2};
  check(GapLinear<int64_t, 1, const uint8_t*, const int8_t*, Bias, Same>{6, 6, 10, 7, gap, value, bias, same});
  const uint8_t mask[5] = {0x89, 0x00, 0xbc, 0x04, 0x00};  // bit by bit through all rows
  check(BitmapLinear<int32_t, 1, const int8_t*, Bias, Same>{6, 6, mask, value, bias, same});
  // Two blocks a row, of four columns and of two: blocks 0, 2, 6, 7 and 8 of 12.
  const int8_t block[18] = {5, 0, 0, -7, 0, 9, 0, 0, 1, 1, 1, 1, 0, -8, 0, 0, -3, 0};
  const uint8_t block_gap[5] = {0, 1, 3, 0, 0}, block_mask[2] = {0xc5, 0x01};
  check(GapLinear<int32_t, 4, const uint8_t*, const int8_t*, Bias, Same>{6, 6, 5, 7, block_gap, block, bias, same});
  check(BitmapLinear<int32_t, 4, const int8_t*, Bias, Same>{6, 6, block_mask, block, bias, same});
  const uint8_t none[1] = {0};
  const GapLinear<int32_t, 1, const uint8_t*, const int8_t*, Bias, Same> empty{6, 6, 0, 7, none, value, bias, same};
  run(empty, x, y);
  for (int i = 0; i < 6; ++i) CHECK(y[i] == bias[i]);
}

TEST_CASE("tables: full and linear") {
  const int8_t full[4] = {10, 20, 30, 40};
  const int8_t x[3] = {-2, 1, -1};
  int8_t y[3];
  run(Lookup<int8_t>{3, 1, 0, -2, 0, -128, 35, full}, x, y);
  CHECK(y[0] == 10);
  CHECK(y[1] == 35);  // 40 saturates
  CHECK(y[2] == 20);
  const int16_t knots[3] = {0, 100, -100};  // at codes 0, 4, 8
  const int8_t u[3] = {1, 4, 7};
  int16_t v[3];
  run(Lookup<int16_t>{3, 1, 0, 0, 2, -1000, 1000, knots}, u, v);
  CHECK(v[0] == 25);
  CHECK(v[1] == 100);
  CHECK(v[2] == -50);                        // 100 - 200 * 3/4
  const int16_t curves[4] = {1, 2, 30, 40};  // two functions of the codes 0 and 1
  const int8_t one[1] = {1};
  run(Lookup<int16_t>{2, 0, 2, 0, 0, -1000, 1000, curves}, one, v);
  CHECK(v[0] == 2);
  CHECK(v[1] == 40);
}

TEST_CASE("elementwise, join and take") {
  const int16_t a[2] = {100, -3}, b[2] = {7, 5};
  int16_t y[4];
  run(Multiply{2, 1, 1, -300, 300}, a, b, y);
  CHECK(y[0] == 300);
  CHECK(y[1] == -7);                                  // -15/2 = -7.5 rounds half up
  run(Add{2, 1, 2, 2, 4, 2, 5, -100, 100}, a, b, y);  // 5 + ((a-1)*2 + (b-2)*4 + 2 >> 2)
  CHECK(y[0] == 60);                                  // (198 + 20 + 2) >> 2 = 55
  CHECK(y[1] == 6);                                   // (-8 + 12 + 2) >> 2 = 1
  const int16_t factor[2] = {4, -3};
  int16_t s[2];
  run(AddScaled<int16_t>{2, 1, 2, 2, factor, 2, 5, -100, 100}, a, b, s);
  CHECK(s[0] == 60);  // as above
  CHECK(s[1] == 1);   // 5 + ((-3-1)*2 + (5-2)*-3 + 2 >> 2) = 5 + (-15 >> 2) = 5 - 4
  run(Join{2, 2}, a, b, y);
  CHECK(y[1] == -3);
  CHECK(y[2] == 7);
  int16_t z[4];
  run(Limit{4, -3, 6}, y, z);  // 100, -3, 7, 5
  CHECK(z[0] == 6);
  CHECK(z[1] == -3);
  CHECK(z[2] == 6);
  CHECK(z[3] == 5);
  run(Take{1, 2}, y, z);
  CHECK(z[0] == -3);
  CHECK(z[1] == 7);
}

TEST_CASE("permute: each element from its place") {
  const int16_t x[4] = {10, -20, 30, -40};
  const uint8_t order[4] = {2, 0, 3, 1};
  int16_t y[4];
  run(Reorder<uint8_t>{4, order}, x, y);
  CHECK(y[0] == 30);
  CHECK(y[1] == 10);
  CHECK(y[2] == -40);
  CHECK(y[3] == -20);
}

TEST_CASE("couplings: columns move, the others are copied; both directions, every rounding by hand") {
  CHECK(quotient(7, 2) == 4);    // 3.5 -> 4
  CHECK(quotient(-7, 2) == -3);  // -3.5 -> -3
  CHECK(quotient(-8, 3) == -3);  // -2.67
  CHECK(quotient(-9, 3) == -3);
  const uint32_t halves[] = {1, 3, 5};  // codes 0 .. 4: factors 1/2, 2/2, 3/2, 4/2, 5/2
  const FractionTable factor = {0, 1, halves};
  const int32_t x[] = {100, 7, -6, -5, -100};
  const int32_t shift[] = {1, 1, 0}, both[] = {1, 1, 0, 2, 2, 3};
  int32_t y[5];
  const auto moved = [&](const int32_t a, const int32_t b, const int32_t c) {
    return y[0] == 100 && y[1] == a && y[2] == b && y[3] == c && y[4] == -100;
  };
  run(Couple{5, 1, 3, 0, 2, 28, {0, 1, nullptr}, -1000, 1000}, x, shift, y);  // + 4, + 4, + 0
  CHECK(moved(11, -2, -5));
  run(Couple{5, 1, 3, 1, 2, 28, {0, 1, nullptr}, -9, 2}, x, shift, y);  // 3 and -10, which saturate, and -5
  CHECK(moved(2, -9, -5));
  run(Couple{5, 1, 3, 1, 1, 1, factor, -1000, 1000}, x, both, y);  // (7 - 2) 3/2 = 7.5, (-6 - 2) 3/2, -5 * 4/2
  CHECK(moved(8, -12, -10));
  run(Couple{5, 1, 3, 0, 1, 1, factor, -1000, 1000}, y, both, y);  // 8 * 2/3 = 5.33 and + 2, -12 * 2/3 + 2, -10 / 2
  CHECK(moved(7, -6, -5));
}

TEST_CASE("rescaling: an offset and a factor for each column") {
  const int32_t x[] = {10, -10}, offset[] = {5, -3}, multiplier[] = {1, 3};
  const uint8_t shift[] = {1, 2};
  int32_t y[2];
  run(Rescale<PlainRequantize>{2, offset, {1, 1, 0, 0, multiplier, shift, nullptr, nullptr, 0, -100, 100}}, x, y);
  CHECK(y[0] == 8);    // 15 / 2 = 7.5
  CHECK(y[1] == -10);  // -13 * 3 / 4 = -9.75
  run(Rescale<PlainRequantize>{2, nullptr, {0, 0, 0, 0, multiplier, shift, nullptr, nullptr, 2, -100, 6}}, x, y);
  CHECK(y[0] == 6);   // 10 / 2 + 2
  CHECK(y[1] == -3);  // -10 / 2 + 2
}

TEST_CASE("softmax: parts of a group sum to the whole exactly, by hand") {
  // A step of the code is ln 2: e^-d = 2^-d.
  const uint16_t halves[5] = {32768, 16384, 8192, 4096, 0};
  const uint16_t begin[4] = {0, 3, 4, 6};
  const int8_t x[6] = {5, 4, 3, -7, -128, 127};
  uint8_t y[6];
  const Exponential powers{4, 0, halves};
  run(Shares{3, begin, powers, 255}, x, y);
  CHECK(y[0] == 145);  // 1, 1/2, 1/4 of 7/4: floor(255 * 4/7) = 145,
  CHECK(y[1] == 73);   // floor(255 * 6/7) = 218 less 145,
  CHECK(y[2] == 37);   // 255 less 218
  CHECK(y[3] == 255);  // a group of one takes all
  CHECK(y[4] == 0);    // the difference 255 counts as 4
  CHECK(y[5] == 255);
  // The same for totals of 32 bits: 2^32 - 1 times a sum of 57344 passes 2^47.
  const uint32_t total[3] = {4294967295u, 1000, 0};
  uint32_t part[6];
  run(ShareSplit{3, begin, powers}, total, x, part);
  CHECK(part[0] == 2454267025u);  // floor((2^32 - 1) 4/7),
  CHECK(part[1] == 1227133513u);  // floor((2^32 - 1) 6/7) = 3681400538 less that,
  CHECK(part[2] == 613566757u);   // the rest
  CHECK(part[3] == 1000);
  CHECK(part[4] == 0);
  CHECK(part[5] == 0);
  const uint16_t knots[3] = {32768, 8192, 0};  // differences 0, 2, 4
  const Exponential coarse{4, 1, knots};
  CHECK(exponential_of(coarse, 0) == 32768);
  CHECK(exponential_of(coarse, 1) == 20480);  // halfway
  CHECK(exponential_of(coarse, 3) == 4096);
  CHECK(exponential_of(coarse, 4) == 0);
  CHECK(exponential_of(coarse, 65535) == 0);
}

TEST_CASE("the energy's logarithm") {
  uint16_t table[64];
  for (int i = 0; i < 64; ++i) table[i] = static_cast<uint16_t>(std::floor(std::log2(1 + i / 64.0) * 65536 + 0.5));
  CHECK(log2_fixed(1, table) == 0);
  CHECK(log2_fixed(0, table) == 0);
  CHECK(log2_fixed(1u << 20, table) == 20 * 65536);
  CHECK(log2_fixed(3, table) == 65536 + 38336);  // log2 3 = 1.5849625
  for (uint32_t e : {5u, 1000003u, 4294967295u, 123456789u})
    CHECK(std::fabs(log2_fixed(e, table) / 65536.0 - std::log2(e)) < 6e-5);
  const EnergyCode op = {table, 20 * 65536, 1, 16, 3, -128, 127};  // one code an octave
  const uint32_t e[1] = {8u << 20};
  int8_t y[1];
  run(op, e, y);
  CHECK(y[0] == 6);
}

TEST_CASE("fractions saturate, splits keep the whole, the threshold empties") {
  const uint32_t knots[3] = {0, 0x80000000u, 0xffffffffu};  // codes 0, 2, 4
  const FractionTable half{0, 1, knots};
  CHECK(fraction(half, 1) == 0x40000000u);
  CHECK(fraction(half, 2) == 0x80000000u);
  CHECK(fraction(half, 4) == 0xffffffffu);
  const int8_t codes[2] = {2, 4};
  const uint32_t energy[1] = {1001};
  uint32_t e[6];
  run(Fraction{2, 32, half}, codes, energy, e);
  CHECK(e[0] == 501);  // 500.5 rounds half up
  CHECK(e[1] == 1001);
  const uint32_t large[1] = {0xffffffffu};
  run(Fraction{2, 30, half}, codes, large, e);
  CHECK(e[0] == 0xffffffffu);  // twice the energy does not fit
  const uint16_t begin[3] = {0, 3, 4};
  const uint32_t total[2] = {1001, 77};
  run(Split{2, begin, half}, total, codes, e);
  CHECK(e[0] == 500);
  CHECK(e[1] == 500);  // 501 * 0xffffffff / 2^32, floor
  CHECK(e[2] == 1);
  CHECK(e[3] == 77);  // a group of one part takes all
  run(Readout{4, 78}, e, e);
  CHECK(e[0] == 500);
  CHECK(e[2] == 0);
  CHECK(e[3] == 0);
}

TEST_CASE("CRC-32 of the standard's check string") {
  // "12345678" then the word of "9" alone is not a whole word: use the eight bytes, CRC-32 0x9ae0daaf.
  CHECK(crc_word(crc_word(0, 0x34333231u), 0x38373635u) == 0x9ae0daafu);
}
