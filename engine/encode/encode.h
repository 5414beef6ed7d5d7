// How a quantised layer is stored on a device: the kernel struct's fields with the smallest types that hold them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/program.h"

namespace quench {

enum class Encoding { smallest, dense, csr, bitmap };

Encoding encoding_from(const std::string& name);  // "smallest", "dense", "csr", "bitmap"

// One member of a kernel struct, in the struct's order: a number, a table in constant memory, or a nested struct.
struct DeviceField {
  enum class Kind { scalar, table, group };
  Kind kind = Kind::scalar;
  std::string name, type;            // type: C type of the number or of the table's elements
  std::vector<std::int64_t> values;  // one number, the table (empty: a null pointer), or nothing
  std::vector<DeviceField> members;  // of a group
};

// A layer ready for a device: serves emission, the checksum of its constants and the size report, for every kind of
// layer.
struct DeviceLayer {
  std::string kernel;    // "DenseLinear<int32_t, int8_t, int32_t>"
  std::string header;    // "dense_linear.h"
  std::string encoding;  // "dense", "csr", "bitmap"; empty where there is no choice
  std::vector<DeviceField> fields;
};

// smallest: fewest stored bits; ties go to the first of dense, bitmap, csr.
DeviceLayer encode(const QOp&, Encoding);

// Bits of all tables and numbers, as generated code stores them.
std::int64_t stored_bits(const DeviceLayer&);

// CRC-32 over every table and number in order, each as one 32-bit word (kernels/crc.h).
std::uint32_t constants_crc(const DeviceLayer&);

}  // namespace quench
