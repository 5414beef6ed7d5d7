// The condition of a shower model: c = log10(E / reference), E the incident energy in MeV.
// SPDX-License-Identifier: MIT
#pragma once

namespace quench {

struct LogEnergy {  // [events, 1] -> [events, 1]
  double reference_mev = 10000.0;
};

}  // namespace quench
