// Calibration inputs and ranges.
// SPDX-License-Identifier: MIT
#include "engine/compress/calibrate.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"

namespace quench {
namespace {

constexpr int batch = 1024;

Tensor rows(const Tensor& t, int first, int count) {
  const std::size_t width = static_cast<std::size_t>(t.columns());
  const auto begin = t.data.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * width);
  return {{count, t.columns()},
          std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(count) * width))};
}

}  // namespace

std::vector<Range> calibrate(const Model& m, Span<const Tensor> inputs, int threads) {
  std::vector<Range> ranges(m.values.size());
  const int events = inputs.size() ? inputs[0].rows() : 0;
  if (events == 0) fail("calibration: no events; at least one is needed");
  Tape tape;
  for (int first = 0; first < events; first += batch) {
    std::vector<Tensor> part;
    for (const Tensor& t : inputs) part.push_back(rows(t, first, std::min(batch, events - first)));
    forward(m, part, Mode::inference, tape, threads);
    for (std::size_t v = 0; v < m.values.size(); ++v) {
      const auto [low, high] = std::minmax_element(tape.values[v].data.begin(), tape.values[v].data.end());
      if (!std::isfinite(*low) || !std::isfinite(*high))
        fail("calibration: value ", m.values[v].name,
             " is not finite on real inputs; the model has diverged, train it again");
      ranges[v].low = first == 0 ? *low : std::min(ranges[v].low, *low);
      ranges[v].high = first == 0 ? *high : std::max(ranges[v].high, *high);
    }
  }
  return ranges;
}

std::vector<Tensor> shower_inputs(const Model& m, std::uint64_t seed, std::uint64_t first, const Tensor& energies,
                                  int latent_bits, int threads) {
  std::vector<Tensor> inputs;
  for (const ModelInput& in : m.inputs) {
    const ModelValue& v = m.values[index(in.value)];
    if (in.kind == InputKind::incident_energy)
      inputs.push_back(energies);
    else if (in.kind == InputKind::latent)
      inputs.push_back(
          sample_latent(latent_noise(m.facts.latent, v.width, latent_bits), seed, first, energies.rows(), threads));
    else
      fail("model ", m.name, ": input ", v.name, " takes features; give their values with --data");
  }
  return inputs;
}

Tensor log_uniform_energies(const ModelFacts& facts, std::uint64_t seed, std::uint64_t first, int count) {
  const double low = facts.minimum_energy_mev, high = facts.maximum_energy_mev;
  if (!(low > 0 && high >= low))
    fail("the model's range of incident energies, ", low, " .. ", high, " MeV, is empty; give --energies");
  Tensor energies = zeros({count, 1});
  for (int i = 0; i < count; ++i) {
    const std::uint64_t event = first + static_cast<std::uint64_t>(i);
    const std::uint32_t words[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                    static_cast<std::uint32_t>(event), static_cast<std::uint32_t>(event >> 32)};
    Xoshiro128 g = noise_state(words, 0x656e6572u);  // a lane that no latent uses
    const double u = (next(g) + 0.5) / 4294967296.0;
    energies.data[static_cast<std::size_t>(i)] = static_cast<float>(low * std::pow(high / low, u));
  }
  return energies;
}

}  // namespace quench
