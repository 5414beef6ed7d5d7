// Stores the weights of a linear layer: dense, by rows, behind gaps, behind a bitmap, in blocks of four columns.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/encode/device_fields.h"

namespace quench {
namespace {

using Numbers = std::vector<std::int64_t>;

constexpr int widest_gap = 16;

struct Companions {   // what every encoding stores beside the weights
  std::string types;  // the last template arguments: of the biases and the requantisation
  DeviceField bias, requantize;
};

Companions companions(const QLinear& op) {
  RequantizeForm q = requantize_form(op.requantize);
  const Numbers bias(op.bias.begin(), op.bias.end());
  const TableForm form = signed_form(bias);
  return {", " + form.type + ", " + q.type + ">", stored_table("bias", form, bias), std::move(q.fields)};
}

std::string accumulator_type(const QLinear& op) {
  return op.accumulator_low >= INT32_MIN && op.accumulator_high <= INT32_MAX ? "int32_t" : "int64_t";
}

DeviceLayer layer(const QLinear& op, const char* kernel, const char* header, const char* encoding,
                  const std::string& types, std::vector<DeviceField> fields) {
  Companions c = companions(op);
  fields.push_back(std::move(c.bias)), fields.push_back(std::move(c.requantize));
  return {kernel + ("<" + accumulator_type(op)) + ", " + types + c.types, header, encoding, std::move(fields)};
}

DeviceLayer dense(const QLinear& op) {
  const Numbers weight(op.weight.begin(), op.weight.end());
  int bits = 2;  // never signs alone: the kernel has fields of bits and whole numbers
  for (std::int64_t w : weight)
    while (w >= std::int64_t{1} << (bits - 1) || w < -(std::int64_t{1} << (bits - 1))) ++bits;
  const TableForm form = table_form(weight.size(), bits, true);
  return layer(op, "DenseLinear", "dense_linear.h", "dense", form.type,
               {number("rows", "int32_t", op.rows), number("columns", "int32_t", op.columns),
                stored_table("weight", form, weight)});
}

// The weights of every block of n neighbouring columns that holds a non-zero, and where they are.
struct Sparse {
  Numbers block;   // row * blocks a row + column / n, rising
  Numbers weight;  // n for each block, fewer where the row ends
};

Sparse sparse(const QLinear& op, int n) {
  Sparse s;
  const std::int32_t blocks = (op.columns + n - 1) / n;
  for (std::int32_t r = 0; r < op.rows; ++r)
    for (std::int32_t b = 0; b < blocks; ++b) {
      const auto row = op.weight.begin() + std::int64_t{r} * op.columns;
      const auto begin = row + std::int64_t{b} * n, end = row + std::min(op.columns, (b + 1) * n);
      if (std::count(begin, end, std::int16_t{0}) == end - begin) continue;
      s.block.push_back(std::int64_t{r} * blocks + b);
      s.weight.insert(s.weight.end(), begin, end);
    }
  return s;
}

DeviceLayer csr(const QLinear& op) {
  const Sparse s = sparse(op, 1);
  Numbers count(static_cast<std::size_t>(op.rows)), column;
  for (std::int64_t place : s.block) {
    ++count[static_cast<std::size_t>(place / op.columns)];
    column.push_back(place % op.columns);
  }
  const TableForm counts = unsigned_form(count), columns = unsigned_form(column), weights = signed_form(s.weight);
  return layer(op, "CsrLinear", "csr_linear.h", "csr", counts.type + ", " + columns.type + ", " + weights.type,
               {number("rows", "int32_t", op.rows), stored_table("count", counts, count),
                stored_table("column", columns, column), stored_table("weight", weights, s.weight)});
}

// Blocks skipped before each stored one; a gap of `escape` only skips.
Numbers gaps_of(const Numbers& block, std::int64_t escape) {
  Numbers gaps;
  std::int64_t next = 0;
  for (std::int64_t b : block) {
    gaps.insert(gaps.end(), static_cast<std::size_t>((b - next) / escape), escape);
    gaps.push_back((b - next) % escape);
    next = b + 1;
  }
  return gaps;
}

// Gaps of the width that needs the fewest bits.
DeviceLayer delta(const QLinear& op, int n, const char* encoding) {
  const Sparse s = sparse(op, n);
  Numbers gaps;
  TableForm form;
  std::int64_t escape = 0;
  for (int bits = widest_gap; bits >= 1; --bits) {
    const Numbers candidate = gaps_of(s.block, (std::int64_t{1} << bits) - 1);
    const TableForm f = table_form(candidate.size(), bits, false);
    if (escape &&
        candidate.size() * static_cast<std::size_t>(f.bits) >= gaps.size() * static_cast<std::size_t>(form.bits))
      continue;
    gaps = candidate, form = f, escape = (std::int64_t{1} << bits) - 1;
  }
  const TableForm weights = signed_form(s.weight);
  return layer(op, "GapLinear", "gap_linear.h", encoding, std::to_string(n) + ", " + form.type + ", " + weights.type,
               {number("rows", "int32_t", op.rows), number("columns", "int32_t", op.columns),
                number("steps", "int32_t", static_cast<std::int64_t>(gaps.size())), number("escape", "int32_t", escape),
                stored_table("gap", form, gaps), stored_table("weight", weights, s.weight)});
}

DeviceLayer bitmap(const QLinear& op, int n, const char* encoding) {
  const Sparse s = sparse(op, n);
  const std::int64_t bits = std::int64_t{op.rows} * ((op.columns + n - 1) / n);
  Numbers mask(static_cast<std::size_t>((bits + 7) / 8));
  for (std::int64_t b : s.block) mask[static_cast<std::size_t>(b / 8)] |= std::int64_t{1} << (b % 8);
  const TableForm weights = signed_form(s.weight);
  return layer(op, "BitmapLinear", "bitmap_linear.h", encoding, std::to_string(n) + ", " + weights.type,
               {number("rows", "int32_t", op.rows), number("columns", "int32_t", op.columns),
                table("mask", "uint8_t", mask), stored_table("weight", weights, s.weight)});
}

DeviceLayer smallest(std::vector<DeviceLayer> layers) {
  return *std::min_element(layers.begin(), layers.end(),
                           [](const DeviceLayer& a, const DeviceLayer& b) { return stored_bits(a) < stored_bits(b); });
}

DeviceLayer blocks(const QLinear& op) { return smallest({bitmap(op, 4, "blocks"), delta(op, 4, "blocks")}); }

}  // namespace

DeviceLayer encode_linear(const QLinear& op, Encoding encoding) {
  switch (encoding) {
    case Encoding::dense:
      return dense(op);
    case Encoding::csr:
      return csr(op);
    case Encoding::delta_csr:
      return delta(op, 1, "delta-csr");
    case Encoding::bitmap:
      return bitmap(op, 1, "bitmap");
    case Encoding::blocks:
      return blocks(op);
    case Encoding::smallest:
      break;
  }
  return smallest({dense(op), bitmap(op, 1, "bitmap"), csr(op), delta(op, 1, "delta-csr"), blocks(op)});
}

}  // namespace quench
