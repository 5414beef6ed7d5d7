// The GAN's choices: losses, penalties, spectral norm, noise, schedules, moments; and training that diverges.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/compress/fold.h"
#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/run/run.h"
#include "engine/train/adam.h"
#include "engine/train/batches.h"
#include "engine/train/checkpoint.h"
#include "engine/train/gan.h"
#include "engine/train/gan_loss.h"
#include "engine/train/instance_noise.h"
#include "engine/train/spectral_norm.h"
#include "tests/engine/train/small_gan.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

void everything_on(GanSettings& s) {
  s.loss = "wasserstein", s.penalty = "wgan-gp", s.gradient_penalty = 10, s.spectral_norm = true;
  s.instance_noise = 0.3, s.critic_steps = 3, s.schedule = "step";
  s.moments = {0.1, 0.2, 0.3};
}

std::string refusal(const SmallGan& s) {
  return message([&] { run(s); });
}

// Generated standardised numbers of the training events' energies.
Tensor generated(const SmallGan& s, const Model& generator) {
  return infer(generator,
               std::vector<Tensor>{sample_latent(normal_noise(s.settings.latent), 99, 0, 700), s.data.energies});
}

// The largest deviation of any column's mean from 0 or standard deviation from 1.
double misfit(const Tensor& x) {
  Moments m;
  batch_moments(x, m);
  double worst = 0;
  for (std::size_t j = 0; j < m.mean.size(); ++j)
    worst = std::fmax(worst, std::fmax(std::fabs(m.mean[j]), std::fabs(std::sqrt(m.variance[j]) - 1)));
  return worst;
}

}  // namespace

TEST_CASE("schedules of the learning rate") {
  CHECK(scheduled_rate(2, 0.5, 99, 100, schedule_named("constant")) == 2);
  CHECK(scheduled_rate(2, 0.5, 50, 100, schedule_named("linear")) == 2);
  CHECK(scheduled_rate(2, 0.5, 75, 100, schedule_named("linear")) == doctest::Approx(1));
  CHECK(scheduled_rate(2, 0.5, 99, 100, schedule_named("linear")) == doctest::Approx(0.04));
  CHECK(scheduled_rate(2, 0.5, 75, 100, schedule_named("cosine")) == scheduled_rate(2, 0.5, 75, 100));
  const double halved[8] = {2, 2, 2, 2, 1, 1, 0.5, 0.25};
  for (int i = 0; i < 8; ++i) {
    CHECK(scheduled_rate(2, 0.1, 100 * i, 800, schedule_named("step")) == halved[i]);
    CHECK(scheduled_rate(2, 0.1, 100 * i + 99, 800, schedule_named("step")) == halved[i]);
  }
  CHECK_THROWS_WITH_AS(schedule_named("cosin"),
                       "train.schedule: \"cosin\" is not known; choose cosine, constant, linear or step", Error);
}

TEST_CASE("instance noise: normal, a pure function of seed and index, fading to nothing") {
  Tensor x = zeros({400, 5}), parts = x, other = x;
  add_normal(x, 0.5, 7, 1000, 1);
  Moments m;
  batch_moments(x, m);
  for (std::size_t j = 0; j < 5; ++j) {
    CHECK(std::fabs(m.mean[j]) < 0.1);
    CHECK(std::sqrt(m.variance[j]) == doctest::Approx(0.5).epsilon(0.1));
  }
  Tensor half = rows_of(parts, 0, 150), rest = rows_of(parts, 150, 250);
  add_normal(half, 0.5, 7, 1000, 3), add_normal(rest, 0.5, 7, 1150, 2);
  CHECK(half == rows_of(x, 0, 150));
  CHECK(rest == rows_of(x, 150, 250));
  add_normal(other, 0.5, 8, 1000);
  CHECK_FALSE(other == x);
  CHECK(decayed_noise(0.4, 0, 100) == 0.4);
  CHECK(decayed_noise(0.4, 75, 100) == doctest::Approx(0.1));
  CHECK(decayed_noise(0.4, 100, 100) == 0);
  std::uint64_t next = 0;  // two steps of three passes of the critic and one of the generator, 10 events each
  for (int step : {0, 1})
    for (int k : {0, 1, 2, 3}) {
      CHECK(noise_index(step, k, 3, 10) == next);
      next += k < 3 ? 20 : 10;
    }
}

TEST_CASE("everything on: the same bytes for any number of threads") {
  SmallGan s = small_gan(6);
  everything_on(s.settings);
  s.settings.batch = 300, s.settings.critic_hidden = {100, 60};
  for (const char* penalty : {"wgan-gp", "r1"}) {
    s.settings.penalty = penalty;
    const std::string one = checkpoint_bytes(run(s, {}, 1), 1);
    CHECK(checkpoint_bytes(run(s, {}, 2), 1) == one);
    CHECK(checkpoint_bytes(run(s, {}, 3), 1) == one);
  }
}

TEST_CASE("everything on: interrupted and resumed, the same bytes as in one go") {
  SmallGan s = small_gan(20);
  everything_on(s.settings);
  const std::string whole = checkpoint_bytes(run(s), 1);
  std::string saved;
  std::atomic<bool> stop{false};
  GanControl control;
  control.checkpoint = [&](const GanState& state) { saved = checkpoint_bytes(state, hash(s)); };
  control.progress = [&](const GanProgress& p) { stop = p.step == 10; };
  control.stop = &stop;
  run(s, control);
  const GanState start = start_gan(s.settings, s.preprocessing);
  const GanState state = read_checkpoint(saved, start, hash(s), "c");
  CHECK(state.step == 11);
  REQUIRE(state.spectral.size() == 3);
  CHECK_FALSE(state.spectral == start.spectral);  // or the test would not see them forgotten
  for (int threads : {1, 2}) CHECK(checkpoint_bytes(train_gan(s.settings, s.data, state, {}, threads), 1) == whole);
  GanState forgotten = state;
  forgotten.spectral = start.spectral;
  CHECK(checkpoint_bytes(train_gan(s.settings, s.data, forgotten, {}, 1), 1) != whole);
}

TEST_CASE("every setting is part of the hash, and of the result") {
  const SmallGan plain = small_gan(3);
  const std::string bytes = checkpoint_bytes(run(plain), 1);
  const std::vector<std::function<void(GanSettings&)>> changes{
      [](GanSettings& s) { s.loss = "hinge"; },
      [](GanSettings& s) { s.loss = "bce"; },
      [](GanSettings& s) { s.loss = "wasserstein"; },
      [](GanSettings& s) { s.penalty = "wgan-gp", s.gradient_penalty = 10; },
      [](GanSettings& s) { s.penalty = "wgan-gp", s.gradient_penalty = 1; },
      [](GanSettings& s) { s.penalty = "r1", s.gradient_penalty = 1; },
      [](GanSettings& s) { s.spectral_norm = true; },
      [](GanSettings& s) { s.instance_noise = 0.1; },
      [](GanSettings& s) { s.critic_steps = 2; },
      [](GanSettings& s) { s.schedule = "step"; },
      [](GanSettings& s) { s.schedule = "linear", s.decay_from = 0.1; },
      [](GanSettings& s) { s.moments.total_energy = 0.1; },
      [](GanSettings& s) { s.moments.layer_energy = 0.1; },
      [](GanSettings& s) { s.moments.sparsity = 0.1; },
  };
  std::vector<std::uint64_t> hashes{hash(plain)};
  for (const auto& change : changes) {
    SmallGan s = plain;
    change(s.settings);
    for (std::uint64_t h : hashes) CHECK(h != hash(s));
    hashes.push_back(hash(s));
    CHECK(checkpoint_bytes(run(s), 1) != bytes);
  }
}

TEST_CASE("the GAN learns with every loss and regularisation") {
  const std::vector<std::function<void(GanSettings&)>> choices{
      [](GanSettings& s) { s.loss = "bce", s.penalty = "r1", s.gradient_penalty = 0.1; },
      [](GanSettings& s) { s.loss = "hinge", s.spectral_norm = true, s.critic_steps = 3; },
      [](GanSettings& s) {
        s.loss = "wasserstein", s.penalty = "wgan-gp", s.gradient_penalty = 10, s.critic_steps = 3;
      },
      [](GanSettings& s) {
        s.instance_noise = 0.3, s.schedule = "linear", s.moments = {0.05, 0.05, 0.05};
      },
  };
  for (std::size_t k = 0; k < choices.size(); ++k) {
    CAPTURE(k);
    SmallGan s = small_gan(600);
    s.settings.hidden = {32, 32}, s.settings.critic_hidden = {48, 32}, s.settings.average = 0.98;
    s.settings.learning_rate = s.settings.critic_learning_rate = 2e-3;
    choices[k](s.settings);
    CHECK(misfit(generated(s, start_gan(s.settings, s.preprocessing).generator)) > 0.5);
    CHECK(misfit(generated(s, trained_generator(s.settings, run(s, {}, 2), s.data))) < 0.35);
  }
}

TEST_CASE("the weights of moments pull the generated moments towards the real ones") {
  const MomentWeights weights{1, 1, 1};
  double term[2];
  for (int with : {0, 1}) {
    SmallGan s = small_gan(150);
    if (with) s.settings.moments = weights;
    MomentSpace space;
    const Model generator = trained_generator(s.settings, run(s, {}, 2), s.data);
    const std::vector<Tensor> real{s.data.numbers, s.data.energies}, fake{generated(s, generator), s.data.energies};
    term[with] = moment_term(shower_quantities(s.preprocessing), weights, real, fake, space);
  }
  CHECK(term[1] < 0.5 * term[0]);
}

TEST_CASE("a generator that makes the same shower again and again is told, with what to try") {
  SmallGan s = small_gan(400);
  // A critic that learns and a generator that jumps: its ReLUs die, and only its last biases are left.
  s.settings.batch_norm = false, s.settings.learning_rate = 1, s.settings.critic_learning_rate = 2e-3;
  s.settings.checkpoint_every = 100;
  int checkpoints = 0;
  GanControl control;
  control.checkpoint = [&](const GanState&) { ++checkpoints; };
  CHECK(refusal(s) ==
        "train: the generated showers are all alike at step 200: their standardised numbers have 0 of the real "
        "showers' variance, less than 0.01; lower train.learning_rate (1) or raise train.instance_noise (0), or set "
        "model.batch_norm = true");
  CHECK_THROWS_AS(run(s, control), Error);
  CHECK(checkpoints == 1);  // the last good one is kept
  s.settings.learning_rate = 1e-3;
  CHECK(refusal(s) == "no error");
}

TEST_CASE("settings of the GAN that cannot work are refused") {
  SmallGan s = small_gan(5);
  s.settings.critic_steps = 0;
  CHECK(refusal(s) == "train.critic_steps: 0 is too small; at least 1 is needed");
  s = small_gan(5);
  s.settings.loss = "mse";
  CHECK(refusal(s) == "train.loss: \"mse\" is not known; choose least-squares, bce, hinge or wasserstein");
  s = small_gan(5);
  s.settings.penalty = "gp";
  CHECK(refusal(s) == "train.penalty: \"gp\" is not known; choose none, wgan-gp or r1");
}

TEST_CASE("a teacher: the generator learns its numbers, weighed against the critic") {
  SmallGan s = small_gan(300);
  s.settings.batch_norm = false;
  Model teacher = gan_generator(s.settings, s.preprocessing);
  for_each_parameter(teacher, [](std::size_t, const std::string&, Tensor& t) {
    for (float& w : t.data) w *= 3;
  });
  const auto distance = [&](const Model& generator) {
    const Tensor a = generated(s, generator), b = generated(s, teacher);
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a.data[i] - b.data[i]) * (a.data[i] - b.data[i]);
    return sum / static_cast<double>(a.size());
  };
  s.settings.seed = 2, s.settings.learning_rate = 5e-3;
  const auto trained = [&](double alpha) {
    s.settings.alpha = alpha;
    return train_gan(s.settings, s.data, start_gan(s.settings, s.preprocessing, teacher), {}, 2).average;
  };
  const double alone = distance(trained(0)), some = distance(trained(0.1)), all = distance(trained(0.999));
  CHECK(all < 0.1 * alone);
  CHECK(some < alone);
  CHECK(all < some);
  CHECK(gan_hash(s.settings, s.preprocessing, s.data, teacher) != hash(s));

  SmallGan other = small_gan(1);
  other.settings.latent = 5, other.settings.alpha = 0.5;
  CHECK(message([&] { start_gan(other.settings, other.preprocessing, teacher); }) ==
        "tuning: the teacher's latent input is 6 wide, the student's 5");
}

TEST_CASE("spectral norm: the generator's step goes through the critic that has just moved, normalised anew") {
  SmallGan s = small_gan(1);
  s.settings.spectral_norm = true, s.settings.critic_learning_rate = 0.05, s.settings.learning_rate = 1e-9;
  const GanState start = start_gan(s.settings, s.preprocessing);
  double loss = 0;
  GanControl control;
  control.progress = [&](const GanProgress& p) { loss = p.generator_loss; };
  const GanState end = run(s, control);
  // u after the critic's one iteration, which belongs to the weights before its step; sigma of the weights after it.
  SpectralSpace space;
  std::vector<Tensor> u = start.spectral;
  iterate_spectral(start.critic, u, space);
  const Model stale = space.normalised;
  refresh_spectral(end.critic, u, space);
  Tensor energies = zeros({s.settings.batch, 1});
  for_each_event(s.settings.seed, 0, s.settings.batch, static_cast<std::uint32_t>(s.data.numbers.rows()),
                 [&](int row, std::uint32_t event) {
                   energies.data[static_cast<std::size_t>(row)] = s.data.energies.data[event];
                 });
  const Tensor latent = sample_latent(normal_noise(s.settings.latent, s.settings.latent_bits),
                                      stream_seed(s.settings.seed, Use::latent), 0, s.settings.batch);
  Tape tape;
  forward(start.generator, std::vector<Tensor>{latent, energies}, Mode::training, tape);
  const Tensor fake = tape.values[index(start.generator.outputs[0])];
  Tensor unused;
  const auto loss_through = [&](const Model& critic) {
    return generator_loss(gan_loss(s.settings.loss), infer(critic, std::vector<Tensor>{fake, energies}), unused);
  };
  CHECK(loss == doctest::Approx(loss_through(space.normalised)).epsilon(1e-6));
  CHECK(std::fabs(loss - loss_through(stale)) > 1e-3);
}

TEST_CASE("a skip carries the latents past the network: the numbers are the sum of both, it learns, and it quantises") {
  SmallGan s = small_gan(1500);
  const std::uint64_t without = hash(s);
  s.settings.skip = true;
  CHECK(hash(s) != without);
  const Model start = start_gan(s.settings, s.preprocessing).generator;
  const auto ending_in = [&](const char* name) {
    Model part = start;
    for (const Node& node : start.nodes)
      if (node.name == name) part.outputs = {node.output};
    return generated(s, part);
  };
  const Tensor sum = generated(s, start), network = ending_in("numbers"), direct = ending_in("skip");
  for (std::size_t i = 0; i < sum.size(); ++i) REQUIRE(sum.data[i] == network.data[i] + direct.data[i]);

  const Model trained = trained_generator(s.settings, run(s), s.data);
  CHECK(misfit(generated(s, trained)) < 0.3);
  const Model deployed = fold_batch_norm(deploy(trained, s.preprocessing));
  const std::vector<Tensor> inputs{sample_latent(normal_noise(6), 5, 0, 700), s.data.energies};
  const Program program = quantize(deployed, calibrate(deployed, inputs, 1), QuantizeSettings());
  const Tensor real = infer(deployed, inputs);
  std::vector<std::uint32_t> energies;
  for (float e : s.data.energies.data) energies.push_back(energy_count(program, static_cast<double>(e)));
  const std::vector<Words> counts = run(program, 5, 0, energies);
  double difference = 0, all = 0;
  for (int i = 0; i < real.rows(); ++i)
    for (int j = 0; j < 5; ++j) {
      const double e = static_cast<double>(real.row(i)[j]);
      difference += std::fabs(counts[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] / 1024.0 - e), all += e;
    }
  CHECK(difference < 0.02 * all);
}

TEST_CASE("a critic of occupancy sees which voxels are above the threshold, and learns from them") {
  SmallGan s = small_gan(5);
  const std::uint64_t without = hash(s);
  const auto first_columns = [&] {
    const Model critic = gan_critic(s.settings, s.preprocessing);
    for (const Node& node : critic.nodes)
      if (const Linear* op = std::get_if<Linear>(&node.op)) return op->weight.columns();
    return 0;
  };
  CHECK(first_columns() == 2 * 5 + 1);
  s.settings.critic_occupancy = true;
  CHECK(hash(s) != without);
  CHECK(first_columns() == 3 * 5 + 1);
  Model critic = gan_critic(s.settings, s.preprocessing);
  for (const Node& node : critic.nodes)
    if (node.name == "counted") critic.outputs = {node.output};
  const Tensor counted = infer(critic, std::vector<Tensor>{s.data.numbers, s.data.energies});
  const Events events = toy_events(700);
  int empty = 0;
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const double energy = static_cast<double>(events.showers.data[i]), seen = static_cast<double>(counted.data[i]);
    empty += energy >= 3 ? 0 : 1;
    if (energy < 3) REQUIRE(seen < 0.5);
    if (energy >= 3) REQUIRE(std::fabs(seen - 1 / (1 + std::exp(-std::log(energy / 3) / 0.1))) < 1e-3);
  }
  CHECK(empty > 20);
  CHECK(refusal(s) == "no error");
}
