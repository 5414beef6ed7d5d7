// Turns each quantised layer into the fields of its kernel struct.
// SPDX-License-Identifier: MIT
#include "engine/encode/encode.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/encode/device_fields.h"
#include "engine/kernels/crc.h"

namespace quench {
namespace {

constexpr std::pair<Encoding, const char*> encoding_names[] = {
    {Encoding::smallest, "smallest"},   {Encoding::dense, "dense"},   {Encoding::csr, "csr"},
    {Encoding::delta_csr, "delta-csr"}, {Encoding::bitmap, "bitmap"}, {Encoding::blocks, "blocks"}};

using Fields = std::vector<DeviceField>;

template <class T>
std::string signed_type(const std::vector<T>& values) {
  const auto small = [](T v) { return v >= -128 && v <= 127; };
  return std::all_of(values.begin(), values.end(), small) ? "int8_t" : "int16_t";
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

DeviceLayer encode_op(const QLinear& op, Encoding encoding) { return encode_linear(op, encoding); }
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
  RequantizeForm q = requantize_form(op.requantize);
  return {"Rescale<" + q.type + ">",
          "elementwise.h",
          "",
          {number("length", "int32_t", op.length), table("offset", "int32_t", op.offset), std::move(q.fields)}};
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

int type_bits(const std::string& type) {
  return type.find("8_t") != std::string::npos ? 8 : type.find("16_t") != std::string::npos ? 16 : 32;
}

std::int64_t bits_of(const DeviceField& f) {
  std::int64_t bits = f.shared.empty() ? static_cast<std::int64_t>(f.values.size()) * type_bits(f.type) : 0;
  for (const DeviceField& member : f.members) bits += bits_of(member);
  return bits;
}

std::int64_t numbers_in(const DeviceField& f) {
  std::int64_t bits = f.kind == DeviceField::Kind::scalar ? bits_of(f) : 0;
  for (const DeviceField& member : f.members) bits += numbers_in(member);
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
  for (const auto& [encoding, known] : encoding_names)
    if (name == known) return encoding;
  fail("unknown encoding \"", name, "\"; known are smallest, dense, csr, delta-csr, bitmap and blocks");
}

StoredBits stored_parts(const DeviceLayer& layer) {
  StoredBits parts;
  for (const DeviceField& f : layer.fields) {
    const std::int64_t numbers = numbers_in(f), tables = bits_of(f) - numbers;
    parts.numbers += numbers;
    (f.name == "weight"       ? parts.weights
     : f.name == "bias"       ? parts.biases
     : f.name == "requantize" ? parts.multipliers
     : layer.encoding.empty() ? parts.tables
                              : parts.indices) += tables;
  }
  return parts;
}

StoredBits operator+(const StoredBits& a, const StoredBits& b) {
  return {a.weights + b.weights,         a.indices + b.indices, a.biases + b.biases,
          a.multipliers + b.multipliers, a.tables + b.tables,   a.numbers + b.numbers};
}

std::int64_t elements(const DeviceField& f) {
  if (f.field_bits == 0) return static_cast<std::int64_t>(f.values.size());
  return static_cast<std::int64_t>(f.members[0].values.size()) * 8 / f.field_bits;
}

std::int64_t stored_bits(const DeviceLayer& layer) {
  const StoredBits p = stored_parts(layer);
  return p.weights + p.indices + p.biases + p.multipliers + p.tables + p.numbers;
}

std::uint32_t constants_crc(const DeviceLayer& layer) { return crc_of(layer.fields, 0); }

DeviceLayer encode(const QOp& op, Encoding encoding) {
  return std::visit([&](const auto& o) { return encode_op(o, encoding); }, op);
}

}  // namespace quench
