// The integer twin of additive and affine couplings: wide fixed point (numerics.md section 10).
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/coupling.h"
#include "engine/ops/table.h"

namespace quench {

constexpr int wide_bits = 24;  // of the numbers that a flow moves

// Inputs: wide codes x [width], zero point 0, and the parameters' codes: all shifts, then, affine, all raw log-scales.
// A step of a shift is 2^shift steps of x. factor: e^-s, s = 2 tanh(raw / 2), in units of 2^-unit; empty: additive.
// Turned `inverse`, the same op goes back exactly when it is additive, and to within `error` codes when it is affine,
// if nothing saturates.
struct QCoupling {
  std::int32_t width = 0, begin = 0, length = 0;
  std::uint8_t inverse = 0, shift = 0, unit = 28;
  QFractionTable factor;
  std::int32_t low = 0, high = 0;
  std::int64_t error = 0;
};

template <class Q, class F>
void coupling_fields(Q& op, F&& f) {
  f("width", op.width), f("begin", op.begin), f("length", op.length), f("inverse", op.inverse), f("shift", op.shift);
  f("unit", op.unit);
  fraction_table_fields(op.factor, f);
  f("low", op.low), f("high", op.high), f("error", op.error);
}

template <class F>
void fields(QCoupling& op, F&& f) {
  coupling_fields(op, f);
}
template <class F>
void fields(const QCoupling& op, F&& f) {
  coupling_fields(op, f);
}

Couple view(const QCoupling&);

inline int parameters(const QCoupling& op) { return op.factor.value.empty() ? op.length : 2 * op.length; }

struct FactorRange {
  std::uint32_t low, high;
};

// Smallest and largest factor for parameters lowest .. highest, over 2^unit; additive: both are 1.
FactorRange factor_range(const QCoupling&, std::int32_t lowest, std::int32_t highest);

// How far, in codes, a column may end from where it began after the op and the op turned round, for parameters lowest
// .. highest: half a code is lost by each rounding, the first one scaled on the way back.
std::int64_t round_trip_error(const QCoupling&, std::int32_t lowest, std::int32_t highest);

// e^-s in units of 2^-unit for codes of raw log-scales, a step of which is `step`; within 5e-4 of it.
QFractionTable tabulate_factor(double step, std::int32_t lowest, std::int32_t highest, int unit);

}  // namespace quench
