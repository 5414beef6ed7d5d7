// What a program becomes on a target: encodings, buffers in typed arenas, flash and RAM. A plain value.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "codegen/target.h"
#include "engine/encode/encode.h"

namespace quench {

struct Buffer {
  ValueId value;
  std::string type;    // C type of an element
  int arena;           // index into Plan::arenas
  int offset, length;  // in elements
  int first, last;     // layers during which it is alive
};

struct Arena {  // one array per element width, so that no memory is ever read through another type
  int element_bytes, length;
};

struct Plan {
  std::vector<DeviceLayer> layers;  // by node
  std::vector<Buffer> buffers;      // of every value that is neither input nor output
  std::vector<Arena> arenas;
  std::int64_t constant_bytes = 0, ram_bytes = 0, flash_bytes = 0, stored_bits = 0, multiplications = 0, nonzeros = 0;
  StoredBits parts;               // stored_bits by what they are for
  std::int64_t instructions = 0;  // per event, by the target's cost model; 0: not known
};

const char* c_type(const QValue&);  // int8_t, uint8_t, int16_t, uint16_t or uint32_t

// Equal tables are stored once, with the first layer that has them. Fails with the numbers and the layer that takes
// most when the target's flash or RAM is too small.
Plan plan(const Program&, const Target&, Encoding);

struct LayerBytes {
  std::string layer;
  std::int64_t bytes;
};

// The layer during which the values that are alive take most RAM, and how much.
LayerBytes ram_peak(const Program&, const Plan&);

}  // namespace quench
