// Synthesizable C++ of every layer but Linear, and what all layers share.
// SPDX-License-Identifier: MIT
#include "codegen/hls_layer.h"

#include <algorithm>

#include "engine/core/error.h"

namespace quench {
namespace {

std::string text(std::int64_t v) { return std::to_string(v); }

std::string cast(const std::string& type, const std::string& expression) {
  return "static_cast<" + type + ">(" + expression + ")";
}

Interval range_of(const std::vector<std::int64_t>& v) {
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  return {*low, *high};
}

template <class T>
std::vector<std::int64_t> numbers(const std::vector<T>& v) {
  return {v.begin(), v.end()};
}

std::string loop_over(HlsBuild& b, std::int64_t count) {
  b.layer.steps += count;
  return "for (int i = 0; i < " + text(count) + "; ++i)";
}

// Declares u = code - lowest, entry and, for tables of knots, f: the position between two knots.
void write_position(HlsBuild& b, const std::string& code, const QValue& value, std::int32_t lowest, int bits) {
  const std::string type = exact_type({0, value.high - lowest});
  b.w.line("const ", type, " u = ", cast(type, code + " - " + b.number("lowest", lowest)), ";");
  if (bits == 0) {
    b.w.line("const int entry = static_cast<int>(u);");
    return;
  }
  const std::string fraction = exact_type({0, (1 << bits) - 1});
  b.w.line("const int entry = static_cast<int>(u >> ", bits, ");");
  b.w.line("const ", fraction, " f = ", cast(fraction, "u & " + text((1 << bits) - 1)), ";");
}

void write(HlsBuild& b, const QNoise& op, const std::string&) {
  const Noise n = view(op);
  const std::string probability = b.table("probability", numbers(op.probability)),
                    alias = b.table("alias", numbers(op.alias));
  const std::string lowest = b.number("lowest", n.lowest);
  const std::string cell = exact_type({0, (1 << n.cell_bits) - 1});
  auto body = b.w.block(b.head({"event"}));
  b.w.line("uint32_t words[4];");
  {
    auto loop = b.w.block("for (int i = 0; i < 4; ++i)");
    b.pragma("UNROLL");
    b.w.line("words[i] = event[i];");
  }
  auto lanes = b.w.block("for (int lane = 0; lane < ", op.lanes, "; ++lane)");
  b.w.line("quench::Xoshiro128 generator = quench::noise_state(words, static_cast<uint32_t>(lane));");
  auto loop = b.w.block("for (int j = lane; j < ", op.length, "; j += ", op.lanes, ")");
  b.pragma("PIPELINE II=1");
  b.w.line("const uint32_t draw = quench::next(generator);");
  b.w.line("const uint32_t kept = (draw >> ", 16 - n.cell_bits, ") & 65535u;");
  b.w.line(cell, " cell = ", cast(cell, "draw >> " + text(32 - n.cell_bits)), ";");
  b.w.line("if (kept >= static_cast<uint32_t>(", probability, "[static_cast<int>(cell)])) cell = ", alias,
           "[static_cast<int>(cell)];");
  if (n.position_bits) b.w.line("const int position = static_cast<int>(draw & ", (1 << n.position_bits) - 1, "u);");
  const std::string place = n.position_bits ? " * " + text(1 << n.position_bits) + " + position" : "";
  b.w.line("y[j] = ", cast(b.type_out(), lowest + " + static_cast<int>(cell)" + place), ";");
  b.layer.steps = op.length;
}

void write(HlsBuild& b, const QLogEnergy& op, const std::string&) {
  std::vector<std::int64_t> logarithm = numbers(op.logarithm);
  logarithm.push_back(65536);
  const std::string table = b.table("logarithm", logarithm, {0, 65536});
  const Interval distance{-op.offset, (32 << 16) - std::int64_t{op.offset}};
  const std::string type = exact_type(distance, true);
  const std::string offset = b.number("offset", op.offset);
  const std::string call = write_requantize(b, distance, {{distance, op.multiplier, 0, op.shift, 0}}, false,
                                            {op.low, op.high}, op.zero, "distance");
  auto body = b.w.block(b.head({"energy"}));
  b.w.line("uint32_t m = energy[0] == 0u ? 1u : energy[0];  // shifted until its highest bit is at the top");
  b.w.line("uint32_t exponent = 31;");
  for (int bits : {16, 8, 4, 2, 1}) {
    auto branch = b.w.block("if ((m >> ", 32 - bits, ") == 0u)");
    b.w.line("m = m << ", bits, ";");
    b.w.line("exponent -= ", bits, "u;");
  }
  b.w.line("const int entry = static_cast<int>((m >> 25) & 63u);");
  b.w.line("const uint32_t here = static_cast<uint32_t>(", table, "[entry]);");
  b.w.line("const uint32_t there = static_cast<uint32_t>(", table, "[entry + 1]);");
  b.w.line("const uint32_t moved = ((there - here) * ((m >> 9) & 65535u) + 32768u) >> 16;");
  b.w.line(
      "const int32_t logarithm = static_cast<int32_t>((exponent << 16) + here + moved);  // log2 in units of 2^-16");
  b.w.line("const ", type, " distance = ", cast(type, "logarithm - " + cast("int32_t", offset)), ";");
  b.w.line("y[0] = ", call, ";");
  b.layer.steps = 1;
}

void write(HlsBuild& b, const QConcat& op, const std::string&) {
  auto body = b.w.block(b.head({"a", "c"}));
  {
    auto loop = b.w.block(loop_over(b, op.first));
    b.pragma("PIPELINE II=1");
    b.w.line("y[i] = ", cast(b.type_out(), "a[i]"), ";");
  }
  auto loop = b.w.block(loop_over(b, op.second));
  b.pragma("PIPELINE II=1");
  b.w.line("y[", op.first, " + i] = ", cast(b.type_out(), "c[i]"), ";");
}

void write(HlsBuild& b, const QSlice& op, const std::string&) {
  auto body = b.w.block(b.head({"x"}));
  auto loop = b.w.block(loop_over(b, op.length));
  b.pragma("PIPELINE II=1");
  b.w.line("y[i] = ", cast(b.type_out(), "x[" + text(op.begin) + " + i]"), ";");
}

void write(HlsBuild& b, const QTable& op, const std::string&) {
  const std::vector<std::int64_t> value = numbers(op.value);
  const std::string table = b.table("value", value), type = exact_type(range_of(value), true);
  const std::string first =
      op.functions == 1 ? "" : "i * " + text(static_cast<std::int64_t>(value.size()) / op.functions) + " + ";
  auto body = b.w.block(b.head({"x"}));
  auto loop = b.w.block(loop_over(b, op.length));
  b.pragma("PIPELINE II=1");
  write_position(b, op.functions == 1 ? "x[i]" : "x[0]", b.in(0), op.lowest, op.interpolation_bits);
  if (op.interpolation_bits == 0) {
    b.w.line("const ", type, " code = ", table, "[", first, "entry];");
  } else {
    b.w.line("const ", type, " here = ", table, "[", first, "entry];");
    b.w.line("const ", type, " there = ", table, "[", first, "entry + 1];");
    write_interpolation(b, steps_of(value), op.interpolation_bits);
    b.w.line("const ", type, " code = ", cast(type, "here + moved"), ";");
  }
  write_clamp(b, "y[i] = ", "code", op.low, op.high);
}

void write(HlsBuild& b, const QMultiply& op, const std::string&) {
  Interval product{INT64_MAX, INT64_MIN};
  for (std::int64_t x : {b.in(0).low, b.in(0).high})
    for (std::int64_t y : {b.in(1).low, b.in(1).high})
      product = {std::min(product.low, x * y), std::max(product.high, x * y)};
  const std::string type = exact_type(product, true);
  const std::string call =
      write_requantize(b, product, {{product, op.multiplier, 0, op.shift, 0}}, false, {op.low, op.high}, 0, "product");
  auto body = b.w.block(b.head({"a", "c"}));
  auto loop = b.w.block(loop_over(b, op.length));
  b.pragma("PIPELINE II=1");
  b.w.line("const ", type, " product = ", cast(type, cast(type, "a[i]") + " * " + cast(type, "c[i]")), ";");
  b.w.line("y[i] = ", call, ";");
  b.layer.multipliers = 1;
}

// (code - zero) * multiplier: its text and its range, over all multipliers.
struct Term {
  std::string text;
  Interval range;
};

Term scaled_term(const HlsBuild& b, std::size_t i, const std::string& operand, const std::string& zero,
                 std::int64_t zero_value, const std::string& multiplier, Interval multipliers) {
  Interval range{INT64_MAX, INT64_MIN};
  for (std::int64_t x : {b.in(i).low - zero_value, b.in(i).high - zero_value})
    for (std::int64_t m : {multipliers.low, multipliers.high})
      range = {std::min(range.low, x * m), std::max(range.high, x * m)};
  return {cast(exact_type(range, true), "(" + operand + " - " + zero + ") * " + multiplier), range};
}

// Add and Spread; `multiplier_b`: the constant that holds the second operand's, indexed where it is a table.
template <class Sum>
void write_sum(HlsBuild& b, const Sum& op, const std::string& multiplier_b, Interval multipliers_b) {
  const std::string zero_a = b.number("first_zero", op.zero_a),
                    multiplier_a = b.number("first_multiplier", op.multiplier_a),
                    zero_b = b.number("second_zero", op.zero_b);
  const auto [a, first] =
      scaled_term(b, 0, "a[i]", zero_a, op.zero_a, multiplier_a, {op.multiplier_a, op.multiplier_a});
  const auto [c, second] = scaled_term(b, 1, "c[i]", zero_b, op.zero_b, multiplier_b, multipliers_b);
  const Interval sum{first.low + second.low, first.high + second.high};
  const std::string type = exact_type(sum, true);
  const std::string call =
      write_requantize(b, sum, {{sum, 1, 0, op.shift, 0}}, false, {op.low, op.high}, op.zero, "sum");
  auto body = b.w.block(b.head({"a", "c"}));
  auto loop = b.w.block(loop_over(b, b.out().length));
  b.pragma("PIPELINE II=1");
  b.w.line("const ", type, " sum = ", cast(type, a + " + " + c), ";");
  b.w.line("y[i] = ", call, ";");
  b.layer.multipliers = 2;
}

void write(HlsBuild& b, const QAdd& op, const std::string&) {
  write_sum(b, op, b.number("second_multiplier", op.multiplier_b), {op.multiplier_b, op.multiplier_b});
}

void write(HlsBuild& b, const QSpread& op, const std::string&) {
  const std::vector<std::int64_t> multiplier = numbers(op.multiplier_b);
  write_sum(b, op, b.table("second_multiplier", multiplier) + "[i]", range_of(multiplier));
}

void write(HlsBuild& b, const QFraction& op, const std::string&) {
  const std::string fraction = write_fraction(b, op.table, b.in(0));
  b.w.line();
  const std::string half_shift = b.number("half_shift", op.shift - 1);
  auto body = b.w.block(b.head({"x", "energy"}));
  auto loop = b.w.block(loop_over(b, op.length));
  b.pragma("PIPELINE II=1");
  b.w.line("const uint64_t product = static_cast<uint64_t>(", fraction, "(x[i])) * static_cast<uint64_t>(energy[0]);");
  b.w.line("const uint64_t rounded = ((product >> static_cast<int>(", half_shift, ")) + 1u) >> 1;");
  b.w.line("y[i] = rounded > 4294967295u ? 4294967295u : static_cast<uint32_t>(rounded);");
  b.layer.multipliers = 1;
}

void write(HlsBuild& b, const QSplit& op, const std::string&) {
  const std::string fraction = write_fraction(b, op.table, b.in(1));
  b.w.line();
  const std::int64_t parts = op.part_begin.back(), groups = static_cast<std::int64_t>(op.part_begin.size()) - 1;
  std::vector<std::int64_t> last(static_cast<std::size_t>(parts));
  for (std::size_t g = 1; g < op.part_begin.size(); ++g) last[op.part_begin[g] - 1u] = 1;
  const std::string flag = b.table("last", last, {0, 1});
  auto body = b.w.block(b.head({"total", "logit"}));
  b.w.line("uint32_t rest = total[0];");
  b.w.line("int group = 0, next = 0;");
  auto loop = b.w.block("for (int i = 0; i < ", parts, "; ++i)");
  b.pragma("PIPELINE");
  {
    auto take = b.w.block("if (", flag, "[i] != 0)");
    b.w.line("y[i] = rest;");
    b.w.line("++group;");
    b.w.line("if (group < ", groups, ") rest = total[group];");
  }
  auto split = b.w.block("else");
  b.w.line("const uint64_t product = static_cast<uint64_t>(", fraction,
           "(logit[next])) * static_cast<uint64_t>(rest);");
  b.w.line("const uint32_t part = static_cast<uint32_t>(product >> 32);");
  b.w.line("y[i] = part;");
  b.w.line("rest -= part;");
  b.w.line("++next;");
  b.layer.steps = parts;
  b.layer.multipliers = 1;
}

void write(HlsBuild& b, const QThreshold& op, const std::string&) {
  const std::string threshold = b.table("threshold", {op.threshold}, {0, 4294967295});
  auto body = b.w.block(b.head({"x"}));
  auto loop = b.w.block(loop_over(b, op.length));
  b.pragma("PIPELINE II=1");
  b.w.line("y[i] = x[i] < ", threshold, "[0] ? 0u : x[i];");
}

void write(HlsBuild& b, const QPermute& op, const std::string&) {
  const std::string order = b.table("order", numbers(op.order));
  auto body = b.w.block(b.head({"x"}));
  auto loop = b.w.block(loop_over(b, static_cast<std::int64_t>(op.order.size())));
  b.pragma("PIPELINE II=1");
  b.w.line("y[i] = ", cast(b.type_out(), "x[static_cast<int>(" + order + "[i])]"), ";");
}

void write(HlsBuild& b, const QClamp& op, const std::string&) {
  auto body = b.w.block(b.head({"x"}));
  auto loop = b.w.block(loop_over(b, op.length));
  b.pragma("PIPELINE II=1");
  write_clamp(b, "y[i] = ", "x[i]", op.low, op.high);
}

// Every column has its own range: an offset and a factor.
void write(HlsBuild& b, const QRescale& op, const std::string&) {
  const Requantization& q = op.requantize;
  const std::vector<std::int64_t> offset = op.offset.empty() ? std::vector<std::int64_t>{0} : numbers(op.offset);
  std::vector<HlsRow> rows;
  for (std::size_t i = 0; i < std::max(offset.size(), q.multiplier.size()); ++i) {
    const std::int64_t o = offset[offset.size() > 1 ? i : 0];
    const std::size_t k = q.multiplier.size() > 1 ? i : 0;
    const bool leaky = !q.negative_multiplier.empty();
    rows.push_back({{b.in(0).low + o, b.in(0).high + o},
                    q.multiplier[k],
                    leaky ? q.negative_multiplier[k] : 0,
                    q.shift[k],
                    leaky ? q.negative_shift[k] : 1});
  }
  const Interval offsets = range_of(offset), sum{b.in(0).low + offsets.low, b.in(0).high + offsets.high};
  const std::string moved = op.offset.empty() ? "" : " + " + b.table("offset", offset) + "[row]";
  const std::string call =
      write_requantize(b, sum, rows, !q.negative_multiplier.empty(), {q.low, q.high}, q.zero, "sum");
  const std::string type = exact_type(sum, true);
  auto body = b.w.block(b.head({"x"}));
  b.layer.steps += op.length;
  auto loop = b.w.block("for (int row = 0; row < ", op.length, "; ++row)");
  b.pragma("PIPELINE II=1");
  b.w.line("const ", type, " sum = ", cast(type, "x[row]" + moved), ";");
  b.w.line("y[row] = ", call, ";");
  b.layer.multipliers = 1;
}

void write(HlsBuild& b, const QCoupling& op, const std::string&) { write_coupling(b, op); }
void write(HlsBuild& b, const QSoftmax& op, const std::string&) { write_softmax(b, op); }
void write(HlsBuild& b, const QShareSplit& op, const std::string&) { write_share_split(b, op); }
void write(HlsBuild& b, const QLinear& op, const std::string& encoding) { write_linear(b, op, encoding); }

HlsConstant constant(const std::string& name, Interval range, std::int32_t lanes,
                     const std::vector<std::int64_t>& values) {
  // Energies and fractions have 32 bits by definition and enter 64-bit products: they stay plain.
  const bool plain = range.low == 0 && range.high == 4294967295;
  return {name, plain ? "uint32_t" : exact_type(range), lanes, values};
}

}  // namespace

void write_clamp(HlsBuild& b, const std::string& target, const std::string& code, std::int64_t low, std::int64_t high) {
  const std::string lowest = b.number("low", low), highest = b.number("high", high);
  b.w.line("if (", code, " < ", lowest, ") ", target, cast(b.type_out(), lowest), ";");
  b.w.line("else if (", code, " > ", highest, ") ", target, cast(b.type_out(), highest), ";");
  b.w.line("else ", target, cast(b.type_out(), code), ";");
}

std::string write_fraction(HlsBuild& b, const QFractionTable& t, const QValue& codes) {
  const std::vector<std::int64_t> value = numbers(t.value);
  const Interval step = steps_of(value);
  const std::string wide = exact_type({0, 4294967295}, true);
  b.table("value", value, {0, 4294967295});
  auto body = b.w.block("static inline uint32_t ", b.id("fraction"), "(const type_", codes.name, " code)");
  b.pragma("INLINE");
  write_position(b, "code", codes, t.lowest, t.interpolation_bits);
  b.w.line("const ", wide, " here = ", cast(wide, b.id("value") + "[entry]"), ";");
  b.w.line("const ", wide, " there = ", cast(wide, b.id("value") + "[entry + 1]"), ";");
  write_interpolation(b, step, t.interpolation_bits);
  b.w.line("return static_cast<uint32_t>(here + moved);");
  return b.id("fraction");
}

std::string exact_type(Interval range, bool always_signed) {
  int bits = 1;
  if (range.low >= 0 && !always_signed) {
    while (bits < 63 && (range.high >> bits) != 0) ++bits;
    return "Unsigned<" + text(bits) + ">";
  }
  for (bits = 2; bits < 64; ++bits) {
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    if (range.low >= -limit && range.high < limit) break;
  }
  return "Signed<" + text(bits) + ">";
}

Interval steps_of(const std::vector<std::int64_t>& v) {
  Interval steps{0, 0};
  for (std::size_t i = 1; i < v.size(); ++i) {
    steps.low = std::min(steps.low, v[i] - v[i - 1]);
    steps.high = std::max(steps.high, v[i] - v[i - 1]);
  }
  return steps;
}

void write_interpolation(HlsBuild& b, Interval step, int bits) {
  const std::int64_t half = std::int64_t{1} << (bits - 1), most = (std::int64_t{1} << bits) - 1;
  const std::string difference = exact_type(step, true);
  const std::string product = exact_type({step.low * most, step.high * most + half}, true);
  const std::string moved = exact_type({(step.low * most + half) >> bits, (step.high * most + half) >> bits}, true);
  b.w.line("const ", difference, " step = ", cast(difference, "there - here"), ";");
  b.w.line("const ", product,
           " product = ", cast(product, cast(product, "step") + " * " + cast(product, "f") + " + " + text(half)), ";");
  b.w.line("const ", moved, " moved = ", cast(moved, "product >> " + text(bits)), ";");
}

std::string HlsBuild::number(const char* kind, std::int64_t value) {
  // Signed like what it meets: C++ would compare wide unsigned numbers with negative ones wrongly.
  layer.constants.push_back(constant(id(kind), {std::min<std::int64_t>(value, -1), value}, 0, {value}));
  return id(kind);
}

std::string HlsBuild::table(const char* kind, const std::vector<std::int64_t>& values) {
  return table(kind, values, range_of(values));
}

std::string HlsBuild::table(const char* kind, const std::vector<std::int64_t>& values, Interval range) {
  layer.constants.push_back(constant(id(kind), range, 1, values));
  return id(kind);
}

std::string HlsBuild::lanes(const char* kind, const std::vector<std::int64_t>& values, std::int32_t lanes) {
  layer.constants.push_back(constant(id(kind), range_of(values), lanes, values));
  return id(kind);
}

std::string HlsBuild::head(const std::vector<const char*>& operands) {
  std::string parameters;
  for (std::size_t i = 0; i < operands.size(); ++i)
    parameters += "const " + type_in(i) + " " + operands[i] + "[" + text(in(i).length) + "], ";
  layer.reads_per_step.assign(operands.size(), 1);
  return "static inline void " + id("layer") + "(" + parameters + type_out() + " y[" + text(out().length) + "])";
}

HlsLayer hls_layer(const Program& p, const QNode& node, const DeviceLayer& device) {
  HlsBuild b{p, node};
  std::visit([&](const auto& op) { write(b, op, device.encoding); }, node.op);
  b.layer.functions = b.w.text();
  return b.layer;
}

}  // namespace quench
