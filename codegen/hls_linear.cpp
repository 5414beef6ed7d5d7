// Synthesizable C++ of requantisation and of Linear: dense rows, or a static schedule of the non-zeros.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "codegen/hls_layer.h"

namespace quench {
namespace {

using Numbers = std::vector<std::int64_t>;

// Products are formed in parallel until a layer needs no more steps than this, or until that many multipliers are used;
// wider reads cost more than they gain.
constexpr std::int64_t goal_steps = 1024;
constexpr std::int32_t most_lanes = 64;

std::string cast(const std::string& type, const std::string& expression) {
  return "static_cast<" + type + ">(" + expression + ")";
}

void join(Interval& all, Interval one) { all = {std::min(all.low, one.low), std::max(all.high, one.high)}; }

// The same rounded quotient with the smallest multiplier: acc * 2m / 2^(s + 1) = acc * m / 2^s.
void reduce(std::int64_t& multiplier, int& shift) {
  while (shift > 1 && multiplier % 2 == 0) {
    multiplier /= 2;
    --shift;
  }
}

struct Stages {  // exact ranges inside a requantisation
  Interval product{0, 0}, halves{0, 0}, code;
};

void extend(Stages& s, Interval sum, std::int64_t multiplier, int shift, std::int64_t zero) {
  const Interval product{sum.low * multiplier, sum.high * multiplier};
  const Interval halves{product.low >> (shift - 1), (product.high >> (shift - 1)) + 1};
  join(s.product, product);
  join(s.halves, halves);
  join(s.code, {zero + ((halves.low + 1) >> 1), zero + (halves.high >> 1)});
}

Stages stages_of(const std::vector<HlsRow>& rows, bool leaky, std::int64_t zero) {
  Stages s;
  s.code = {zero, zero};
  for (const HlsRow& r : rows) {
    if (!leaky) {
      extend(s, r.sum, r.multiplier, r.shift, zero);
      continue;
    }
    if (r.sum.low < 0)
      extend(s, {r.sum.low, std::min<std::int64_t>(r.sum.high, -1)}, r.negative_multiplier, r.negative_shift, zero);
    if (r.sum.high >= 0) extend(s, {std::max<std::int64_t>(r.sum.low, 0), r.sum.high}, r.multiplier, r.shift, zero);
  }
  return s;
}

// A number when all rows agree, else a table with its index.
std::string per_row(HlsBuild& b, const char* kind, const Numbers& values, Interval range, bool as_number) {
  return as_number ? b.number(kind, values[0]) : b.table(kind, values, range) + "[row]";
}

bool uniform(const Numbers& v) {
  return std::all_of(v.begin(), v.end(), [&](std::int64_t x) { return x == v[0]; });
}

Interval range_of(const Numbers& a, const Numbers& b) {
  Interval all{a[0], a[0]};
  for (std::int64_t x : a) join(all, {x, x});
  for (std::int64_t x : b) join(all, {x, x});
  return all;
}

struct Schedule {
  Numbers weight, column, last;  // [steps][lanes], [steps][lanes], [steps]
};

Interval row_interval(const QLinear& op, const QValue& x, std::int32_t row) {
  std::int64_t low = op.bias[static_cast<std::size_t>(row)], high = low;
  const std::int16_t* w = op.weight.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(op.columns);
  for (std::int32_t k = 0; k < op.columns; ++k) {
    low += std::min(w[k] * x.low, w[k] * x.high);
    high += std::max(w[k] * x.low, w[k] * x.high);
  }
  return {low, high};
}

std::vector<HlsRow> rows_of(const QLinear& op, const QValue& x) {
  const Requantization& q = op.requantize;
  std::vector<HlsRow> rows;
  for (std::int32_t r = 0; r < op.rows; ++r) {
    const std::size_t i = q.multiplier.size() > 1 ? static_cast<std::size_t>(r) : 0;
    const bool leaky = !q.negative_multiplier.empty();
    rows.push_back({row_interval(op, x, r), q.multiplier[i], leaky ? q.negative_multiplier[i] : 0, q.shift[i],
                    leaky ? q.negative_shift[i] : 1});
  }
  return rows;
}

Schedule schedule_of(const QLinear& op, std::int32_t lanes, bool sparse) {
  Schedule s;
  for (std::int32_t r = 0; r < op.rows; ++r) {
    Numbers weight, column;
    for (std::int32_t k = 0; k < op.columns; ++k) {
      const std::int16_t w =
          op.weight[static_cast<std::size_t>(r) * static_cast<std::size_t>(op.columns) + static_cast<std::size_t>(k)];
      if (sparse && w == 0) continue;
      weight.push_back(w);
      column.push_back(k);
    }
    while (weight.empty() || weight.size() % static_cast<std::size_t>(lanes) != 0)
      weight.push_back(0), column.push_back(0);
    for (std::size_t k = 0; k < weight.size(); k += static_cast<std::size_t>(lanes)) s.last.push_back(0);
    s.last.back() = 1;
    s.weight.insert(s.weight.end(), weight.begin(), weight.end());
    s.column.insert(s.column.end(), column.begin(), column.end());
  }
  return s;
}

std::int32_t lanes_of(const QLinear& op, bool sparse) {
  const auto steps_with = [&](std::int32_t n) {
    return static_cast<std::int64_t>(schedule_of(op, n, sparse).last.size());
  };
  const std::int32_t most = std::min(op.columns, most_lanes);
  std::int32_t lanes = 1;
  for (std::int64_t steps = steps_with(1); lanes < most && steps > goal_steps;) {
    const std::int32_t more = std::min(2 * lanes, most);
    const std::int64_t fewer = steps_with(more);
    if (4 * fewer > 3 * steps) break;  // short rows: most of the new lanes would idle
    lanes = more;
    steps = fewer;
  }
  return lanes;
}

// A sparse lane reads where its column says: with several lanes, each from its own copy of the inputs.
void write_copies(HlsBuild& b, std::int32_t columns, std::int32_t lanes) {
  b.w.line(b.type_in(0), " copies[", lanes, "][", columns, "];");
  b.pragma("ARRAY_PARTITION variable=copies type=complete dim=1");
  auto loop = b.w.block("for (int i = 0; i < ", columns, "; ++i)");
  b.pragma("PIPELINE II=1");
  auto copy = b.w.block("for (int lane = 0; lane < ", lanes, "; ++lane)");
  b.pragma("UNROLL");
  b.w.line("copies[lane][i] = x[i];");
  b.layer.steps += columns;
}

// One read of all lanes' constants a step.
void bind_table(HlsBuild& b, const std::string& name, std::size_t elements, std::int32_t lanes) {
  if (lanes > 1) b.pragma("ARRAY_RESHAPE variable=" + name + " type=complete dim=2");
  if (elements >= 1024) b.pragma("BIND_STORAGE variable=" + name + " type=rom_1p impl=bram");
}

// sum = sum + the products of one step; `element` and `weight` are the factors of a lane.
void write_products(HlsBuild& b, const std::string& sum, Interval term, std::int32_t lanes, const std::string& element,
                    const std::string& weight, const std::string& guard) {
  const std::string type = exact_type(term, true);
  const auto product = [&](const char* into) {
    b.w.line("const ", type, " term = ", cast(type, element + " * " + weight), ";");
    b.w.line(into, " = ", cast(sum, std::string(into) + " + term"), ";");
  };
  if (lanes == 1) {
    product("sum");
    return;
  }
  b.w.line(sum, " terms = 0;");
  {
    auto loop = b.w.block("for (int lane = 0; lane < ", lanes, "; ++lane)");
    b.pragma("UNROLL");
    if (guard.empty()) {
      product("terms");
    } else {
      auto inside = b.w.block("if (", guard, ")");
      product("terms");
    }
  }
  b.w.line("sum = ", cast(sum, "sum + terms"), ";");
}

Interval term_interval(const QLinear& op, const QValue& x) {
  Interval all{0, 0};
  for (std::int16_t w : op.weight) join(all, {std::min(w * x.low, w * x.high), std::max(w * x.low, w * x.high)});
  return all;
}

}  // namespace

std::string write_requantize(HlsBuild& b, Interval sum, std::vector<HlsRow> rows, bool leaky, Interval result,
                             std::int64_t zero, const std::string& argument) {
  Numbers multiplier, shift, negative_multiplier, negative_shift;
  for (HlsRow& r : rows) {
    reduce(r.multiplier, r.shift);
    reduce(r.negative_multiplier, r.negative_shift);
    multiplier.push_back(r.multiplier), shift.push_back(r.shift - 1);
    negative_multiplier.push_back(r.negative_multiplier), negative_shift.push_back(r.negative_shift - 1);
  }
  const Stages s = stages_of(rows, leaky, zero);
  const std::string product = exact_type(s.product, true), halves = exact_type(s.halves, true),
                    code = exact_type(s.code, true);
  const bool same_multiplier = uniform(multiplier) && (!leaky || uniform(negative_multiplier));
  const bool same_shift = uniform(shift) && (!leaky || uniform(negative_shift));
  const Interval multipliers = leaky ? range_of(multiplier, negative_multiplier) : range_of(multiplier, {});
  const Interval shifts = leaky ? range_of(shift, negative_shift) : range_of(shift, {});
  const bool by_row = !same_multiplier || !same_shift;
  std::string m = per_row(b, "multiplier", multiplier, multipliers, same_multiplier);
  std::string h = per_row(b, "half_shift", shift, shifts, same_shift);
  std::string negative_m, negative_h;
  if (leaky) {
    negative_m = per_row(b, "negative_multiplier", negative_multiplier, multipliers, same_multiplier);
    negative_h = per_row(b, "negative_half_shift", negative_shift, shifts, same_shift);
  }
  const std::string offset = b.number("zero", zero), low = b.number("low", result.low),
                    high = b.number("high", result.high);
  const auto choose = [&](const char* name, Interval range, const std::string& usual, const std::string& negative) {
    const std::string type = exact_type(range);
    b.w.line(type, " ", name, " = ", usual, ";");
    b.w.line("if (sum < 0) ", name, " = ", negative, ";");
    return std::string(name);
  };

  b.w.line("// Round half up, zero point, saturation: floor((sum * multiplier / 2^half_shift + 1) / 2).");
  {
    auto body = b.w.block("static inline ", b.type_out(), " ", b.id("requantize"), "(const ", exact_type(sum, true),
                          " sum", by_row ? ", const int row" : "", ")");
    b.pragma("INLINE");
    if (leaky) {
      m = choose("multiplier", multipliers, m, negative_m);
      h = choose("half_shift", shifts, h, negative_h);
    }
    b.w.line("const ", product, " product = ", cast(product, cast(product, "sum") + " * " + cast(product, m)), ";");
    b.w.line("const ", halves, " halves = ", cast(halves, "product >> " + h), ";");
    b.w.line("const ", code, " code = ", cast(code, "((halves + 1) >> 1) + " + offset), ";");
    b.w.line("if (code < ", low, ") return ", cast(b.type_out(), low), ";");
    b.w.line("if (code > ", high, ") return ", cast(b.type_out(), high), ";");
    b.w.line("return ", cast(b.type_out(), "code"), ";");
  }
  b.w.line();
  return b.id("requantize") + "(" + argument + (by_row ? ", row)" : ")");
}

void write_linear(HlsBuild& b, const QLinear& op, const std::string& encoding) {
  const bool sparse = encoding != "dense";
  const std::int32_t lanes = lanes_of(op, sparse);
  const Schedule s = schedule_of(op, lanes, sparse);
  const Interval accumulator{op.accumulator_low, op.accumulator_high}, term = term_interval(op, b.in(0));
  const std::string sum = b.id("sum"), steps_text = std::to_string(s.last.size());
  const std::int32_t per_row = (op.columns + lanes - 1) / lanes;
  const std::string weight = b.lanes("weight", s.weight, lanes),
                    bias = b.table("bias", {op.bias.begin(), op.bias.end()});
  const std::string column = sparse ? b.lanes("column", s.column, lanes) : "",
                    last = sparse ? b.table("last", s.last, {0, 1}) : "";
  b.w.line("typedef ", exact_type(accumulator, true), " ", sum, ";  // ", accumulator.low, " .. ", accumulator.high);
  b.w.line();
  const std::string call =
      write_requantize(b, accumulator, rows_of(op, b.in(0)), !op.requantize.negative_multiplier.empty(),
                       {op.requantize.low, op.requantize.high}, op.requantize.zero, "sum");
  b.w.line("// ", steps_text, " steps of ", lanes, lanes == 1 ? " product" : " products",
           sparse ? ": the non-zeros in row order, padded at a row's end." : ": row after row.");
  auto body = b.w.block(b.head({"x"}));
  b.layer.reads_per_step = {sparse ? 1 : lanes};
  b.layer.steps = static_cast<std::int64_t>(s.last.size());
  b.layer.multipliers = lanes + 1;
  bind_table(b, weight, s.weight.size(), lanes);
  if (sparse) bind_table(b, column, s.column.size(), lanes);
  if (sparse && lanes > 1) write_copies(b, op.columns, lanes);
  b.w.line(sum, " sum = ", cast(sum, bias + "[0]"), ";");
  const bool one_step_a_row = !sparse && per_row == 1 && lanes > 1, counts_chunks = !sparse && !one_step_a_row;
  b.w.line(counts_chunks ? "int row = 0, chunk = 0;" : "int row = 0;");
  auto loop = b.w.block("for (int step = 0; step < ", steps_text, "; ++step)");
  b.pragma("PIPELINE II=1");
  const std::string here = lanes > 1 ? "[step][lane]" : "[step]", in_row = std::to_string(lanes) + " + lane";
  const std::string place = "[static_cast<int>(" + column + here + ")]";
  const std::string dense_place = lanes == 1 ? "[chunk]" : one_step_a_row ? "[lane]" : "[chunk * " + in_row + "]";
  const std::string element = !sparse ? "x" + dense_place : lanes > 1 ? "copies[lane]" + place : "x" + place;
  const bool whole = sparse || op.columns % lanes == 0;
  write_products(b, sum, term, lanes, element, weight + here,
                 whole ? "" : "chunk * " + in_row + " < " + std::to_string(op.columns));
  const auto finish_row = [&] {
    b.w.line("y[row] = ", call, ";");
    if (counts_chunks) b.w.line("chunk = 0;");
    b.w.line("++row;");
    b.w.line("if (row < ", op.rows, ") sum = ", cast(sum, bias + "[row]"), ";");
  };
  if (one_step_a_row) {
    finish_row();
    return;
  }
  {
    auto end = b.w.block(sparse ? "if (" + last + "[step] != 0)" : "if (chunk == " + std::to_string(per_row - 1) + ")");
    finish_row();
  }
  if (sparse) return;
  auto more = b.w.block("else");
  b.w.line("++chunk;");
}

}  // namespace quench
