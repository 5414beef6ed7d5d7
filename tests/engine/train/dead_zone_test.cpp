// Dead zones: zeros are learned where the loss minds least, in the codes that ship.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/compress/calibrate.h"
#include "engine/compress/prune.h"
#include "engine/core/error.h"
#include "engine/train/dead_zone.h"
#include "engine/train/gan.h"
#include "engine/train/tune_events.h"
#include "engine/train/tune_quantized.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

TuneSettings quick() {
  TuneSettings s;
  s.steps = 1500, s.batch = 64, s.learning_rate = 3e-3, s.average = 0.98;
  return s;
}

// What the last steps of a tuning had on average.
double final_loss(const Model& guide, const Model& student, const TuneSettings& s, QuantizedStudent* tuned) {
  QuantizeSettings formats;
  formats.bits = 4;
  double sum = 0;
  TuneControl control;
  control.progress = [&](std::int64_t step, std::int64_t steps, double loss) {
    sum += step > steps - 200 ? loss / 200 : 0;
  };
  *tuned = tune_quantized(guide, {student, formats}, s, control);
  return sum;
}

}  // namespace

TEST_CASE("dead zones reach the share of zeros asked for, with less loss than pruning by magnitude at once") {
  const Model guide = toy_generator();
  TuneSettings s = quick();
  QuantizedStudent zoned, pruned;
  const double at_once = final_loss(guide, prune(guide, 0.6, PruneScope::layer), s, &pruned);
  s.dead_zone = 0.6;
  const double learned = final_loss(guide, guide, s, &zoned);
  INFO(at_once, " at once, ", learned, " learned, zeros ", sparsity(zoned.model));
  CHECK(sparsity(pruned.model) == doctest::Approx(0.6).epsilon(0.01));
  CHECK(sparsity(zoned.model) == doctest::Approx(0.6).epsilon(0.05));
  CHECK(learned < at_once);
  // The zeros are those of the codes.
  const InputSource source = input_source(generator_core(guide), 5, 8);
  const Quantized q = quantize_with_places(
      zoned.model, calibrate(zoned.model, inputs_of(zoned.model, draw(source, 0, 500, 1)), 1), zoned.formats);
  for (const CodedLinear& place : q.linears) {
    const Tensor& real = std::get<Linear>(zoned.model.nodes[place.node].op).weight;
    const QLinear& codes = std::get<QLinear>(q.program.nodes[place.program_node].op);
    for (std::size_t i = 0; i < real.size(); ++i)
      if (real.data[i] == 0) REQUIRE(codes.weight[i] == 0);
  }
}

TEST_CASE("a weight inside its zone is cleared, one outside stays, and a share beyond 0 to 1 is refused") {
  const Model core = generator_core(toy_generator());
  std::vector<CodedLinear> linears;
  for (std::size_t i = 0; i < core.nodes.size(); ++i)
    if (std::holds_alternative<Linear>(core.nodes[i].op)) linears.push_back({i, 0, {}, {}});
  const DeadZones zones(core, linears, 0.5);
  const Model cleared = zones.cleared(core);
  int gone = 0, all = 0;
  for (std::size_t l = 0; l < linears.size(); ++l) {
    const Tensor &before = std::get<Linear>(core.nodes[linears[l].node].op).weight,
                 &after = std::get<Linear>(cleared.nodes[linears[l].node].op).weight;
    for (std::size_t i = 0; i < before.size(); ++i, ++all) {
      CHECK(after.data[i] == (zones.holds(l, before.data[i]) ? 0.0f : before.data[i]));
      gone += after.data[i] == 0;
    }
  }
  CHECK(gone > 0);
  CHECK(gone < 0.05 * all);
  CHECK_THROWS_WITH_AS(DeadZones(core, linears, 1), "dead zone: a share of 1 zeros; it must be above 0 and below 1",
                       Error);
}
