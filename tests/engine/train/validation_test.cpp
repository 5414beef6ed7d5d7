// Validation: the best average is the result, patience ends a training, and neither depends on interruptions.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <vector>

#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/train/checkpoint.h"
#include "engine/train/vae.h"
#include "tests/engine/train/small_gan.h"

using namespace quench;

namespace {

struct SmallVae {
  VaeSettings settings;
  Preprocessing preprocessing;
  TrainingSet data;
};

SmallVae small_vae(int steps) {
  const SmallGan gan = small_gan(steps);
  SmallVae s{{}, gan.preprocessing, gan.data};
  s.settings.latent = 3, s.settings.hidden = {16, 24}, s.settings.encoder_hidden = {24};
  s.settings.batch = 64, s.settings.steps = steps, s.settings.checkpoint_every = 7, s.settings.kl_warm_up = 10;
  s.settings.statistics_batches = 4, s.settings.statistics_batch = 100;
  return s;
}

GanState train(const SmallGan& s, GanState from, const GanControl& c) { return train_gan(s.settings, s.data, from, c); }
VaeState train(const SmallVae& s, VaeState from, const VaeControl& c) { return train_vae(s.settings, s.data, from, c); }
GanState start(const SmallGan& s) { return start_gan(s.settings, s.preprocessing); }
VaeState start(const SmallVae& s) { return start_vae(s.settings, s.preprocessing); }

// Some pure function of a generator: minus the first number's mean distance from 0.3 on fixed latents.
double closeness(const Model& generator) {
  const int latent = generator.values[index(generator.inputs[0].value)].width;
  Tensor energies = zeros({50, 1});
  for (float& e : energies.data) e = 5000;
  const std::vector<Tensor> inputs{sample_latent(normal_noise(latent), 5, 0, 50), energies};
  const Tensor out = infer(generator, inputs);
  double sum = 0;
  for (int i = 0; i < out.rows(); ++i) sum += std::fabs(static_cast<double>(out.row(i)[0]) - 0.3);
  return -sum / out.rows();
}

template <class Control>
Control judging() {
  Control c;
  c.quality = closeness;
  return c;
}

// The steps and values that were evaluated.
template <class Progress, class Small>
void check_best(Small s) {
  s.settings.validation = {100, 6, 0};
  auto control = judging<TrainControl<decltype(start(s)), Progress>>();
  std::vector<std::pair<std::int64_t, double>> seen;
  control.progress = [&](const Progress& now) {
    if (now.evaluated) seen.push_back({now.step, now.validation});
  };
  const auto end = train(s, start(s), control);
  REQUIRE(seen.size() == 5);  // 6, 12, 18, 24 and the last step, 26
  CHECK(seen.back().first == 26);
  std::pair<std::int64_t, double> best = seen[0];
  for (const auto& v : seen)
    if (v.second > best.second) best = v;
  CHECK(end.best.step == best.first);
  CHECK(end.best.value == best.second);
  const Model found = trained_generator(s.settings, end, s.data);
  CHECK(found == end.best.model);
  CHECK(closeness(found) == best.second);
}

template <class Progress, class Small>
void check_resume(Small s) {
  s.settings.validation = {100, 6, 0};
  using Control = TrainControl<decltype(start(s)), Progress>;
  const std::string whole = checkpoint_bytes(train(s, start(s), judging<Control>()), 1);
  std::string saved;
  std::atomic<bool> stop{false};
  Control control = judging<Control>();
  control.checkpoint = [&](const auto& state) { saved = checkpoint_bytes(state, 1); };
  control.progress = [&](const Progress& now) { stop = now.step == 15; };
  control.stop = &stop;
  CHECK(train(s, start(s), control).step == 16);
  CHECK(checkpoint_bytes(train(s, read_checkpoint(saved, start(s), 1, "c"), judging<Control>()), 1) == whole);
}

}  // namespace

TEST_CASE("the best averaged generator is the result") {
  check_best<GanProgress>(small_gan(26));
  check_best<VaeProgress>(small_vae(26));
}

TEST_CASE("a best generator survives an interruption") {
  check_resume<GanProgress>(small_gan(26));
  check_resume<VaeProgress>(small_vae(26));
}

TEST_CASE("patience: the training ends when nothing got better") {
  SmallGan s = small_gan(400);
  s.settings.validation = {100, 5, 3};
  GanControl control;
  int calls = 0;
  control.quality = [&](const Model&) { return ++calls == 2 ? 1.0 : 0.0; };
  const GanState end = run(s, control);
  CHECK(end.best.step == 10);
  CHECK(end.step == 25);
  CHECK(ended(s.settings, end));
}

TEST_CASE("what is kept aside is not trained on") {
  SmallGan s = small_gan(20);
  s.settings.validation = {300, 20, 0};
  const GanState before = run(s, judging<GanControl>());
  for (int i = 400; i < 700; ++i) s.data.numbers.row(i)[0] += 50;
  const GanState after = run(s, judging<GanControl>());
  CHECK(before.critic == after.critic);
  s.data.numbers.row(399)[0] += 50;
  CHECK_FALSE(before.critic == run(s, judging<GanControl>()).critic);
}

TEST_CASE("validation that cannot be is refused") {
  SmallGan s = small_gan(5);
  s.settings.validation.events = 100;
  CHECK(message([&] { run(s); }) == "train.validation_events: 100 events, but nothing says how good a generator is");
  s.settings.validation.events = 699;
  CHECK(message([&] { run(s, judging<GanControl>()); }) ==
        "training data: 700 events, 699 of them for validation; at least 2 must be left");
}
