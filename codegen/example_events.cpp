// Example events: what self-tests and testbenches compare.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "codegen/emit.h"

namespace quench {

ExampleEnergies example_energies(const Program& p) {
  const bool known = p.maximum_energy_mev > 0 && p.minimum_energy_mev > 0;
  const std::uint32_t low = energy_count(p, known ? p.minimum_energy_mev : 1000);
  const std::uint32_t high = energy_count(p, known ? p.maximum_energy_mev : 100000);
  return {low, high - std::min(low, high)};
}

std::vector<Words> example_inputs(const Program& p, std::uint64_t seed, std::uint64_t event) {
  std::vector<Words> inputs;
  const Words number = event_words(seed, event);
  Xoshiro128 features = noise_state(number.data(), 0x66656174u);  // a lane that no latent uses
  for (ValueId v : p.inputs) {
    const QValue& value = p.values[index(v)];
    if (value.meaning == Meaning::event) {
      inputs.push_back(number);
    } else if (value.meaning == Meaning::energy) {
      const ExampleEnergies e = example_energies(p);
      const std::uint64_t mixed = static_cast<std::uint32_t>(event * 2654435761u);
      inputs.push_back(
          Words(static_cast<std::size_t>(value.length), static_cast<std::uint32_t>(e.low + ((e.span * mixed) >> 32))));
    } else {
      Words codes;
      for (std::int32_t i = 0; i < value.length; ++i) {
        const std::uint64_t width = static_cast<std::uint64_t>(value.high - value.low + 1);
        codes.push_back(
            static_cast<std::uint32_t>(value.low + static_cast<std::int64_t>((width * next(features)) >> 32)));
      }
      inputs.push_back(codes);
    }
  }
  return inputs;
}

}  // namespace quench
