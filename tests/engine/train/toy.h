// Small made-up showers for the tests of the training.
// SPDX-License-Identifier: MIT
#pragma once
#include <cmath>

#include "engine/core/math.h"
#include "engine/physics/events.h"
#include "engine/physics/random.h"

namespace quench {

// Three layers of 2, 1 and 2 voxels, threshold 3 MeV.
inline Geometry toy_geometry() {
  Geometry g;
  g.name = "toy";
  g.threshold_mev = 3;
  for (std::size_t voxels : {2, 1, 2}) {
    GeometryLayer layer;
    layer.r = layer.x = layer.y = std::vector<double>(voxels, 1.0);
    g.layers.push_back(layer);
  }
  return g;
}

// Incident energies log-uniform between the two; the response, its spread and the sharing depend on the energy. The
// same bytes on every machine.
inline Events toy_events(int count, std::uint64_t seed = 3, double minimum_mev = 100, double maximum_mev = 10000) {
  Events events{zeros({count, 5}), zeros({count, 1})};
  for (int i = 0; i < count; ++i) {
    Random random(seed, static_cast<std::uint64_t>(i), 0);
    const double energy = minimum_mev * exp(uniform(random) * log(maximum_mev / minimum_mev));
    events.incident_energies.data[static_cast<std::size_t>(i)] = static_cast<float>(energy);
    const double total = energy * (0.9 + 0.3 / std::sqrt(energy) * normal(random));
    const double depth = log(energy) / 4;
    const double shares[5] = {0.4, 0.2, 0.2 * depth, 0.15 * depth, 0.02 * depth * depth};
    double sum = 0, part[5];
    for (int j = 0; j < 5; ++j) sum += part[j] = shares[j] * exp(0.3 * normal(random));
    for (int j = 0; j < 5; ++j) {
      const double e = total * part[j] / sum;
      events.showers.row(i)[j] = e < 3 ? 0.0f : static_cast<float>(e);
    }
  }
  return events;
}

}  // namespace quench
