// BatchNorm statistics of averaged weights: without them the running ones belong to other weights.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/model/model.h"
#include "engine/train/preprocess.h"

namespace quench {

struct StatisticsSettings {
  std::uint64_t seed = 1;
  int latent = 1, latent_bits = 8;
  int batches = 20, batch = 1000;
};

// The generator (latent, incident_energy -> ...) with the mean statistics over batches of fresh latents and the
// energies of training events.
Model with_statistics(Model generator, const StatisticsSettings&, const TrainingSet&, int threads);

}  // namespace quench
