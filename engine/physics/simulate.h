// The built-in shower simulation: GFlash showers, binned into any geometry that knows its depths.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>

#include "engine/physics/events.h"
#include "engine/physics/geometry.h"

namespace quench {

struct Simulation {
  // "electron", or "photon": converts after 9/7 X0 on average, into two electrons that share the energy.
  std::string particle = "electron";
  std::string medium;  // "PbWO4", "NaI", "W/Si", "Pb/LAr"; empty: the geometry's own (rings-10x5 PbWO4 ...)
  double min_energy_gev = 1;    // incident energies are log-uniform between these two, or all equal
  double max_energy_gev = 100;  // both in [0.1, 10000]
  std::uint64_t seed = 1;
};

// Showers first .. first + count - 1 of the seed. Shower i depends on the seed, i, the medium and the geometry alone.
//
// The beam enters along the axis at z = 0 into a medium without borders; what lies outside the voxels is lost. Depth
// steps are 0.1 X0 (cut at the layers' borders); each step's energy is shared by max(1, floor(N_s dP_s)) equal spots.
// Fluctuations of the collected energy, sigma(E) = c sqrt(E): per voxel in homogeneous media, per step in sampling
// ones; c belongs to the medium. Voxels below the geometry's threshold (at least 1 eV) are 0. An event that is empty by
// then is drawn again.
//
// Fails for geometries without depths (ds1-photons, text files without z), unknown names and energies out of range.
Events simulate(const Geometry&, const Simulation&, std::int64_t first, int count, int threads = 1);

}  // namespace quench
