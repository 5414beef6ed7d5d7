// Stick-breaking split of a shower: numbers -> voxel energies, every part a fraction of what is left, so parts sum to the whole.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

// Inputs s [events, voxels] and E [events, 1] (incident energy, MeV); output voxel energies [events, voxels] in MeV.
// s[0] = ln(sum of voxels / E); then (layers - 1) logits, layer l takes the fraction sigmoid(s) of what layers >= l hold;
// then for each layer its (voxels of the layer - 1) logits in the same way; the last part takes the rest. An exact bijection
// for positive energies. Differentiable.
struct StickBreaking {
  std::vector<int> layer_voxels;  // voxels of each layer; the sum is the width
  bool logarithmic = false;       // output ln(voxel energy / MeV) instead
};

// The bijection's other direction: positive voxel energies [events, voxels] in MeV and E [events, 1] -> s [events, voxels].
Tensor stick_breaking_numbers(const StickBreaking&, const Tensor& voxels, const Tensor& incident_energy);

}  // namespace quench
