// Layers that move, combine or bound single elements, in integers.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/compress/quantizer.h"
#include "engine/core/error.h"

namespace quench {

void Quantizer::lower(const Permute& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const Coded x = coded(node.inputs[0], node.name);
  QValue out = qvalue(x.value);
  std::vector<std::int32_t> order(op.order.begin(), op.order.end());
  if (const auto tracked = log_determinant_.find(index(node.inputs[0])); tracked != log_determinant_.end()) {
    if (order.back() != out.length)
      fail("quantise: ", node.name, " moves the log-determinant, the last column, to another place");
    order.pop_back();
    log_determinant_[index(node.output)] = tracked->second;
  }
  Coded y = {add(identifier(node.name), QPermute{order}, {x.value}, out), {}};
  for (int j : order) y.scale.push_back(x.scale[static_cast<std::size_t>(j)]);
  coded_[index(node.output)] = y;
}

QValue Quantizer::operand(std::size_t node, std::size_t input, bool one_scale) const {
  const Node& n = m_.nodes[node];
  const Coded& x = coded(n.inputs[input], n.name);
  if (qvalue(x.value).meaning != Meaning::code)
    fail("quantise: ", n.name, " reads ", info(n.inputs[input]).name,
         ", which holds energies; it can only be quantised before the split into energies");
  if (one_scale) uniform(x, "layer " + n.name);
  return qvalue(x.value);
}

bool Quantizer::fuse_relu(Value& out) {
  std::size_t next = 0;
  if (!only_reader<Relu>(out, next)) return false;
  fused_.insert(next), out = m_.nodes[next].output;
  return true;
}

const Clamp* Quantizer::fuse_clamp(Value& out) {
  std::size_t next = 0;
  const Clamp* clamp = only_reader<Clamp>(out, next);
  if (clamp) fused_.insert(next), out = m_.nodes[next].output;
  return clamp;
}

void Quantizer::bound(const Clamp& op, QValue& v) {
  const auto code = [&](float x) {
    const double q = std::floor(static_cast<double>(x) / v.scale + 0.5) + v.zero;
    return static_cast<std::int64_t>(std::clamp(q, static_cast<double>(v.low), static_cast<double>(v.high)));
  };
  const std::int64_t low = code(op.low), high = code(op.high);
  v.low = low, v.high = high;
}

Quantizer::Pair Quantizer::pair(std::size_t i, bool one_scale) {
  const Node& node = m_.nodes[i];
  Pair p{operand(i, 0),
         operand(i, 1, one_scale),
         coded(node.inputs[0], node.name).value,
         coded(node.inputs[1], node.name).value,
         node.output,
         {},
         false,
         nullptr};
  p.relu = fuse_relu(p.out);
  p.clamp = fuse_clamp(p.out);
  p.y = format(p.out, table_follows(p.out), std::holds_alternative<Sum>(node.op));
  return p;
}

void Quantizer::bound(Pair& p) {
  if (p.clamp) bound(*p.clamp, p.y);
  if (p.relu) p.y.low = std::clamp<std::int64_t>(p.y.zero, p.y.low, p.y.high);
}

void Quantizer::lower(const Sum&, std::size_t i) {
  const Node& node = m_.nodes[i];
  Pair p = pair(i);
  bound(p);
  const double factor_a = p.a.scale / p.y.scale, factor_b = p.b.scale / p.y.scale;
  // Multipliers below 2^(29 - bits) keep the sum inside 32 bits.
  const double limit = std::exp2(std::min(15, 29 - std::max(p.a.bits, p.b.bits)));
  const auto rounded = [](double factor, int shift) { return std::floor(factor * std::exp2(shift) + 0.5); };
  const double largest = std::max(factor_a, factor_b);
  if (rounded(largest, 1) >= limit)
    fail("quantise: layer ", node.name, ": a step of an operand is ", largest, " steps of the sum, below ", limit / 2,
         " are possible; the operands nearly cancel, put a Linear before the sum");
  int shift = 1;
  while (shift < 30 && rounded(largest, shift + 1) < limit) ++shift;
  const QAdd q{p.y.length,
               p.a.zero,
               static_cast<std::int32_t>(rounded(factor_a, shift)),
               p.b.zero,
               static_cast<std::int32_t>(rounded(factor_b, shift)),
               static_cast<std::uint8_t>(shift),
               p.y.zero,
               static_cast<std::int32_t>(p.y.low),
               static_cast<std::int32_t>(p.y.high)};
  set(p.out, add(identifier(node.name), q, {p.first, p.second}, p.y), p.y.scale);
}

// A step of the result is such that the first operand's multiplier is exact: only the deviations are rounded, each to
// a fraction of a code for the largest noise.
void Quantizer::lower(const Spread& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  Pair p = pair(i, false);
  const std::vector<double> noise = coded(node.inputs[1], node.name).scale;
  std::vector<double> step;  // of a noise code in each column
  double largest = 0;
  for (std::size_t j = 0; j < noise.size(); ++j) {
    step.push_back(static_cast<double>(op.deviation.data[j]) * noise[j]);
    largest = std::max(largest, std::fabs(step[j]));
  }
  const auto fits = [](double factor, int shift, const QValue& v) {
    return std::floor(factor * std::exp2(shift) + 0.5) < std::exp2(std::min(15, 29 - v.bits));
  };
  const double factor_a = p.a.scale / p.y.scale, factor_b = largest / p.y.scale;
  if (!fits(factor_a, 1, p.a) || !fits(factor_b, 1, p.b))
    fail("quantise: layer ", node.name, ": a step of an operand is ", std::max(factor_a, factor_b),
         " steps of the result, below ", std::exp2(std::min(15, 29 - std::max(p.a.bits, p.b.bits)) - 1),
         " are possible; use more bits for the noise or fewer for the result");
  QSpread q;
  q.shift = 1;
  while (q.shift < 30 && fits(factor_a, q.shift + 1, p.a) && fits(factor_b, q.shift + 1, p.b)) ++q.shift;
  const double unit = std::exp2(q.shift);
  q.multiplier_a = static_cast<std::int32_t>(std::floor(factor_a * unit));
  if (q.multiplier_a >= 1 && !s_.power_of_two) p.y.scale = p.a.scale * unit / q.multiplier_a;
  bound(p);
  for (double s : step) q.multiplier_b.push_back(static_cast<std::int16_t>(std::floor(s / p.y.scale * unit + 0.5)));
  q.zero_a = p.a.zero, q.zero_b = p.b.zero, q.zero = p.y.zero;
  q.low = static_cast<std::int32_t>(p.y.low), q.high = static_cast<std::int32_t>(p.y.high);
  set(p.out, add(identifier(node.name), q, {p.first, p.second}, p.y), p.y.scale);
}

void Quantizer::lower(const Product&, std::size_t i) {
  const Node& node = m_.nodes[i];
  Pair p = pair(i);
  bound(p);
  const auto reach = [](const QValue& v) { return std::max(std::llabs(v.low), std::llabs(v.high)); };
  if (reach(p.a) * reach(p.b) > 2147483647)
    fail("quantise: layer ", node.name, ": products of codes reach ", reach(p.a) * reach(p.b),
         ", at most 2147483647 are possible; use fewer activation bits");
  const Factor f =
      closest_factor(p.a.scale * p.b.scale / p.y.scale, linear_settings().multiplier, "layer " + node.name);
  const QMultiply q{p.y.length, f.multiplier, f.shift, static_cast<std::int32_t>(p.y.low),
                    static_cast<std::int32_t>(p.y.high)};
  set(p.out, add(identifier(node.name), q, {p.first, p.second}, p.y), p.y.scale);
}

// The whole, 1, is the largest code, or the largest power of two below it where scales must be such.
void Quantizer::lower(const Softmax& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const QValue x = operand(i, 0);
  if (x.length > 65535) fail("quantise: layer ", node.name, " has ", x.length, " columns, at most 65535 are possible");
  QValue y = format(node.output, table_follows(node.output), false);
  std::int64_t whole = y.high;
  if (s_.fixed_width)
    whole = static_cast<std::int64_t>(std::min(std::floor(1 / y.scale + 0.5), static_cast<double>(y.high)));
  else if (s_.power_of_two)
    while (whole & (whole - 1)) whole &= whole - 1;
  if (whole < 1)
    fail("quantise: layer ", node.name, ": one step is ", y.scale,
         ", too coarse for parts of 1; give the format more fractional bits");
  if (!s_.fixed_width) y.scale = 1 / static_cast<double>(whole);
  y.low = 0, y.high = whole;
  const QSoftmax q =
      quantize_softmax(op, x.scale, static_cast<std::int32_t>(x.high - x.low), static_cast<std::int32_t>(whole));
  set(node.output, add(identifier(node.name), q, {coded(node.inputs[0], node.name).value}, y), y.scale);
}

void Quantizer::lower(const Clamp& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const QValue y = operand(i, 0);
  const double low = static_cast<double>(y.low - y.zero) * y.scale,
               high = static_cast<double>(y.high - y.zero) * y.scale;
  if (op.high < low || op.low > high)
    fail("quantise: ", node.name, " keeps ", op.low, " .. ", op.high, ", but the codes of ", info(node.inputs[0]).name,
         " hold ", low, " .. ", high, "; put a Linear between");
  set(node.output, clamped(op, coded(node.inputs[0], node.name).value, identifier(node.name)), y.scale);
}

ValueId Quantizer::clamped(const Clamp& op, ValueId x, const std::string& name) {
  QValue y = qvalue(x);
  bound(op, y);
  if (y.low == qvalue(x).low && y.high == qvalue(x).high) return x;
  const QClamp q{y.length, static_cast<std::int32_t>(y.low), static_cast<std::int32_t>(y.high)};
  return add(name, q, {x}, y);
}

}  // namespace quench
