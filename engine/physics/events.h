// Event files: showers and their incident energies, .npz or a folder of .npy, with CaloChallenge's array names.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/physics/geometry.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Events {
  Tensor showers;            // [events, voxels], MeV
  Tensor incident_energies;  // [events, 1], MeV

  int size() const { return showers.rows(); }
};

// Reads and checks events: finite, not negative, voxel count of the geometry, incident energies > 0, no all-zero
// shower; where a .npz says its voxels' centres, they are the geometry's to within 0.01 mm. `allow_empty_showers`:
// candidates of a bad generator may hold them.
Events load_events(const std::string& path, const Geometry&, bool allow_empty_showers = false);

// .npz, written to a temporary name and renamed; a geometry adds "voxel_centres" [voxels, 4]: layer, r, x and y in mm.
void save_events(const std::string& path, const Events&, const Geometry* = nullptr);

Events select(const Events&, int first, int count);

}  // namespace quench
