// Text files that are built into the quench binary: kernels, start-up code, licence.
// SPDX-License-Identifier: MIT
#pragma once
#include <string_view>
#include <vector>

namespace quench {

struct EmbeddedFile {
  std::string_view name, text;
};

extern const std::vector<EmbeddedFile> kernel_files;  // engine/kernels, with its licence
extern const std::vector<EmbeddedFile> hls_files;     // what every HLS kernel and testbench includes

}  // namespace quench
