// Writing generated files.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "codegen/emit.h"

namespace quench {

void write_files(const Files&, const std::string& folder);

}  // namespace quench
