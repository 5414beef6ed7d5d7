// Concatenation and slice along the width.
// SPDX-License-Identifier: MIT
#pragma once

namespace quench {

struct Concat {};  // [events, a], [events, b], ... -> [events, a + b + ...]

struct Slice {  // [events, width] -> [events, length]: columns begin .. begin + length - 1
  int begin = 0, length = 0;
};

}  // namespace quench
