// Members of kernel structs: numbers, tables, and tables packed into fields of as few bits as hold the values.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/encode/encode.h"

namespace quench {

DeviceField number(const char* name, const char* type, std::int64_t value);
DeviceField group(const char* name, std::vector<DeviceField> members);

template <class T>
DeviceField table(const char* name, const std::string& type, const std::vector<T>& values) {
  return {DeviceField::Kind::table, name, type, std::vector<std::int64_t>(values.begin(), values.end()), {}, 0, ""};
}

std::string unsigned_type(std::int64_t largest);  // "uint8_t", "uint16_t" or "uint32_t"

// How a table is stored: whole numbers behind a pointer ("const int16_t*"), or fields of `bits` bits
// (kernels/packed.h).
struct TableForm {
  std::string type;  // the kernel's template argument
  int bits = 8;      // of an element
};

// For `count` values of `bits` bits: fields where they save at least an eighth of the whole numbers' bits.
TableForm table_form(std::size_t count, int bits, bool is_signed);
// With the fewest bits that hold the values; signs alone where all are +1 or -1.
TableForm signed_form(const std::vector<std::int64_t>& values);
TableForm unsigned_form(const std::vector<std::int64_t>& values);

DeviceField stored_table(const char* name, const TableForm&, const std::vector<std::int64_t>& values);

struct RequantizeForm {
  std::string type;    // "Requantize<const uint16_t*, UnsignedBits<3>>"
  DeviceField fields;  // the group "requantize"
};

// One number for all rows where all rows agree; shifts count from the smallest.
RequantizeForm requantize_form(const Requantization&);

// Dense, CSR, gaps, bitmap or blocks; smallest: whichever has the fewest stored bits.
DeviceLayer encode_linear(const QLinear&, Encoding);

}  // namespace quench
