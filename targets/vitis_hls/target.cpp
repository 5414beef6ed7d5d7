// Vitis HLS: synthesizable C++ with a testbench and project files.
// SPDX-License-Identifier: MIT
#include "targets/targets.h"

namespace quench {

extern const std::vector<EmbeddedFile> vitis_hls_files;

extern const Target vitis_hls_target;
const Target vitis_hls_target = {"vitis-hls",
                                 "C++ for Vitis HLS, with testbench and project files",
                                 Emitter::hls,
                                 0,
                                 0,
                                 0,
                                 {},
                                 &vitis_hls_files,
                                 "xcvu9p-flga2104-2-i",
                                 5};

}  // namespace quench
