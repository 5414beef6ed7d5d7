// Showers as numbers that a network can learn: dequantised zeros, stick-breaking numbers, conditional standardisation.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>

#include "engine/ops/conditional_affine.h"
#include "engine/ops/log_energy.h"
#include "engine/ops/stick_breaking.h"
#include "engine/physics/events.h"
#include "engine/physics/geometry.h"
#include "engine/train/empty_voxels.h"
#include "engine/train/fit_conditional.h"

namespace quench {

// Fitted once to the training events. A plain value; everything that is trained or deployed goes through it.
struct Preprocessing {
  std::string geometry;
  double minimum_energy_mev = 0, maximum_energy_mev = 0;  // incident energies of the events
  // Voxels below it count as empty: the geometry's threshold, or the smallest energy in any voxel where that is 0.
  double threshold_mev = 0;
  LogEnergy condition;
  EmptyVoxels empty_voxels;  // what is put into them
  StickBreaking split;
  ConditionalAffine numbers;     // standardised -> stick-breaking numbers
  ConditionalAffine log_voxels;  // standardised -> ln(voxel / MeV)
};

struct TrainingSet {
  Tensor numbers;     // [events, voxels], standardised stick-breaking numbers
  Tensor energies;    // [events, 1], MeV
  Tensor heads = {};  // head_targets() where a decoder with softmax heads learns (vae_heads.h), else empty
};

// Empty voxels are filled first (empty_voxels.h). The standardisation s = mu(c) + sigma(c) x is fitted column by
// column: mu and ln sigma are polynomials of c of degree 3, lower where the energies span less (a single energy: degree
// 0). Over the events every x has mean 0 and standard deviation 1. filled_showers, if wanted: what was filled, for
// training_set(). Fails for fewer than two events and for showers that do not fit the geometry.
Preprocessing fit_preprocessing(const Events&, const Geometry&, std::uint64_t seed, int threads = 1,
                                Tensor* filled_showers = nullptr);

TrainingSet training_set(const Preprocessing&, const Events&, std::uint64_t seed, int threads = 1);
// The same of showers whose empty voxels are filled already: [events, voxels] and [events, 1], MeV. Fails where these
// do not fit each other or the geometry, and for voxels that are not above 0.
TrainingSet training_set(const Preprocessing&, const Tensor& filled_showers, const Tensor& energies, int threads = 1);

// Degree of the polynomials for conditions c [events, 1]: 3 where they span at least 0.5 (in decades), 2 from 0.2, 1
// from 0.02, else 0; always less than the number of different energies.
int polynomial_degree(const Tensor& c);

}  // namespace quench
