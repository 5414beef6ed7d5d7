// The ranges that values take on real inputs: what quantisation scales follow from.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/core/span.h"
#include "engine/model/model.h"

namespace quench {

struct Range {
  float low = 0, high = 0;
};

// Smallest and largest element of every value, by Value, on the given inputs (in the order of model.inputs).
std::vector<Range> calibrate(const Model&, Span<const Tensor> inputs, int threads);

// Inputs of a shower model: latents of events first .. of `seed` and these incident energies [events, 1] in MeV.
std::vector<Tensor> shower_inputs(const Model&, std::uint64_t seed, std::uint64_t first, const Tensor& energies,
                                  int latent_bits, int threads);

// Incident energies of a model's range, log-uniform (fixed when the range is a point), a pure function of seed and
// event.
Tensor log_uniform_energies(const ModelFacts&, std::uint64_t seed, std::uint64_t first, int count);

}  // namespace quench
