// How a quantised layer is stored on a device: the kernel struct's fields with the smallest types that hold them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/program.h"

namespace quench {

// Of a linear layer's weights; all values packed into as few bits as hold them:
//   dense      every weight
//   csr        a count for each row, a column for each non-zero
//   delta_csr  for each non-zero, how many zeros stand before it, in the width that is best for the layer
//   bitmap     a bit for each weight
//   blocks     1 x 4: a bit or a gap for each four neighbouring columns, four weights where one is not zero
// FPGA kernels keep a form of their own, with the same integers: dense is read row after row, every other encoding is
// a static schedule of the non-zeros, whose tables have the exact widths of their values.
enum class Encoding { smallest, dense, csr, delta_csr, bitmap, blocks };

Encoding encoding_from(const std::string& name);  // "smallest", "dense", "csr", "delta-csr", "bitmap", "blocks"

// One member of a kernel struct, in the struct's order: a number, a table in constant memory, or a nested struct.
struct DeviceField {
  enum class Kind { scalar, table, group };
  Kind kind = Kind::scalar;
  std::string name, type;            // C type of the number, of the table's elements, or of a packed table
  std::vector<std::int64_t> values;  // one number, the table (empty: a null pointer), or nothing
  std::vector<DeviceField> members;  // of a group
  int field_bits = 0;                // of a packed table's elements; the group holds its bytes
  std::string shared;                // generated name of an equal table of an earlier layer, which is stored instead
};

// A layer ready for a device: serves emission, the checksum of its constants and the size report, for every kind of
// layer.
struct DeviceLayer {
  std::string kernel;    // "DenseLinear<int32_t, const int8_t*, SignedBits<20>, Requantize<...>>"
  std::string header;    // "dense_linear.h"
  std::string encoding;  // "dense", "csr" ...; empty where there is no choice
  std::vector<DeviceField> fields;
};

// smallest: fewest stored bits; ties go to the first of dense, bitmap, csr, delta_csr, blocks.
DeviceLayer encode(const QOp&, Encoding);

struct StoredBits {                                                    // by what the bits are for
  std::int64_t weights = 0, indices = 0, biases = 0, multipliers = 0;  // of linear layers; shifts are with multipliers
  std::int64_t tables = 0;                                             // of every other layer
  std::int64_t numbers = 0;                                            // single ones, of every layer
};
StoredBits stored_parts(const DeviceLayer&);
StoredBits operator+(const StoredBits&, const StoredBits&);

// Elements of a table, packed or not; up to 7 bits of padding may count as elements.
std::int64_t elements(const DeviceField& table);

// Bits of all tables and numbers, as generated code stores them; shared tables count where they are stored.
std::int64_t stored_bits(const DeviceLayer&);

// CRC-32 over every table and number in order, each as one 32-bit word (kernels/crc.h).
std::uint32_t constants_crc(const DeviceLayer&);

}  // namespace quench
