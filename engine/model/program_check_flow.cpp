// Checks that layers share, and the proofs of layers in wide fixed point.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/model/program_place.h"

namespace quench {

// Texts for people end up in comments of generated code and in reports.
bool is_printable(const std::string& s) {
  return s.size() <= 1000 &&
         std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) >= 32 && c != 127; });
}

// Numbers that the integers do not depend on, yet that are printed and compared: a NaN equals nothing.
bool is_scale(double x) { return std::isfinite(x) && x > 0; }

void check_text(const std::string& function, double maximum_error, const Place& at) {
  at.require(is_printable(function), "the name of the function holds a control character or has over 1000 characters");
  at.require(std::isfinite(maximum_error) && maximum_error >= 0, "the maximum error ", maximum_error,
             " is no finite number of at least 0");
}

void check_factors(const Requantization& q, std::size_t rows, const Place& at) {
  const bool wide = q.kind == "wide", narrow = q.kind == "narrow", shift = q.kind == "shift";
  at.require(wide || narrow || shift, "unknown multiplier class \"", q.kind, "\"; known are wide, narrow and shift");
  const auto factors = [&](const std::vector<std::int32_t>& m, const std::vector<std::uint8_t>& s) {
    at.require(m.size() == s.size() && (m.size() == 1 || m.size() == rows), m.size(), " multipliers and ", s.size(),
               " shifts for ", rows, " rows");
    for (std::size_t i = 0; i < m.size(); ++i) {
      at.factor(m[i], s[i], wide ? int32_high : 32767, wide ? 62 : 46);
      at.require(!shift || (m[i] & (m[i] - 1)) == 0, "multiplier ", m[i], " of class shift is no power of two");
    }
  };
  factors(q.multiplier, q.shift);
  if (q.negative_multiplier.empty() && q.negative_shift.empty()) return;
  at.require(q.negative_multiplier.size() == q.multiplier.size(), "the pairs for negative accumulators are incomplete");
  factors(q.negative_multiplier, q.negative_shift);
}

void check_table(const QFractionTable& t, const QValue& codes, const Place& at) {
  at.meaning(codes, Meaning::code);
  check_text(t.function, t.maximum_error, at);
  at.require(t.interpolation_bits >= 1 && t.interpolation_bits <= 13, int{t.interpolation_bits},
             " interpolation bits; 1 to 13 exist");
  at.require(codes.low >= t.lowest && codes.high - t.lowest < 65536, "inputs ", codes.low, " .. ", codes.high,
             " for a table from ", t.lowest);
  const auto needed =
      static_cast<std::size_t>(table_entries(t.lowest, static_cast<std::int32_t>(codes.high), t.interpolation_bits));
  at.require(t.value.size() >= needed, t.value.size(), " entries, needs ", needed);
}

void check(const QRescale& op, const Place& at) {
  at.inputs(1);
  at.meaning(at.in(0), Meaning::code);
  at.require(op.length >= 1, op.length, " columns");
  at.lengths(op.length, at.in(0)), at.lengths(op.length, at.out());
  const std::size_t length = static_cast<std::size_t>(op.length);
  at.require(op.offset.empty() || op.offset.size() == length, op.offset.size(), " offsets for ", length, " columns");
  for (std::int32_t offset : op.offset)
    at.require(at.in(0).low + offset >= -int32_high && at.in(0).high + offset <= int32_high, "offset ", offset,
               " takes codes ", at.in(0).low, " .. ", at.in(0).high, " out of 32 bits");
  check_factors(op.requantize, length, at);
  at.clamps(op.requantize.low, op.requantize.high);
}

void check(const QCoupling& op, const Place& at) {
  at.inputs(2);
  const QValue &x = at.in(0), &parameter = at.in(1);
  at.require(op.begin >= 0 && op.length >= 1 && std::int64_t{op.begin} + op.length <= op.width, "columns ", op.begin,
             " .. ", std::int64_t{op.begin} + op.length - 1, " of ", op.width);
  const bool affine = !op.factor.value.empty();
  at.lengths(op.width, x), at.lengths(op.width, at.out());
  at.lengths(std::int64_t{op.length} * (affine ? 2 : 1), parameter);
  for (const QValue* v : {&x, &parameter, &at.out()}) {
    at.meaning(*v, Meaning::code);
    at.require(v->zero == 0, "value ", v->name, " has zero point ", v->zero, ", needs 0");
  }
  at.require(op.inverse <= 1 && op.shift <= 15 && op.unit >= 1 && op.unit <= 31, "inverse ", int{op.inverse},
             ", shift ", int{op.shift}, " and unit ", int{op.unit}, " are outside 0 .. 1, 0 .. 15 and 1 .. 31");
  // Below 2^29 the product with a factor of 32 bits stays inside 64.
  const std::int64_t reach = std::max(std::llabs(x.low), std::llabs(x.high)) +
                             std::max(std::llabs(parameter.low), std::llabs(parameter.high)) * (1 << op.shift);
  at.require(reach < 1 << 29, "a number and its shift reach ", reach, ", less than ", 1 << 29, " are possible");
  if (affine) {
    check_table(op.factor, parameter, at);
    at.require(std::all_of(op.factor.value.begin(), op.factor.value.end(), [](std::uint32_t g) { return g > 0; }),
               "a factor is 0");
  }
  const std::int64_t error =
      round_trip_error(op, static_cast<std::int32_t>(parameter.low), static_cast<std::int32_t>(parameter.high));
  at.require(op.error == error, "the way back ends within ", error, " codes, the program states ", op.error);
  at.clamps(op.low, op.high);
  if (op.length < op.width) at.clamps(x.low, x.high);  // the others are copied
}

}  // namespace quench
