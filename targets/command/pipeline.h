// What the verbs train, compress and run begin with: data, calibration events, and the user's wish to stop.
// SPDX-License-Identifier: MIT
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/recipe.h"
#include "engine/model/model.h"
#include "engine/physics/events.h"

namespace quench {

struct Data {
  Geometry geometry;
  Events training;
  Events reference;  // held out: what everything is compared with
  Events second;     // an independent sample: the statistical floor, and the energies that are generated
  std::string origin;
};

// Simulates, or loads and splits, as the recipe says.
Data load_data(const Recipe&, int threads);

// The second sample's energies [count, 1], repeated when more events are asked for than it has.
Tensor generated_energies(const Data&, int count);

// Geometry of the recipe, with its threshold.
Geometry recipe_geometry(const Recipe&);

// Tuning compares standardised numbers, which only generators that quench trained have; others are pruned as they are.
bool can_be_tuned(const Model&);

// What ranges follow from and layers are fitted to: latents, and energies of the model's range, of a seed of their own,
// so that nothing is judged on what it was fitted to.
std::vector<Tensor> calibration_inputs(const Recipe&, const Model&, int threads);

// Set when the user pressed Ctrl-C (installs the handler at the first call).
const std::atomic<bool>& interrupted();

}  // namespace quench
