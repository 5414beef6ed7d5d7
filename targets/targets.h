// The known targets, and boards of a user's own.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "codegen/target.h"

namespace quench {

const std::vector<Target>& known_targets();

// By name ("cortex-m4"), or by the path of a board file: lines `base = cortex-m4`, `flash_bytes = 65536`, `ram_bytes =
// 16384`.
Target find_target(const std::string& name_or_path);

}  // namespace quench
