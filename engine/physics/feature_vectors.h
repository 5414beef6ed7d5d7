// Showers as vectors of numbers, as the CaloChallenge evaluation hands them to its distances and classifiers.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/physics/events.h"
#include "engine/physics/geometry.h"
#include "engine/tensor/tensor.h"

namespace quench {

// One row a shower, row-major.
struct FeatureVectors {
  int columns = 0;
  std::vector<double> data;  // [rows, columns]

  int rows() const { return columns == 0 ? 0 : static_cast<int>(data.size() / static_cast<std::size_t>(columns)); }
  const double* row(int i) const {
    return data.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(columns);
  }
};

// log10 E_inc; log10(E_l + 1e-8) of every layer; EC_eta, EC_phi, width_eta, width_phi, each over 100 and of every layer
// with azimuthal bins or cells; log10(E_tot + 1e-8); sparsity of every layer; EC_r / 100 and width_r / 100 of every
// layer. Energies in MeV, lengths in mm; centres and widths of an empty layer are 0. Threads change no bit.
FeatureVectors high_level_features(const Geometry&, const Events&, int threads = 1);

// log10 E_inc, then every voxel / E_inc, energies below the threshold as 0: [events, 1 + voxels].
Tensor low_level_features(const Geometry&, const Events&, int threads = 1);

}  // namespace quench
