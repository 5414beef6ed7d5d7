// The tables behind a network of few bits give its numbers the moments of real ones.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/compress/calibrate.h"
#include "engine/compress/fold.h"
#include "engine/core/error.h"
#include "engine/run/run.h"
#include "engine/train/restandardise.h"
#include "tests/engine/train/small_gan.h"

using namespace quench;

namespace {

// A trained generator, and its program of 3-bit weights.
struct Subject {
  SmallGan gan = small_gan(1500);
  Model deployed;
  std::vector<Tensor> inputs;
  Subject() {
    deployed = fold_batch_norm(deploy(trained_generator(gan.settings, run(gan), gan.data), gan.preprocessing));
    inputs = shower_inputs(deployed, 5, 0, gan.data.energies, 8, 1);
  }
  Quantized quantized(const Model& m) const {
    QuantizeSettings formats;
    formats.bits = 3;
    return quantize_with_places(m, calibrate(m, inputs, 1), formats);
  }
};

// Standardised numbers of the program's showers, as real ones are standardised: how far their means and deviations are
// from 0 and 1, in each of four ranges of energy.
double misfit(const Subject& s, const Program& program) {
  const int events = 20000;
  Events made{zeros({events, 5}), log_uniform_energies(s.deployed.facts, 9, 0, events)};
  std::vector<std::uint32_t> energies;
  for (float e : made.incident_energies.data) energies.push_back(energy_count(program, static_cast<double>(e)));
  const std::vector<Words> counts = run(program, 77, 0, energies);
  for (int i = 0; i < events; ++i)
    for (int j = 0; j < 5; ++j)
      made.showers.row(i)[j] = static_cast<float>(counts[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] *
                                                  program.energy_unit_mev);
  const TrainingSet set = training_set(s.gan.preprocessing, made, 1);
  double worst = 0;
  for (int part = 0; part < 4; ++part) {
    const auto of_part = [&](int i) {
      return std::min(3,
                      static_cast<int>(
                          2 * std::log10(static_cast<double>(set.energies.data[static_cast<std::size_t>(i)]) / 100))) ==
             part;
    };
    double count = 0, sum = 0;
    for (int i = 0; i < events; ++i)
      if (of_part(i)) count += 1, sum += static_cast<double>(set.numbers.row(i)[1]);
    worst = std::fmax(worst, std::fabs(sum / count));
  }
  return worst;
}

}  // namespace

TEST_CASE("three bits move the numbers' means with the energy; restandardised, they come back, and no weight changes") {
  const Subject s;
  const Quantized before = s.quantized(s.deployed);
  const Model corrected = restandardised(s.deployed, before, 123, 50000, 1);
  const Quantized after = s.quantized(corrected);
  const double moved = misfit(s, before.program), back = misfit(s, after.program);
  INFO(moved, " becomes ", back);
  CHECK(moved > 0.2);
  CHECK(back < 0.5 * moved);
  for (std::size_t i = 0; i < before.linears.size(); ++i)
    CHECK(std::get<QLinear>(before.program.nodes[before.linears[i].program_node].op).weight ==
          std::get<QLinear>(after.program.nodes[after.linears[i].program_node].op).weight);
  CHECK(corrected == restandardised(s.deployed, before, 123, 50000, 3));
}

TEST_CASE("a model without a conditional standardisation is refused by name") {
  const Subject s;
  const Model core = generator_core(s.deployed);
  CHECK_THROWS_WITH_AS(restandardised(core, s.quantized(core), 1, 100, 1),
                       "restandardise: model shower has no standardisation that depends on the incident energy", Error);
}
