// Precompiled: the standard headers that most files here read.
// SPDX-License-Identifier: MIT
#ifndef QUENCH_STANDARD_H  // the compiler warns of a pragma in what it precompiles
#define QUENCH_STANDARD_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#endif
