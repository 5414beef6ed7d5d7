// What empty voxels may have held: voxels below the threshold as censored draws of a Gaussian model of the shower.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/ops/conditional_affine.h"
#include "engine/physics/events.h"

namespace quench {

// The logarithms of a shower's voxels, standardised by its energy, as correlated normal numbers, of which only those
// above the threshold are seen (Tobin 1958).
struct EmptyVoxels {
  // A voxel given those of its own layer and of the layers beside it, or, where these are more than 64, those of a part
  // of its layer: normal.
  struct Conditional {
    int first = 0;              // of these voxels
    std::vector<float> weight;  // of theirs in its mean; its own is 0
    float deviation = 1;
  };
  double threshold_mev = 0;
  ConditionalAffine law;  // standardised -> ln(voxel / MeV)
  std::vector<Conditional> given;
};

// By stochastic EM: draw what the empty voxels held, fit, and again. c [events, 1] and degree: as in fit_conditional().
EmptyVoxels fit_empty_voxels(const Tensor& showers, const Tensor& c, const std::vector<int>& layer_voxels,
                             double threshold_mev, int degree, std::uint64_t seed, int threads);

// The showers with something in every voxel. What an empty one held is drawn given all others (Gibbs sampling; Geweke
// 1991), by the stream of its event, and of the draw only its rank u among what is below the threshold counts: the
// voxel gets threshold * exp(-0.5 sqrt(-2 ln u)). So empty voxels go together as those of real showers do, which leaves
// a network no patterns to learn by heart, and few energies are close to the threshold, so that a network that is
// slightly off rarely makes a voxel of a zero. A small flow (8 couplings of 128 x 2, a million showers, 30,000 steps,
// seed 1), what separations of 200,000 showers exceed their floor by, 1e-3 of layers, centres, widths, sparsity and
// voxels: .28/.14/.32/.19/.17; each voxel filled for itself, by exp(-0.05 - 0.7 |N|) of the threshold:
// .99/.70/.56/.36/.26.
Tensor filled(const EmptyVoxels&, Tensor showers, const Tensor& c, std::uint64_t seed, int threads);

}  // namespace quench
