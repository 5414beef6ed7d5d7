// Fresh events for tuning a generator against its teacher: latents and incident energies from counters.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/model/model.h"
#include "engine/ops/noise.h"

namespace quench {

// Draws a core's inputs: one latent, and the incident energy if it has one.
struct InputSource {
  QNoise noise;
  std::uint64_t latent_seed, energy_seed;
  double minimum_mev, maximum_mev;
};

// Fails when the model's inputs cannot be drawn: features, no latent, an empty range of energies.
InputSource input_source(const Model& core, std::uint64_t seed, int latent_bits);

struct TuneEvents {
  Tensor latent, energies;  // [events, width] and [events, 1], MeV
};

// Events first .. first + count - 1. Event i has the energy minimum (maximum / minimum)^u, u uniform from the event's
// own stream.
TuneEvents draw(const InputSource&, std::uint64_t first, int count, int threads);
void draw(const InputSource&, std::uint64_t first, int count, TuneEvents&, int threads);  // into reused buffers

// In the order of the model's inputs.
std::vector<Tensor> inputs_of(const Model& core, const TuneEvents&);
void inputs_of(const Model& core, const TuneEvents&, std::vector<Tensor>& inputs);

// Fails when the two differ in the widths of latents, energies or outputs.
void check_pair(const Model& teacher, const Model& student);

// Mean square of a - b over all elements; gradient: of half the sum of squares per event, with respect to a.
double mean_square(const Tensor& a, const Tensor& b, Tensor& gradient);

}  // namespace quench
