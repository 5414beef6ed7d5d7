// The proof that a program is sound: lengths, table sizes and exact ranges, so that nothing reads outside or wraps.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "engine/core/error.h"
#include "engine/model/program_place.h"

namespace quench {
namespace {

constexpr std::int32_t most_elements = 1 << 24;  // of all values together: 64 MB of words while an event is made

void check(const QNoise& op, const Place& at) {
  at.inputs(1);
  at.meaning(at.in(0), Meaning::event);
  at.require(op.bits >= 2 && op.bits <= 16, op.bits, " bits; codes have 2 to 16");
  at.require(is_scale(op.scale), "the scale ", op.scale, " is not positive");
  at.require(op.lanes >= 1 && op.lanes <= op.length, op.lanes, " lanes for ", op.length, " latents");
  at.lengths(op.length, at.out());
  const std::size_t cells = std::size_t{1} << std::min(op.bits, 8);
  at.require(op.alias.size() == cells && op.probability.size() == cells, op.alias.size(), " cells, needs ", cells);
  for (std::uint8_t a : op.alias) at.require(a < cells, "alias ", int{a}, " of ", cells, " cells");
  at.clamps(-(std::int64_t{1} << (op.bits - 1)), (std::int64_t{1} << (op.bits - 1)) - 1);
}

void check(const QLogEnergy& op, const Place& at) {
  at.inputs(1);
  at.meaning(at.in(0), Meaning::energy);
  at.lengths(1, at.in(0)), at.lengths(1, at.out());
  at.require(op.logarithm.size() == 64, op.logarithm.size(), " knots, needs 64");
  at.require(std::is_sorted(op.logarithm.begin(), op.logarithm.end()), "the logarithm's knots must increase");
  at.require(op.offset >= 0 && op.offset < (32 << 16), "offset ", op.offset, " is outside 0 .. ", 32 << 16);
  at.factor(op.multiplier, op.shift, int32_high, 62);
  at.clamps(op.low, op.high);
}

void check(const QConcat& op, const Place& at) {
  at.inputs(2);
  at.require(op.first >= 1 && op.second >= 1, "operands of ", op.first, " and ", op.second, " elements");
  at.lengths(op.first, at.in(0)), at.lengths(op.second, at.in(1));
  at.lengths(std::int64_t{op.first} + op.second, at.out());
  for (std::size_t i : {0u, 1u}) {
    at.meaning(at.in(i), Meaning::code);
    at.clamps(at.in(i).low, at.in(i).high);
    at.require(at.in(i).zero == at.out().zero, "operand ", at.in(i).name, " has zero point ", at.in(i).zero, ", needs ",
               at.out().zero);
  }
}

void check(const QSlice& op, const Place& at) {
  at.inputs(1);
  at.require(op.begin >= 0 && op.length >= 1 && std::int64_t{op.begin} + op.length <= at.in(0).length, "elements ",
             op.begin, " .. ", std::int64_t{op.begin} + op.length - 1, " of ", at.in(0).length);
  at.lengths(op.length, at.out());
  at.meaning(at.in(0), Meaning::code);
  at.clamps(at.in(0).low, at.in(0).high);
}

void check(const QLinear& op, const Place& at) {
  at.inputs(1);
  at.require(op.rows >= 1 && op.columns >= 1, op.rows, " rows of ", op.columns, " columns");
  at.meaning(at.in(0), Meaning::code);
  at.lengths(op.columns, at.in(0)), at.lengths(op.rows, at.out());
  const std::size_t rows = static_cast<std::size_t>(op.rows);
  at.require(op.weight.size() == rows * static_cast<std::size_t>(op.columns), op.weight.size(), " weights for ",
             op.rows, " x ", op.columns);
  at.require(op.bias.size() == rows, op.bias.size(), " biases for ", op.rows, " rows");
  at.require(op.weight_scale.size() == rows || op.weight_scale.size() == 1, op.weight_scale.size(), " scales for ",
             op.rows, " rows");
  for (double scale : op.weight_scale) at.require(is_scale(scale), "the weight scale ", scale, " is not positive");
  at.require(op.weight_bits >= 2 && op.weight_bits <= 16, op.weight_bits, " weight bits; 2 to 16 exist");
  at.require(op.weight_zero.empty() || op.weight_zero.size() == op.weight_scale.size(), op.weight_zero.size(),
             " zero points for ", op.weight_scale.size(), " weight scales");
  for (std::int32_t zero : op.weight_zero)
    at.require(zero >= 0 && zero < std::int32_t{1} << op.weight_bits, "the weights' zero point ", zero,
               " is outside 0 .. ", (std::int32_t{1} << op.weight_bits) - 1, " of ", op.weight_bits, " bits");
  for (std::size_t r = 0; r < rows; ++r) {
    const Interval range = code_range(op, r);
    const auto row = op.weight.begin() + static_cast<std::ptrdiff_t>(r) * op.columns;
    for (auto w = row; w < row + op.columns; ++w)
      at.require(*w >= range.low && *w <= range.high, "weight ", *w, " of row ", r, " is outside ", range.low, " .. ",
                 range.high, " of ", op.weight_bits, " bits");
  }
  check_factors(op.requantize, rows, at);
  const Interval proof = accumulator_interval(op, at.in(0).low, at.in(0).high);
  at.require(proof.low == op.accumulator_low && proof.high == op.accumulator_high, "the accumulator's interval is ",
             proof.low, " .. ", proof.high, ", the program states ", op.accumulator_low, " .. ", op.accumulator_high);
  const std::int64_t limit = op.requantize.kind == "wide" ? int32_high : (std::int64_t{1} << 47) - 1;
  at.require(proof.low >= -limit && proof.high <= limit, "the accumulator's interval ", proof.low, " .. ", proof.high,
             " leaves -", limit, " .. ", limit, " of multiplier class ", op.requantize.kind);
  at.clamps(op.requantize.low, op.requantize.high);
}

void check(const QTable& op, const Place& at) {
  at.inputs(1);
  at.meaning(at.in(0), Meaning::code);
  at.require(op.length >= 1 && op.functions >= 1 && (op.functions == 1 || op.functions == op.length), op.functions,
             " functions for ", op.length, " outputs");
  check_text(op.function, op.maximum_error, at);
  at.lengths(op.functions == 1 ? op.length : 1, at.in(0)), at.lengths(op.length, at.out());
  at.require(op.interpolation_bits <= 13, int{op.interpolation_bits}, " interpolation bits, at most 13");
  at.require(at.in(0).low >= op.lowest && at.in(0).high - op.lowest < 65536, "inputs ", at.in(0).low, " .. ",
             at.in(0).high, " for a table from ", op.lowest);
  const std::size_t entries = op.value.size() / static_cast<std::size_t>(op.functions);
  const auto needed = static_cast<std::size_t>(
      table_entries(op.lowest, static_cast<std::int32_t>(at.in(0).high), op.interpolation_bits));
  at.require(entries >= needed && op.value.size() == entries * static_cast<std::size_t>(op.functions), entries,
             " entries, needs ", needed);
  at.clamps(op.low, op.high);
}

void check(const QMultiply& op, const Place& at) {
  at.inputs(2);
  std::int64_t largest = 1;
  for (std::size_t i : {0u, 1u}) {
    at.meaning(at.in(i), Meaning::code);
    at.lengths(op.length, at.in(i));
    at.require(at.in(i).zero == 0, "operand ", at.in(i).name, " has zero point ", at.in(i).zero, ", needs 0");
    largest *= std::max(std::llabs(at.in(i).low), std::llabs(at.in(i).high));
  }
  at.lengths(op.length, at.out());
  at.require(largest <= int32_high, "products reach ", largest, ", at most ", int32_high);
  at.factor(op.multiplier, op.shift, int32_high, 62);
  at.clamps(op.low, op.high);
}

// Of operand i of a sum; the multiplier is at least 0.
std::int64_t largest_term(const Place& at, std::size_t i, std::int64_t length, std::int32_t zero,
                          std::int64_t multiplier) {
  const QValue& v = at.in(i);
  at.meaning(v, Meaning::code);
  at.lengths(length, v);
  at.require(std::abs(std::int64_t{zero}) <= 65536, "zero point ", zero);
  return std::max(std::llabs(v.low - zero), std::llabs(v.high - zero)) * multiplier;
}

void check(const QAdd& op, const Place& at) {
  at.inputs(2);
  at.factor(op.multiplier_a, op.shift, 32767, 30), at.factor(op.multiplier_b, op.shift, 32767, 30);
  const std::int64_t sum = largest_term(at, 0, op.length, op.zero_a, op.multiplier_a) +
                           largest_term(at, 1, op.length, op.zero_b, op.multiplier_b) +
                           (std::int64_t{1} << (op.shift - 1));
  at.require(sum <= int32_high, "sums reach ", sum, ", at most ", int32_high);
  at.lengths(op.length, at.out());
  at.clamps(op.low, op.high);
}

void check(const QSpread& op, const Place& at) {
  at.inputs(2);
  const std::int64_t length = static_cast<std::int64_t>(op.multiplier_b.size());
  at.require(length >= 1, "no multipliers for the second operand");
  std::int64_t multiplier_b = 0;
  for (std::int16_t m : op.multiplier_b) multiplier_b = std::max(multiplier_b, std::abs(std::int64_t{m}));
  at.factor(op.multiplier_a, op.shift, 32767, 30), at.factor(multiplier_b, op.shift, 32767, 30);
  const std::int64_t sum = largest_term(at, 0, length, op.zero_a, op.multiplier_a) +
                           largest_term(at, 1, length, op.zero_b, multiplier_b) + (std::int64_t{1} << (op.shift - 1));
  at.require(sum <= int32_high, "sums reach ", sum, ", at most ", int32_high);
  at.lengths(length, at.out());
  at.clamps(op.low, op.high);
}

void check(const QFraction& op, const Place& at) {
  at.inputs(2);
  at.lengths(op.length, at.in(0)), at.lengths(1, at.in(1)), at.lengths(op.length, at.out());
  at.meaning(at.in(1), Meaning::energy), at.meaning(at.out(), Meaning::energy);
  at.require(op.shift >= 1 && op.shift <= 62, "shift ", int{op.shift}, " is outside 1 .. 62");
  check_table(op.table, at.in(0), at);
}

void check_groups(const std::vector<std::uint16_t>& part_begin, const Place& at) {
  at.require(part_begin.size() >= 2 && part_begin[0] == 0, "no groups");
  for (std::size_t g = 1; g < part_begin.size(); ++g)
    at.require(part_begin[g] > part_begin[g - 1], "group ", g - 1, " has no parts");
}

void check(const QSplit& op, const Place& at) {
  at.inputs(2);
  at.meaning(at.in(0), Meaning::energy), at.meaning(at.out(), Meaning::energy);
  check_groups(op.part_begin, at);
  const auto groups = static_cast<std::int64_t>(op.part_begin.size()) - 1;
  at.lengths(groups, at.in(0)), at.lengths(op.part_begin.back(), at.out());
  at.lengths(std::max<std::int64_t>(op.part_begin.back() - groups, 1), at.in(1));
  check_table(op.table, at.in(1), at);
}

void check(const QThreshold& op, const Place& at) {
  at.inputs(1);
  at.meaning(at.in(0), Meaning::energy), at.meaning(at.out(), Meaning::energy);
  at.lengths(op.length, at.in(0)), at.lengths(op.length, at.out());
}

void check(const QPermute& op, const Place& at) {
  at.inputs(1);
  at.require(is_permutation(op.order), "the order of ", op.order.size(), " elements must list each of 0 .. ",
             static_cast<std::int64_t>(op.order.size()) - 1, " once");
  at.lengths(static_cast<std::int64_t>(op.order.size()), at.in(0));
  at.lengths(static_cast<std::int64_t>(op.order.size()), at.out());
  at.require(at.in(0).meaning != Meaning::event, "the words of an event number have one order");
  at.meaning(at.out(), at.in(0).meaning);
  if (at.in(0).meaning == Meaning::code) at.clamps(at.in(0).low, at.in(0).high);
}

void check(const QClamp& op, const Place& at) {
  at.inputs(1);
  at.meaning(at.in(0), Meaning::code);
  at.lengths(op.length, at.in(0)), at.lengths(op.length, at.out());
  at.require(at.in(0).zero == at.out().zero, "zero point ", at.in(0).zero, " becomes ", at.out().zero);
  at.clamps(op.low, op.high);
}

// Groups of codes whose exponentials share a whole.
void check_shares(const std::vector<std::uint16_t>& part_begin, const QExponential& t, const QValue& codes,
                  const Place& at) {
  at.meaning(codes, Meaning::code);
  check_text("", t.maximum_error, at);
  check_groups(part_begin, at);
  at.lengths(part_begin.back(), codes), at.lengths(part_begin.back(), at.out());
  at.require(t.interpolation_bits <= 13, int{t.interpolation_bits}, " interpolation bits, at most 13");
  at.require(t.last >= 0 && t.last < 65536, "the largest difference in the table, ", t.last, ", is outside 0 .. 65535");
  const auto needed = static_cast<std::size_t>(table_entries(0, t.last, t.interpolation_bits));
  at.require(t.value.size() >= needed, t.value.size(), " entries, needs ", needed);
  at.require(t.value[0] == 32768, "entry 0 is ", t.value[0], ", needs 32768");  // so no sum is 0
  for (std::uint16_t e : t.value) at.require(e <= 32768, "entry ", e, " is above 32768");
}

void check(const QShareSplit& op, const Place& at) {
  at.inputs(2);
  at.meaning(at.in(0), Meaning::energy), at.meaning(at.out(), Meaning::energy);
  check_shares(op.part_begin, op.table, at.in(1), at);
  at.lengths(static_cast<std::int64_t>(op.part_begin.size()) - 1, at.in(0));
}

void check(const QSoftmax& op, const Place& at) {
  at.inputs(1);
  check_shares(op.part_begin, op.table, at.in(0), at);
  at.require(op.whole >= 1 && op.whole <= 65535, "the whole ", op.whole, " is outside 1 .. 65535");
  at.require(at.out().zero == 0, "the result has zero point ", at.out().zero, ", needs 0");
  at.clamps(0, op.whole);
}

bool is_identifier(const std::string& s) {
  if (s.empty() || s.size() > 64 || (s[0] >= '0' && s[0] <= '9')) return false;
  return std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void check_value(const QValue& v) {
  const auto require = [&](bool good, const auto&... parts) {
    if (!good) fail("value ", v.name, ": ", parts...);
  };
  require(v.length >= 1 && v.length <= most_elements, v.length, " elements; 1 to ", most_elements, " exist");
  require(is_scale(v.scale), "the scale ", v.scale, " is not positive");
  if (v.meaning != Meaning::code) {
    require(v.bits == 32 && !v.is_signed, "event numbers and energies have 32 unsigned bits");
    require(v.low == 0 && v.high == 4294967295, "the range ", v.low, " .. ", v.high,
            " is not that of 32 unsigned bits");
    require(v.meaning != Meaning::event || v.length == 4, "an event number has 4 words, not ", v.length);
    return;
  }
  require(v.bits >= 2 && v.bits <= (v.is_signed ? wide_bits : 16), v.bits, " bits; codes have 2 to 16, signed ones ",
          wide_bits);
  const std::int64_t low = v.is_signed ? -(std::int64_t{1} << (v.bits - 1)) : 0;
  const std::int64_t high = (std::int64_t{1} << (v.bits - (v.is_signed ? 1 : 0))) - 1;
  require(low <= v.low && v.low <= v.high && v.high <= high, "the range ", v.low, " .. ", v.high, " leaves ", low,
          " .. ", high, " of ", v.bits, " bits");
  require(v.zero >= low && v.zero <= high, "the zero point ", v.zero, " is outside ", low, " .. ", high);
}

}  // namespace

void check(const Program& p) {
  if (!is_identifier(p.name)) fail("the program's name \"", p.name, "\" is no C identifier of at most 64 characters");
  if (!is_printable(p.geometry)) fail("the name of the geometry holds a control character or has over 1000 characters");
  if (!is_scale(p.energy_unit_mev)) fail("the energy unit ", p.energy_unit_mev, " MeV is not positive");
  if (!(p.minimum_energy_mev >= 0 && p.minimum_energy_mev <= p.maximum_energy_mev &&
        std::isfinite(p.maximum_energy_mev)))
    fail("incident energies from ", p.minimum_energy_mev, " to ", p.maximum_energy_mev,
         " MeV; the minimum must be at least 0 and at most the maximum");
  if (p.original_bits < 0) fail("the float generator's size, ", p.original_bits, " bits, is negative");
  std::int64_t elements = 0;
  std::set<std::string> names;
  for (const QValue& v : p.values) {
    if (!is_identifier(v.name)) fail("the value name \"", v.name, "\" is no C identifier of at most 64 characters");
    if (!names.insert(v.name).second) fail("two values are named ", v.name);
    check_value(v);
    elements += v.length;
  }
  if (elements > most_elements)
    fail("the values hold ", elements, " elements together; at most ", most_elements, " are run");
  std::vector<bool> known(p.values.size());
  const auto define = [&](ValueId v, const std::string& by) {
    if (index(v) >= known.size()) fail(by, ": value ", index(v), " of ", known.size(), " does not exist");
    if (known[index(v)]) fail(by, ": value ", p.values[index(v)].name, " is defined twice");
    known[index(v)] = true;
  };
  if (p.inputs.empty()) fail("the program has no input");
  for (ValueId v : p.inputs) define(v, "input");
  names.clear();
  for (const QNode& node : p.nodes) {
    if (!is_identifier(node.name))
      fail("the layer name \"", node.name, "\" is no C identifier of at most 64 characters");
    if (!names.insert(node.name).second) fail("two layers are named ", node.name);
    for (ValueId v : node.inputs)
      if (index(v) >= known.size() || !known[index(v)])
        fail("layer ", node.name, " reads a value that no earlier layer made");
    define(node.output, "layer " + node.name);
    std::visit([&](const auto& op) { check(op, Place{p, node}); }, node.op);
  }
  if (index(p.output) >= known.size() || !known[index(p.output)]) fail("the program's output is made by no layer");
}

}  // namespace quench
