// What integers do to the mean and the deviation of each number is taken back by the tables behind the network.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/compress/quantize.h"
#include "engine/physics/events.h"
#include "engine/train/occupancy.h"

namespace quench {

// Standardised numbers of real showers have mean 0 and deviation 1 at every incident energy; those of a network of few
// bits drift from it as the energy changes. Runs the program on `events` events of `seed`, energies log-uniform, fits
// mean and deviation of each number as fit_conditional() does for real ones, and gives the model whose standardisation
// has them undone: no weight changes, and no bit is added. `program` is the deployed model's. With real showers
// their occupancy is matched behind that. Fails for a model without a conditional standardisation.
Model restandardised(Model deployed, const Quantized& program, std::uint64_t seed, int events, int threads,
                     const Events* real = nullptr, Occupancy = Occupancy::layers);

}  // namespace quench
