// Packs tables of numbers into bits.
// SPDX-License-Identifier: MIT
#include "engine/encode/device_fields.h"

#include <algorithm>

namespace quench {
namespace {

bool whole(const TableForm& form) { return form.type.back() == '*'; }

std::string whole_type(int bits, bool is_signed) {
  return std::string(is_signed ? "int" : "uint") + std::to_string(bits) + "_t";
}

// Bit b of the table is bit b % 8 of byte b / 8.
std::vector<std::int64_t> packed(const std::vector<std::int64_t>& values, int bits) {
  std::vector<std::int64_t> bytes((values.size() * static_cast<std::size_t>(bits) + 7) / 8);
  std::size_t at = 0;
  for (std::int64_t v : values)
    for (int b = 0; b < bits; ++b, ++at) bytes[at / 8] |= (v >> b & 1) << (at % 8);
  return bytes;
}

}  // namespace

DeviceField number(const char* name, const char* type, std::int64_t value) {
  return {DeviceField::Kind::scalar, name, type, {value}, {}, 0, ""};
}

DeviceField group(const char* name, std::vector<DeviceField> members) {
  return {DeviceField::Kind::group, name, "", {}, std::move(members), 0, ""};
}

std::string unsigned_type(std::int64_t largest) {
  return largest < 256 ? "uint8_t" : largest < 65536 ? "uint16_t" : "uint32_t";
}

TableForm table_form(std::size_t count, int bits, bool is_signed) {
  const int element = bits <= 8 ? 8 : bits <= 16 ? 16 : 32;
  const std::uint64_t in_fields = (count * static_cast<std::uint64_t>(bits) + 7) / 8 * 8;
  const bool addressable = in_fields <= INT32_MAX;  // kernels count bits in an int32_t
  if (addressable && 8 * in_fields <= 7 * count * static_cast<std::uint64_t>(element))
    return {std::string(is_signed ? "Signed" : "Unsigned") + "Bits<" + std::to_string(bits) + ">", bits};
  return {"const " + whole_type(element, is_signed) + "*", element};
}

TableForm signed_form(const std::vector<std::int64_t>& values) {
  const auto is_sign = [](std::int64_t v) { return v == 1 || v == -1; };
  if (!values.empty() && values.size() <= INT32_MAX && std::all_of(values.begin(), values.end(), is_sign))
    return {"Signs", 1};
  int bits = 1;
  for (std::int64_t v : values)
    while (v < -(std::int64_t{1} << (bits - 1)) || v >= std::int64_t{1} << (bits - 1)) ++bits;
  return table_form(values.size(), bits, true);
}

TableForm unsigned_form(const std::vector<std::int64_t>& values) {
  int bits = 1;
  for (std::int64_t v : values)
    while (v >> bits) ++bits;
  return table_form(values.size(), bits, false);
}

DeviceField stored_table(const char* name, const TableForm& form, const std::vector<std::int64_t>& values) {
  if (whole(form)) {
    const std::string element = form.type.substr(6, form.type.size() - 7);  // without "const " and "*"
    return table(name, element, values);
  }
  std::vector<std::int64_t> fields = values;
  if (form.type == "Signs")
    for (std::int64_t& v : fields) v = v < 0;
  DeviceField f = group(name, {table("byte", "uint8_t", packed(fields, form.bits))});
  f.type = form.type, f.field_bits = form.bits;
  return f;
}

RequantizeForm requantize_form(const Requantization& q) {
  using Numbers = std::vector<std::int64_t>;
  const auto uniform = [](const Numbers& v) {
    return std::all_of(v.begin(), v.end(), [&](std::int64_t x) { return x == v[0]; });
  };
  const bool leaky = !q.negative_multiplier.empty();
  Numbers m(q.multiplier.begin(), q.multiplier.end()), s(q.shift.begin(), q.shift.end());
  Numbers negative_m(q.negative_multiplier.begin(), q.negative_multiplier.end()),
      negative_s(q.negative_shift.begin(), q.negative_shift.end());
  const auto shrink = [&](Numbers& usual, Numbers& negative) {
    if (!uniform(usual) || (leaky && !uniform(negative))) return;
    usual.resize(1);
    if (leaky) negative.resize(1);
  };
  shrink(m, negative_m), shrink(s, negative_s);
  std::int64_t lowest = *std::min_element(s.begin(), s.end());
  if (leaky) lowest = std::min(lowest, *std::min_element(negative_s.begin(), negative_s.end()));
  for (Numbers* shifts : {&s, &negative_s})
    for (std::int64_t& x : *shifts) x -= lowest;
  const auto form_of = [](const Numbers& a, const Numbers& b) {  // of two tables of one length, or of one
    Numbers both = a;
    both.insert(both.end(), b.begin(), b.end());
    return unsigned_form(both);
  };
  const TableForm multiplier = form_of(m, negative_m), shift = form_of(s, negative_s);
  return {
      "Requantize<" + multiplier.type + ", " + shift.type + ">",
      group("requantize", {number("multiplier_step", "uint8_t", m.size() > 1),
                           number("shift_step", "uint8_t", s.size() > 1), number("lowest_shift", "uint8_t", lowest),
                           number("leaky", "uint8_t", leaky), stored_table("multiplier", multiplier, m),
                           stored_table("shift", shift, s), stored_table("negative_multiplier", multiplier, negative_m),
                           stored_table("negative_shift", shift, negative_s), number("zero", "int32_t", q.zero),
                           number("low", "int32_t", q.low), number("high", "int32_t", q.high)})};
}

}  // namespace quench
