// How accumulators of a quantised layer become output codes (numerics.md section 4).
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/requantize.h"

namespace quench {

// The class `kind` is chosen when the program is quantised, never at emission: wide m < 2^31, s <= 62; narrow m < 2^15,
// s <= 46; shift m = 2^k (all scales are powers of two).
struct Requantization {
  std::string kind = "wide";
  std::vector<std::int32_t> multiplier;           // [rows], or [1] when all rows share it
  std::vector<std::uint8_t> shift;                // the same length
  std::vector<std::int32_t> negative_multiplier;  // LeakyReLU: for accumulators below zero; empty otherwise
  std::vector<std::uint8_t> negative_shift;
  std::int32_t zero = 0, low = 0, high = 0;
};

template <class Q, class F>
void requantization_fields(Q& op, F&& f) {
  f("kind", op.kind), f("multiplier", op.multiplier), f("shift", op.shift);
  f("negative_multiplier", op.negative_multiplier), f("negative_shift", op.negative_shift);
  f("zero", op.zero), f("low", op.low), f("high", op.high);
}

using PlainRequantize = Requantize<const std::int32_t*, const std::uint8_t*>;

inline PlainRequantize view(const Requantization& q) {
  const std::uint8_t step = q.multiplier.size() > 1;
  return {step,
          step,
          0,
          !q.negative_multiplier.empty(),
          q.multiplier.data(),
          q.shift.data(),
          q.negative_multiplier.data(),
          q.negative_shift.data(),
          q.zero,
          q.low,
          q.high};
}

struct Factor {  // multiplier / 2^shift
  std::int32_t multiplier;
  std::uint8_t shift;
};

// The closest representable factor of the class ("wide", "narrow", "shift"); `where` names the layer in the error.
Factor closest_factor(double real, const std::string& kind, const std::string& where);

}  // namespace quench
