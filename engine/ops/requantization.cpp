// Finds the integer factor closest to a real one.
// SPDX-License-Identifier: MIT
#include "engine/ops/requantization.h"

#include <cmath>

#include "engine/core/error.h"

namespace quench {

Factor closest_factor(double real, const std::string& kind, const std::string& where) {
  if (real == 0) return {0, 1};
  if (!(real > 0) || !std::isfinite(real)) fail(where, ": the scale factor ", real, " is not a positive number");
  int exponent = 0;
  const double mantissa = std::frexp(real, &exponent);  // real = mantissa 2^exponent, 1/2 <= mantissa < 1
  if (kind == "shift") {
    if (mantissa != 0.5) fail(where, ": the scale factor ", real, " is no power of two, which class shift needs");
    const int shift = 1 - exponent;  // real = 2^-shift
    if (shift > 46 || shift < -14) fail(where, ": the scale factor 2^", -shift, " is outside 2^-46 .. 2^14");
    return shift >= 1 ? Factor{1, static_cast<std::uint8_t>(shift)} : Factor{1 << (1 - shift), 1};
  }
  const int bits = kind == "narrow" ? 15 : 31, most = kind == "narrow" ? 46 : 62;
  int shift = bits - exponent;
  if (shift < 1) fail(where, ": the scale factor ", real, " is too large for class ", kind);
  if (shift > most) shift = most;  // tiny factors lose leading bits of the multiplier
  std::int64_t m = std::llround(std::ldexp(real, shift));
  if (m == std::int64_t{1} << bits) {
    m >>= 1, --shift;
    if (shift < 1) fail(where, ": the scale factor ", real, " is too large for class ", kind);
  }
  return {static_cast<std::int32_t>(m), static_cast<std::uint8_t>(shift)};
}

}  // namespace quench
