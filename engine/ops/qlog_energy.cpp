// The integer twin of LogEnergy: condition codes from energy counts.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "engine/ops/log_energy.h"
#include "engine/ops/requantization.h"

namespace quench {

QLogEnergy quantize_log_energy(const LogEnergy& op, double energy_unit_mev, double scale, std::int32_t low,
                               std::int32_t high) {
  QLogEnergy q;
  for (int i = 0; i < 64; ++i)
    q.logarithm.push_back(static_cast<std::uint16_t>(std::floor(std::log2(1 + i / 64.0) * 65536 + 0.5)));
  q.offset = static_cast<std::int32_t>(std::floor(std::log2(op.reference_mev / energy_unit_mev) * 65536 + 0.5));
  // one unit of the logarithm, 2^-16 octaves, is log10(2) / 65536 of the condition
  const Factor factor = closest_factor(std::log10(2.0) / 65536 / scale, "wide", "condition");
  q.multiplier = factor.multiplier, q.shift = factor.shift;
  q.low = low, q.high = high;
  return q;
}

}  // namespace quench
