// Forward passes whose batch statistics are averaged.
// SPDX-License-Identifier: MIT
#include "engine/train/statistics.h"

#include <variant>

#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

// Energies of `count` training events, in the epochs of a permutation of their own.
Tensor drawn_energies(const TrainingSet& data, std::uint64_t seed, int first, int count) {
  Tensor energies = zeros({count, 1});
  const std::uint32_t events = static_cast<std::uint32_t>(data.energies.rows());
  for (int i = 0; i < count; ++i) {
    const std::uint32_t position = static_cast<std::uint32_t>(first + i);
    const Permutation order = permutation(events, seed, position / events);
    energies.data[static_cast<std::size_t>(i)] = data.energies.data[permuted(order, position % events)];
  }
  return energies;
}

}  // namespace

Model with_statistics(Model model, const StatisticsSettings& s, const TrainingSet& data, int threads) {
  const std::uint64_t seed = stream_seed(s.seed, Use::statistics);
  const QNoise noise = normal_noise(s.latent, s.latent_bits);
  Tape tape;
  for (int b = 0; b < s.batches; ++b) {
    const int first = b * s.batch;
    const std::vector<Tensor> inputs{sample_latent(noise, seed, static_cast<std::uint64_t>(first), s.batch, threads),
                                     drawn_energies(data, seed, first, s.batch)};
    forward(model, inputs, Mode::training, tape, threads);
    for (std::size_t i = 0; i < model.nodes.size(); ++i)
      if (BatchNorm* op = std::get_if<BatchNorm>(&model.nodes[i].op)) {
        const float momentum = op->momentum;
        op->momentum = 1.0f / static_cast<float>(b + 1);  // the mean over the batches
        update_state(*op, tape.saved[i]);
        op->momentum = momentum;
      }
  }
  return model;
}

}  // namespace quench
