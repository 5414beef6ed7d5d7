// A machine that code is generated for: data first, differences in structure are another emitter.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "codegen/embedded.h"

namespace quench {

enum class Emitter { embedded, hls };

// Instructions of the portable kernels, fitted to exact counts under emulation; all zero: not known.
struct InstructionCosts {
  double dense_product, field_product;  // dense weights: whole numbers, fields of bits
  double csr_product, gap;              // per non-zero, per gap
  double set_bit, mask_bit, mask_byte;  // of a bitmap: set bits, bits up to the last set one of a byte, bytes
  double block_product;                 // per weight of a block, beside its gap or bit
  double inner_read, crossing_read;     // of a field of bits, beyond a whole number: 1, 2, 4 bits; others
  double output, latent, table_output, split_part, copy;  // a row's end; the other layers, per element
};

struct Target {
  const char* name;
  const char* description;
  Emitter emitter;
  std::int64_t flash_bytes, ram_bytes;  // 0: no limit
  std::int64_t code_bytes;              // allowance for kernels and start-up beside the constants
  InstructionCosts costs;
  const std::vector<EmbeddedFile>* files;  // shipped verbatim beside the generated code: main, start-up, linker script
  const char* part = "";  // FPGA to synthesise for; the project files name it first, for users to change
  int clock_ns = 0;       // its clock period
};

}  // namespace quench
