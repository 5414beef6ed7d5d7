// Observables of calorimeter showers, as the CaloChallenge evaluation defines them: one number per event each.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/physics/events.h"
#include "engine/physics/geometry.h"

namespace quench {

// total: E_tot/E_inc. layer: energies of layers. centre: EC_eta, EC_phi, EC_r. width: width_eta, width_phi, width_r.
// sparsity: fraction of empty voxels of a layer. voxel: spectrum of the energies of all voxels.
enum class Group { total, layer, centre, width, sparsity, voxel };
const char* group_name(Group);  // "total", "layer", "centre", "width", "sparsity", "voxel"

// Voxel energies below the geometry's threshold count as 0 in everything here.
// A centre or a width is not defined in an event whose layer is empty: there the value is a quiet NaN, and whoever uses
// the values says how many are left. A layer energy of 0 and a sparsity of 1 are values like any other.
struct Observable {
  std::string name;  // "E_tot/E_inc", "E layer 3", "EC_r layer 3", "width_eta layer 3", "sparsity layer 3"
  std::string unit;  // "", "MeV" or "mm"
  Group group = Group::total;
  int layer = -1;             // index into Geometry::layers; -1: of the whole shower
  std::vector<double> value;  // [events]
};

// In this order: E_tot/E_inc; E of every layer; EC_eta, EC_phi, EC_r layer by layer (eta and phi only where the layer
// has xy); the widths likewise; sparsity of every layer. (The voxel spectrum is not a number per event: see metrics.h.)
//   EC_x = sum x e / sum e,  width_x = sqrt(max(0, sum x^2 e / sum e - EC_x^2)),  x = eta, phi, r of the voxel's
//   centre, mm.
// Fails when the showers do not have the geometry's number of voxels. The result does not depend on `threads`.
std::vector<Observable> observables(const Geometry&, const Events&, int threads = 1);

// Mean energy of every voxel, MeV, after the threshold, with its statistical error; layer l begins at layer_begin()[l].
struct MeanShower {
  std::vector<double> mean, error;  // [voxels]
};
MeanShower mean_shower(const Geometry&, const Events&, int threads = 1);

}  // namespace quench
