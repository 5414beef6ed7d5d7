// Turns each quantised layer into the fields of its kernel struct.
// SPDX-License-Identifier: MIT
#include "engine/encode/encode.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/kernels/crc.h"
#include "engine/tensor/csr.h"

namespace quench {
namespace {

using Fields = std::vector<DeviceField>;

DeviceField number(const char* name, const char* type, std::int64_t value) {
  return {DeviceField::Kind::scalar, name, type, {value}, {}};
}
template <class T>
DeviceField table(const char* name, const std::string& type, const std::vector<T>& values) {
  return {DeviceField::Kind::table, name, type, std::vector<std::int64_t>(values.begin(), values.end()), {}};
}
DeviceField group(const char* name, Fields members) {
  return {DeviceField::Kind::group, name, "", {}, std::move(members)};
}

std::string unsigned_type(std::int64_t largest) {
  return largest < 256 ? "uint8_t" : largest < 65536 ? "uint16_t" : "uint32_t";
}
template <class T>
std::string signed_type(const std::vector<T>& values) {
  const auto small = [](T v) { return v >= -128 && v <= 127; };
  return std::all_of(values.begin(), values.end(), small) ? "int8_t" : "int16_t";
}

int type_bits(const std::string& type) {
  return type.find("8_t") != std::string::npos ? 8 : type.find("16_t") != std::string::npos ? 16 : 32;
}

std::string multiplier_type(const Requantization& q) { return q.kind == "wide" ? "int32_t" : "uint16_t"; }

DeviceField requantize_fields(const Requantization& q) {
  const std::string type = multiplier_type(q);
  return group("requantize",
               {number("step", "int32_t", q.multiplier.size() > 1), table("multiplier", type, q.multiplier),
                table("shift", "uint8_t", q.shift), table("negative_multiplier", type, q.negative_multiplier),
                table("negative_shift", "uint8_t", q.negative_shift), number("zero", "int32_t", q.zero),
                number("low", "int32_t", q.low), number("high", "int32_t", q.high)});
}

DeviceField table_fields(const QFractionTable& t) {
  return group("table",
               {number("lowest", "int32_t", t.lowest), number("interpolation_bits", "uint8_t", t.interpolation_bits),
                table("value", "uint32_t", t.value)});
}

DeviceField table_fields(const QExponential& t) {
  return group("table",
               {number("last", "int32_t", t.last), number("interpolation_bits", "uint8_t", t.interpolation_bits),
                table("value", "uint16_t", t.value)});
}

std::string accumulator_type(const QLinear& op) {
  return op.accumulator_low >= INT32_MIN && op.accumulator_high <= INT32_MAX ? "int32_t" : "int64_t";
}
std::string weight_type(const QLinear& op) { return op.weight_bits <= 8 ? "int8_t" : "int16_t"; }

DeviceLayer dense(const QLinear& op) {
  return {"DenseLinear<" + accumulator_type(op) + ", " + weight_type(op) + ", " + multiplier_type(op.requantize) + ">",
          "dense_linear.h",
          "dense",
          {number("rows", "int32_t", op.rows), number("columns", "int32_t", op.columns),
           table("weight", weight_type(op), op.weight), table("bias", "int32_t", op.bias),
           requantize_fields(op.requantize)}};
}

DeviceLayer csr(const QLinear& op) {
  const Csr<std::int16_t> m = to_csr(Span<const std::int16_t>(op.weight), op.rows, op.columns);
  const std::string row_type = unsigned_type(m.row_begin.back()), column_type = unsigned_type(op.columns - 1);
  return {"CsrLinear<" + accumulator_type(op) + ", " + row_type + ", " + column_type + ", " + weight_type(op) + ", " +
              multiplier_type(op.requantize) + ">",
          "csr_linear.h",
          "csr",
          {number("rows", "int32_t", op.rows), table("row_begin", row_type, m.row_begin),
           table("column", column_type, m.column), table("weight", weight_type(op), m.value),
           table("bias", "int32_t", op.bias), requantize_fields(op.requantize)}};
}

DeviceLayer bitmap(const QLinear& op) {
  std::vector<std::uint8_t> mask;
  std::vector<std::int16_t> weight;
  for (std::int32_t r = 0; r < op.rows; ++r)
    for (std::int32_t k = 0; k < op.columns; ++k) {
      if (k % 8 == 0) mask.push_back(0);
      const std::int16_t w =
          op.weight[static_cast<std::size_t>(r) * static_cast<std::size_t>(op.columns) + static_cast<std::size_t>(k)];
      if (w == 0) continue;
      mask.back() = static_cast<std::uint8_t>(mask.back() | (1u << (k % 8)));
      weight.push_back(w);
    }
  return {
      "BitmapLinear<" + accumulator_type(op) + ", " + weight_type(op) + ", " + multiplier_type(op.requantize) + ">",
      "bitmap_linear.h",
      "bitmap",
      {number("rows", "int32_t", op.rows), number("columns", "int32_t", op.columns), table("mask", "uint8_t", mask),
       table("weight", weight_type(op), weight), table("bias", "int32_t", op.bias), requantize_fields(op.requantize)}};
}

DeviceLayer encode_op(const QLinear& op, Encoding encoding) {
  if (encoding == Encoding::dense) return dense(op);
  if (encoding == Encoding::csr) return csr(op);
  if (encoding == Encoding::bitmap) return bitmap(op);
  DeviceLayer best = dense(op);
  for (DeviceLayer& other : std::vector<DeviceLayer>{bitmap(op), csr(op)})
    if (stored_bits(other) < stored_bits(best)) best = other;
  return best;
}

DeviceLayer encode_op(const QNoise& op, Encoding) {
  const Noise n = view(op);
  return {"Noise",
          "noise.h",
          "",
          {number("length", "int32_t", n.length), number("lanes", "int32_t", op.lanes),
           number("lowest", "int16_t", n.lowest), number("cell_bits", "uint8_t", n.cell_bits),
           number("position_bits", "uint8_t", n.position_bits), table("probability", "uint16_t", op.probability),
           table("alias", "uint8_t", op.alias)}};
}
DeviceLayer encode_op(const QLogEnergy& op, Encoding) {
  return {"EnergyCode",
          "log_energy.h",
          "",
          {table("logarithm", "uint16_t", op.logarithm), number("offset", "int32_t", op.offset),
           number("multiplier", "int32_t", op.multiplier), number("shift", "uint8_t", op.shift),
           number("zero", "int32_t", op.zero), number("low", "int32_t", op.low), number("high", "int32_t", op.high)}};
}
DeviceLayer encode_op(const QConcat& op, Encoding) {
  return {"Join", "join.h", "", {number("first", "int32_t", op.first), number("second", "int32_t", op.second)}};
}
DeviceLayer encode_op(const QSlice& op, Encoding) {
  return {"Take", "join.h", "", {number("begin", "int32_t", op.begin), number("length", "int32_t", op.length)}};
}
DeviceLayer encode_op(const QTable& op, Encoding) {
  const std::string type = signed_type(op.value);
  const Lookup<std::int16_t> t = view(op);
  return {"Lookup<" + type + ">",
          "table.h",
          "",
          {number("length", "int32_t", t.length), number("input_step", "int32_t", t.input_step),
           number("table_step", "int32_t", t.table_step), number("lowest", "int32_t", t.lowest),
           number("interpolation_bits", "uint8_t", t.interpolation_bits), number("low", "int32_t", t.low),
           number("high", "int32_t", t.high), table("value", type, op.value)}};
}
DeviceLayer encode_op(const QMultiply& op, Encoding) {
  return {"Multiply",
          "elementwise.h",
          "",
          {number("length", "int32_t", op.length), number("multiplier", "int32_t", op.multiplier),
           number("shift", "uint8_t", op.shift), number("low", "int32_t", op.low), number("high", "int32_t", op.high)}};
}
DeviceLayer encode_op(const QAdd& op, Encoding) {
  return {"Add",
          "elementwise.h",
          "",
          {number("length", "int32_t", op.length), number("zero_a", "int32_t", op.zero_a),
           number("multiplier_a", "int32_t", op.multiplier_a), number("zero_b", "int32_t", op.zero_b),
           number("multiplier_b", "int32_t", op.multiplier_b), number("shift", "uint8_t", op.shift),
           number("zero", "int32_t", op.zero), number("low", "int32_t", op.low), number("high", "int32_t", op.high)}};
}
DeviceLayer encode_op(const QFraction& op, Encoding) {
  return {"Fraction",
          "fraction.h",
          "",
          {number("length", "int32_t", op.length), number("shift", "uint8_t", op.shift), table_fields(op.table)}};
}
DeviceLayer encode_op(const QSplit& op, Encoding) {
  return {"Split",
          "fraction.h",
          "",
          {number("groups", "int32_t", static_cast<std::int64_t>(op.part_begin.size()) - 1),
           table("part_begin", "uint16_t", op.part_begin), table_fields(op.table)}};
}
DeviceLayer encode_op(const QThreshold& op, Encoding) {
  return {"Readout",
          "fraction.h",
          "",
          {number("length", "int32_t", op.length), number("threshold", "uint32_t", op.threshold)}};
}

DeviceLayer encode_op(const QPermute& op, Encoding) {
  const std::string type = unsigned_type(static_cast<std::int64_t>(op.order.size()) - 1);
  return {"Reorder<" + type + ">",
          "permute.h",
          "",
          {number("length", "int32_t", static_cast<std::int64_t>(op.order.size())), table("order", type, op.order)}};
}

DeviceLayer encode_op(const QClamp& op, Encoding) {
  return {
      "Limit",
      "elementwise.h",
      "",
      {number("length", "int32_t", op.length), number("low", "int32_t", op.low), number("high", "int32_t", op.high)}};
}

DeviceLayer encode_op(const QSoftmax& op, Encoding) {
  return {
      "Shares",
      "softmax.h",
      "",
      {number("groups", "int32_t", static_cast<std::int64_t>(op.part_begin.size()) - 1),
       table("part_begin", "uint16_t", op.part_begin), table_fields(op.table), number("whole", "int32_t", op.whole)}};
}

DeviceLayer encode_op(const QShareSplit& op, Encoding) {
  return {"ShareSplit",
          "softmax.h",
          "",
          {number("groups", "int32_t", static_cast<std::int64_t>(op.part_begin.size()) - 1),
           table("part_begin", "uint16_t", op.part_begin), table_fields(op.table)}};
}

DeviceLayer encode_op(const QRescale& op, Encoding) {
  return {"Rescale<" + multiplier_type(op.requantize) + ">",
          "elementwise.h",
          "",
          {number("length", "int32_t", op.length), table("offset", "int32_t", op.offset),
           requantize_fields(op.requantize)}};
}

DeviceLayer encode_op(const QCoupling& op, Encoding) {
  return {"Couple",
          "coupling.h",
          "",
          {number("width", "int32_t", op.width), number("begin", "int32_t", op.begin),
           number("length", "int32_t", op.length), number("inverse", "uint8_t", op.inverse),
           number("shift", "uint8_t", op.shift), number("unit", "uint8_t", op.unit), table_fields(op.factor),
           number("low", "int32_t", op.low), number("high", "int32_t", op.high)}};
}

DeviceLayer encode_op(const QSpread& op, Encoding) {
  const std::string type = signed_type(op.multiplier_b);
  return {"AddScaled<" + type + ">",
          "elementwise.h",
          "",
          {number("length", "int32_t", static_cast<std::int64_t>(op.multiplier_b.size())),
           number("zero_a", "int32_t", op.zero_a), number("multiplier_a", "int32_t", op.multiplier_a),
           number("zero_b", "int32_t", op.zero_b), table("multiplier_b", type, op.multiplier_b),
           number("shift", "uint8_t", op.shift), number("zero", "int32_t", op.zero), number("low", "int32_t", op.low),
           number("high", "int32_t", op.high)}};
}

std::int64_t bits_of(const Fields& fields) {
  std::int64_t bits = 0;
  for (const DeviceField& f : fields)
    bits += f.kind == DeviceField::Kind::group ? bits_of(f.members)
                                               : static_cast<std::int64_t>(f.values.size()) * type_bits(f.type);
  return bits;
}

std::uint32_t crc_of(const Fields& fields, std::uint32_t crc) {
  for (const DeviceField& f : fields) {
    if (f.kind == DeviceField::Kind::group) crc = crc_of(f.members, crc);
    for (std::int64_t v : f.values) crc = crc_word(crc, static_cast<std::uint32_t>(v));
  }
  return crc;
}

}  // namespace

Encoding encoding_from(const std::string& name) {
  if (name == "smallest") return Encoding::smallest;
  if (name == "dense") return Encoding::dense;
  if (name == "csr") return Encoding::csr;
  if (name == "bitmap") return Encoding::bitmap;
  fail("unknown encoding \"", name, "\"; known are smallest, dense, csr and bitmap");
}

std::int64_t stored_bits(const DeviceLayer& layer) { return bits_of(layer.fields); }

std::uint32_t constants_crc(const DeviceLayer& layer) { return crc_of(layer.fields, 0); }

DeviceLayer encode(const QOp& op, Encoding encoding) {
  return std::visit([&](const auto& o) { return encode_op(o, encoding); }, op);
}

}  // namespace quench
