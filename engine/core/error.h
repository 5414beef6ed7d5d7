// The one exception of quench: where, what, the numbers, and what to do, in one sentence.
// SPDX-License-Identifier: MIT
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace quench {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// fail("target cortex-m4: needs ", need, " bytes of flash, has ", have): throws Error; main prints "quench: ..." and
// exits with 1.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  ((text << parts), ...);
  throw Error(text.str());
}

}  // namespace quench
