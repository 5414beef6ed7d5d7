// Cortex-M4 without a C library; the linker script describes QEMU's mps2-an386 and takes other addresses by --defsym.
// SPDX-License-Identifier: MIT
#include "targets/targets.h"

namespace quench {

extern const std::vector<EmbeddedFile> cortex_m4_files;

extern const Target cortex_m4_target;
const Target cortex_m4_target = {"cortex-m4",
                                 "Arm Cortex-M4, bare metal, C++14 (QEMU mps2-an386)",
                                 Emitter::embedded,
                                 4 << 20,
                                 4 << 20,
                                 8192,
                                 {2.55, 6.2, 8.5, 14.7, 4.1, 8.8, 2.4, 7.3, 4.3, 6.6, 69, 37, 40, 40, 6},
                                 &cortex_m4_files};

}  // namespace quench
