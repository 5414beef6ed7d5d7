// Tabulates functions in double on the host: no device ever evaluates libm.
// SPDX-License-Identifier: MIT
#include "engine/ops/table.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"

namespace quench {
namespace {

std::int16_t entry(double codes) {
  return static_cast<std::int16_t>(std::clamp(std::floor(codes + 0.5), -32768.0, 32767.0));
}

// Knots beyond the last code are evaluated at the last code: no function is asked outside its domain.
std::vector<std::int16_t> knots(int functions, std::int32_t lowest, std::int32_t highest, int l,
                                const std::function<double(int, std::int32_t)>& f) {
  std::vector<std::int16_t> value;
  const std::int32_t entries = table_entries(lowest, highest, l);
  for (int i = 0; i < functions; ++i)
    for (std::int32_t k = 0; k < entries; ++k)
      value.push_back(entry(f(i, std::min<std::int32_t>(lowest + (k << l), highest))));
  return value;
}

struct Errors {
  double codes = 0, of_tolerance = 0;  // largest of all functions
};

// Distance between the table's code and the exact, saturated, unrounded function over all input codes.
Errors largest_error(const QTable& op, std::int32_t highest, const std::vector<double>& tolerance,
                     const std::function<double(int, std::int32_t)>& f) {
  Errors worst;
  Lookup<std::int16_t> table = view(op);
  const std::int32_t entries = table_entries(op.lowest, highest, op.interpolation_bits);
  for (int i = 0; i < op.functions; ++i) {
    table.value = op.value.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(entries);
    table.length = 1;
    table.table_step = 0;
    for (std::int32_t q = op.lowest; q <= highest; ++q) {
      std::int32_t y = 0;
      run(table, &q, &y);
      const double exact = std::clamp(f(i, q), static_cast<double>(op.low), static_cast<double>(op.high));
      const double error = std::fabs(exact - y);
      worst.codes = std::max(worst.codes, error);
      // Rounding alone may cost half a code.
      worst.of_tolerance =
          std::max(worst.of_tolerance, error / std::max(tolerance[static_cast<std::size_t>(i)], 0.500001));
    }
  }
  return worst;
}

}  // namespace

std::int32_t table_entries(std::int32_t lowest, std::int32_t highest, int l) {
  return l == 0 ? highest - lowest + 1 : ((highest - lowest) >> l) + 2;
}

Lookup<std::int16_t> view(const QTable& op) {
  const std::int32_t entries = static_cast<std::int32_t>(op.value.size()) / op.functions;
  return {op.length,
          op.functions == 1 ? 1 : 0,
          op.functions == 1 ? 0 : entries,
          op.lowest,
          op.interpolation_bits,
          op.low,
          op.high,
          op.value.data()};
}

QTable lines(const std::string& function, int length, int functions, std::int32_t lowest, std::int32_t highest,
             std::int32_t low, std::int32_t high, int interpolation_bits,
             const std::function<double(int, std::int32_t)>& f) {
  QTable op;
  op.function = function, op.length = length, op.functions = functions, op.lowest = lowest, op.low = low;
  op.high = high, op.interpolation_bits = static_cast<std::uint8_t>(interpolation_bits);
  op.maximum_error = 0.5;
  op.value = knots(functions, lowest, highest, interpolation_bits, f);
  return op;
}

QTable tabulate(const std::string& function, int length, int functions, std::int32_t lowest, std::int32_t highest,
                std::int32_t low, std::int32_t high, const std::vector<double>& tolerance,
                const std::function<double(int, std::int32_t)>& f) {
  int bits = 0;
  while ((highest - lowest) >> bits) ++bits;
  // From 4 intervals to one table entry a code; a 16-bit step times a 2^13 fraction stays inside 32 bits.
  for (int l = std::min(bits - 2, 13);; --l) {
    QTable op = lines(function, length, functions, lowest, highest, low, high, std::max(l, 0), f);
    const Errors errors = largest_error(op, highest, tolerance, f);
    op.maximum_error = errors.codes;
    if (errors.of_tolerance <= 1 || l <= 0) return op;
  }
}

QFractionTable tabulate_fraction(const std::string& function, std::int32_t lowest, std::int32_t highest,
                                 double tolerance, const std::function<double(std::int32_t)>& f) {
  QFractionTable op;
  op.function = function, op.lowest = lowest;
  int bits = 0;
  while ((highest - lowest) >> bits) ++bits;
  for (int l = std::min(bits - 2, 13); l >= 1; --l) {
    op.interpolation_bits = static_cast<std::uint8_t>(l);
    op.value.clear();
    // The last knot may stand beyond the last code: bent to it, the last line would miss by a code's step.
    for (std::int32_t k = 0; k < table_entries(lowest, highest, l); ++k)
      op.value.push_back(
          static_cast<std::uint32_t>(std::clamp(std::floor(f(lowest + (k << l)) + 0.5), 0.0, 4294967295.0)));
    const FractionTable table{lowest, op.interpolation_bits, op.value.data()};
    op.maximum_error = 0;
    for (std::int32_t q = lowest; q <= highest; ++q) {
      const double exact = std::min(f(q), 4294967295.0);
      if (exact >= 4096) op.maximum_error = std::max(op.maximum_error, std::fabs(fraction(table, q) / exact - 1));
    }
    if (op.maximum_error <= tolerance) break;
  }
  return op;
}

}  // namespace quench
