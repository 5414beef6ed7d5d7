// Layers and voxels of a generator's showers are empty as often as those of real ones.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/ops/conditional_affine.h"
#include "engine/ops/stick_breaking.h"
#include "engine/physics/events.h"

namespace quench {

// What a program makes of its latents, and what becomes a shower of it.
struct MadeNumbers {
  const Tensor& numbers;   // [events, voxels], standardised
  const Tensor& energies;  // [events, 1], MeV
  const Tensor& c;         // [events, 1], their conditions
  const StickBreaking& split;
  double threshold_mev;  // of a voxel
};

// Layers alone, or the voxels of each layer, too.
enum class Occupancy { layers, voxels };

// The standardisation whose layers' shares are moved, as polynomials of the condition, until in every range of it each
// layer is empty (no voxel above the threshold) in as many of the showers as in the real ones. Mean and deviation of a
// share, which restandardise.h gets right, say little about its tail, and of all that is judged it is the empty layers
// that move the Frechet physics distance most: their logarithms lie at -8. A voxel's share of its layer goes half of
// that way. real_c [events, 1]: conditions of `real`. Where few are empty, or nearly all, or events are few, a share
// stays where its mean is right. Totals do not change.
ConditionalAffine with_occupancy(ConditionalAffine, const MadeNumbers&, const Events& real, const Tensor& real_c,
                                 Occupancy, int threads = 1);

}  // namespace quench
