// Synthesizable C++ of a flow's coupling: the factor by table, a product or a division for each column that moves.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "codegen/hls_layer.h"

namespace quench {
namespace {

// Declares `g`, over 2^unit, and `moved` = (from - t) g; returns the range of `moved`.
void write_product(HlsBuild& b, Interval from, Interval t, FactorRange g, int unit) {
  const Interval difference{from.low - t.high, from.high - t.low};
  const std::int64_t half = std::int64_t{1} << (unit - 1);
  const std::string product = exact_type(
      {std::min<std::int64_t>(difference.low * g.high, 0), std::max<std::int64_t>(difference.high * g.high, 0) + half},
      true);
  b.w.line("const ", product, " product = static_cast<", product, ">(static_cast<", product, ">(from - t) * g + ", half,
           ");");
  b.w.line("const ", product, " moved = static_cast<", product, ">(product >> ", unit, ");");
}

// Declares `moved` = from / g + t: floor((2 from + g) / (2 g)) with both in units of 2^-unit, by a division that cuts.
void write_division(HlsBuild& b, Interval from, Interval t, FactorRange g, int unit) {
  const std::int64_t two = std::int64_t{2} << unit;
  const std::string twice = exact_type({from.low * two - g.high, from.high * two + g.high}, true),
                    divisor = exact_type({0, 2 * std::int64_t{g.high}}, true);
  const std::int64_t reach = std::max(-from.low, from.high) * (two / 2) / g.low + 2;
  const std::string moved = exact_type({-reach + t.low, reach + t.high}, true);
  b.w.line("const ", twice, " twice = static_cast<", twice, ">(static_cast<", twice, ">(from) * ", two, " + g);");
  b.w.line("const ", divisor, " divisor = static_cast<", divisor, ">(static_cast<", divisor, ">(g) * 2);");
  b.w.line(twice, " whole = static_cast<", twice, ">(twice / divisor);");
  b.w.line("if (whole * divisor > twice) whole = static_cast<", twice, ">(whole - 1);");
  b.w.line("const ", moved, " moved = static_cast<", moved, ">(whole + t);");
}

}  // namespace

void write_coupling(HlsBuild& b, const QCoupling& op) {
  const QValue &x = b.in(0), &parameter = b.in(1);
  const bool affine = !op.factor.value.empty();
  const std::string fraction = affine ? write_fraction(b, op.factor, parameter) : "";
  if (affine) b.w.line();
  const std::int64_t step = std::int64_t{1} << op.shift;
  const Interval from{x.low, x.high}, t{parameter.low * step, parameter.high * step};
  const FactorRange g =
      factor_range(op, static_cast<std::int32_t>(parameter.low), static_cast<std::int32_t>(parameter.high));
  const std::string wide = exact_type({std::min(from.low, t.low) - std::max(from.high, t.high),
                                       std::max(from.high, t.high) - std::min(from.low, t.low)},
                                      true),
                    factor = exact_type({0, g.high}, true), unit_step = b.number("step", step);
  auto body = b.w.block(b.head({"x", "parameter"}));
  b.layer.steps += op.width;
  auto loop = b.w.block("for (int i = 0; i < ", op.width, "; ++i)");
  b.pragma("PIPELINE II=1");
  if (op.length < op.width) {
    auto copy = b.w.block("if (i < ", op.begin, " || i >= ", op.begin + op.length, ")");
    b.w.line("y[i] = static_cast<", b.type_out(), ">(x[i]);");
    b.w.line("continue;");
  }
  b.w.line("const int column = i - ", op.begin, ";");
  b.w.line("const ", wide, " from = static_cast<", wide, ">(x[i]);");
  b.w.line("const ", wide, " t = static_cast<", wide, ">(static_cast<", wide, ">(parameter[column]) * ", unit_step,
           ");");
  if (affine) {
    b.w.line("const ", factor, " g = static_cast<", factor, ">(", fraction, "(parameter[column + ", op.length, "]));");
    op.inverse ? write_product(b, from, t, g, op.unit) : write_division(b, from, t, g, op.unit);
  } else {
    b.w.line("const ", wide, " moved = static_cast<", wide, ">(from ", op.inverse ? "-" : "+", " t);");
  }
  write_clamp(b, "y[i] = ", "moved", op.low, op.high);
  b.layer.multipliers = 1;
}

}  // namespace quench
