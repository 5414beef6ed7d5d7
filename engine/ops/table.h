// Scalar functions of a code by table (numerics.md section 6): activations, and the mean and deviation of a condition.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/kernels/fraction.h"
#include "engine/kernels/table.h"

namespace quench {

// `functions` functions; with one, y_i = f(x_i) for every element, with more, the input has length 1 and y_i = f_i(x).
struct QTable {
  std::string function;  // what it computes, for people
  std::int32_t length = 0, functions = 1, lowest = 0;
  std::uint8_t interpolation_bits = 0;  // 0: form "full"; l: form "linear" with knots 2^l codes apart
  std::int32_t low = 0, high = 0;
  double maximum_error = 0;         // in output codes, over every input code
  std::vector<std::int16_t> value;  // [functions][entries]
};

template <class Q, class F>
void table_fields(Q& op, F&& f) {
  f("function", op.function), f("length", op.length), f("functions", op.functions), f("lowest", op.lowest);
  f("interpolation_bits", op.interpolation_bits), f("low", op.low), f("high", op.high);
  f("maximum_error", op.maximum_error), f("value", op.value);
}
template <class F>
void fields(QTable& op, F&& f) {
  table_fields(op, f);
}
template <class F>
void fields(const QTable& op, F&& f) {
  table_fields(op, f);
}

Lookup<std::int16_t> view(const QTable&);

// Entries needed for input codes lowest .. highest.
std::int32_t table_entries(std::int32_t lowest, std::int32_t highest, int interpolation_bits);

// Tabulates f_i: input code -> real output in output codes (not rounded), for i < functions, output codes low .. high.
// Chooses the coarsest knots whose error stays below each function's tolerance in output codes (at least 1/2), or the
// full table.
QTable tabulate(const std::string& function, int length, int functions, std::int32_t lowest, std::int32_t highest,
                std::int32_t low, std::int32_t high, const std::vector<double>& tolerance,
                const std::function<double(int, std::int32_t)>& f);

// Lines between points of the functions 2^interpolation_bits codes apart: these lines are what the table stands for, so
// that its error is that of rounding alone.
QTable lines(const std::string& function, int length, int functions, std::int32_t lowest, std::int32_t highest,
             std::int32_t low, std::int32_t high, int interpolation_bits,
             const std::function<double(int, std::int32_t)>& f);

// Knots of a function with values in u32 (fractions of an energy).
struct QFractionTable {
  std::string function;
  std::int32_t lowest = 0;
  std::uint8_t interpolation_bits = 1;
  double maximum_error = 0;  // relative, over every input code whose value is at least 2^12
  std::vector<std::uint32_t> value;
};

template <class Q, class F>
void fraction_table_fields(Q& op, F&& f) {
  f("function", op.function), f("lowest", op.lowest), f("interpolation_bits", op.interpolation_bits);
  f("maximum_error", op.maximum_error), f("value", op.value);
}

// Tabulates f(code) >= 0 rounded to u32, with the coarsest knots whose relative error stays below `tolerance`.
QFractionTable tabulate_fraction(const std::string& function, std::int32_t lowest, std::int32_t highest,
                                 double tolerance, const std::function<double(std::int32_t)>& f);

}  // namespace quench
