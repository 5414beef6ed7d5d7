// The machine quench runs on.
// SPDX-License-Identifier: MIT
#include "targets/targets.h"

namespace quench {

extern const std::vector<EmbeddedFile> host_files;

extern const Target host_target;
const Target host_target = {"host", "this machine: C++14, no limits", Emitter::embedded, 0, 0, 0, {}, &host_files};

}  // namespace quench
