// Synthesizable C++ of Softmax and ShareSplit: three passes over the parts, a division for each part.
// SPDX-License-Identifier: MIT
#include "codegen/hls_layer.h"

namespace quench {
namespace {

// share_x(difference) -> e^-difference in units of 2^-15, linear between knots; of the codes `codes`.
std::string write_exponential(HlsBuild& b, const QExponential& t, const QValue& codes) {
  const std::vector<std::int64_t> value(t.value.begin(), t.value.end());
  const std::string table = b.table("exponential", value, {0, 32768}), reach = b.number("reach", t.last);
  const std::string difference = exact_type({0, codes.high - codes.low}), d = exact_type({0, t.last});
  const int bits = t.interpolation_bits;
  const std::string name = b.id("share");
  auto body = b.w.block("static inline uint32_t ", name, "(const ", difference, " difference)");
  b.pragma("INLINE");
  b.w.line(d, " d = static_cast<", d, ">(", reach, ");  // a larger difference counts as this one");
  b.w.line("if (difference < ", reach, ") d = static_cast<", d, ">(difference);");
  if (bits == 0) {
    b.w.line("return static_cast<uint32_t>(", table, "[static_cast<int>(d)]);");
    return name;
  }
  const std::string fraction = exact_type({0, (1 << bits) - 1}), entry = exact_type({0, 32768}, true);
  b.w.line("const int entry = static_cast<int>(d >> ", bits, ");");
  b.w.line("const ", fraction, " f = static_cast<", fraction, ">(d & ", (1 << bits) - 1, ");");
  b.w.line("const ", entry, " here = static_cast<", entry, ">(", table, "[entry]);");
  b.w.line("const ", entry, " there = static_cast<", entry, ">(", table, "[entry + 1]);");
  write_interpolation(b, steps_of(value), bits);
  b.w.line("return static_cast<uint32_t>(here + moved);");
  return name;
}

// The layer: operand x of type `type_x` holds the codes; `whole`: what the parts of `group` sum to.
void write_shares(HlsBuild& b, const std::vector<std::uint16_t>& part_begin, const std::vector<const char*>& operands,
                  const std::string& type_x, const std::string& term, const std::string& whole) {
  const std::int64_t parts = part_begin.back(), groups = static_cast<std::int64_t>(part_begin.size()) - 1;
  std::vector<std::int64_t> last(static_cast<std::size_t>(parts));
  for (std::size_t g = 1; g < part_begin.size(); ++g) last[part_begin[g] - 1u] = 1;
  const std::string ends = b.table("last", last, {0, 1});
  const auto next_group = [&](const std::string& before) {
    auto end = b.w.block("if (", ends, "[i] != 0)");
    if (!before.empty()) b.w.line(before);
    b.w.line("++group;");
    b.w.line("sum = 0;");
  };
  auto body = b.w.block(b.head(operands));
  b.w.line(type_x, " largest[", groups, "];");
  b.w.line("uint32_t all[", groups, "];");
  b.w.line("uint32_t sum = 0;");
  b.w.line("int group = 0;");
  b.w.line(type_x, " most = x[0];");
  b.w.line("bool begins = true;");
  {
    auto loop = b.w.block("for (int i = 0; i < ", parts, "; ++i)");
    b.pragma("PIPELINE II=1");
    b.w.line("if (begins || most < x[i]) most = x[i];");
    b.w.line("begins = ", ends, "[i] != 0;");
    auto end = b.w.block("if (begins)");
    b.w.line("largest[group] = most;");
    b.w.line("++group;");
  }
  b.w.line("group = 0;");
  {
    auto loop = b.w.block("for (int i = 0; i < ", parts, "; ++i)");
    b.pragma("PIPELINE");
    b.w.line("sum += ", term, ";");
    next_group("all[group] = sum;");
  }
  b.w.line("group = 0;");
  b.w.line("uint32_t below = 0;");
  auto loop = b.w.block("for (int i = 0; i < ", parts, "; ++i)");
  b.pragma("PIPELINE");
  b.w.line("sum += ", term, ";");
  b.w.line("const uint64_t scaled = static_cast<uint64_t>(sum) * static_cast<uint64_t>(", whole, ");");
  b.w.line("const uint32_t up_to = static_cast<uint32_t>(scaled / static_cast<uint64_t>(all[group]));");
  b.w.line("y[i] = static_cast<", b.type_out(), ">(up_to - below);");
  b.w.line("below = up_to;");
  next_group("below = 0;");
  b.layer.steps = 3 * parts;
  b.layer.multipliers = 1;
}

// The exponential's function and its call for part i, whose codes are operand k.
std::string write_term(HlsBuild& b, const QExponential& t, std::size_t k) {
  const std::string share = write_exponential(b, t, b.in(k));
  b.w.line();
  return share + "(static_cast<" + exact_type({0, b.in(k).high - b.in(k).low}) + ">(largest[group] - x[i]))";
}

}  // namespace

void write_softmax(HlsBuild& b, const QSoftmax& op) {
  const std::string term = write_term(b, op.table, 0);
  write_shares(b, op.part_begin, {"x"}, b.type_in(0), term, b.number("whole", op.whole));
}

void write_share_split(HlsBuild& b, const QShareSplit& op) {
  const std::string term = write_term(b, op.table, 1);
  write_shares(b, op.part_begin, {"total", "x"}, b.type_in(1), term, "total[group]");
}

}  // namespace quench
