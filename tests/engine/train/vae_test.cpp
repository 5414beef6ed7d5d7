// VAE: the bound on a case with a known answer, the generator, checkpoints.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "engine/compress/fold.h"
#include "engine/compress/quantize.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/run/run.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/vae.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

struct Setup {
  VaeSettings settings;
  Preprocessing preprocessing;
  TrainingSet data;
};

Setup small_setup(int steps) {
  Setup s;
  s.settings.latent = 3, s.settings.hidden = {16, 24}, s.settings.encoder_hidden = {24};
  s.settings.batch = 64, s.settings.steps = steps, s.settings.checkpoint_every = 7, s.settings.kl_warm_up = 10;
  s.settings.statistics_batches = 4, s.settings.statistics_batch = 100;
  const Events events = toy_events(700);
  s.preprocessing = fit_preprocessing(events, toy_geometry(), 1);
  s.data = training_set(s.preprocessing, events, 1);
  return s;
}

VaeState run(const Setup& s, const VaeControl& control = {}, int threads = 1) {
  return train_vae(s.settings, s.data, start_vae(s.settings, s.preprocessing), control, threads);
}

std::uint64_t hash(const Setup& s) { return vae_hash(s.settings, s.preprocessing, s.data); }

// Five numbers x = a z + s n of one normal z: a linear VAE of one latent can be exact (Tipping and Bishop 1999).
constexpr double loading[5] = {0.9, -0.8, 0.7, 0.6, 0.0}, noise_deviation = 0.4;

TrainingSet linear_gaussian(int events) {
  TrainingSet set{zeros({events, 5}), zeros({events, 1})};
  for (int i = 0; i < events; ++i) {
    Random random(17, static_cast<std::uint64_t>(i), 0);
    const double z = normal(random);
    for (int j = 0; j < 5; ++j)
      set.numbers.row(i)[j] = static_cast<float>(loading[j] * z + noise_deviation * normal(random));
    set.energies.data[static_cast<std::size_t>(i)] = 1000;
  }
  return set;
}

// Mean of ln p over its own distribution: minus the entropy of N(0, a a^T + s^2).
double expected_log_density() {
  double aa = 0;
  for (double a : loading) aa += a * a;
  const double s2 = noise_deviation * noise_deviation;
  const double log_determinant = 4 * std::log(s2) + std::log(s2 + aa);
  return -0.5 * (5 * (1 + std::log(2 * 3.14159265358979)) + log_determinant);
}

}  // namespace

TEST_CASE("vae: linear networks reach the exact log density of linear Gaussian data") {
  Setup s = small_setup(4000);
  s.data = linear_gaussian(20000);
  s.settings.latent = 1, s.settings.hidden = {}, s.settings.encoder_hidden = {}, s.settings.batch_norm = false;
  s.settings.learning_rate = 5e-3, s.settings.batch = 256;
  double bound = 0;
  int steps = 0;
  VaeControl control;
  control.progress = [&](const VaeProgress& p) {
    if (p.step > 3500) bound += p.log_likelihood - p.divergence, ++steps;
  };
  const VaeState state = run(s, control);
  CHECK(bound / steps == doctest::Approx(expected_log_density()).epsilon(0.01));
  // What it generates has the covariance of the data.
  const Model generator = trained_generator(s.settings, state, s.data);
  const int events = 20000;
  Tensor energies = zeros({events, 1});
  for (float& e : energies.data) e = 1000;
  const Tensor x = infer(generator, std::vector<Tensor>{sample_latent(normal_noise(6, 8), 5, 0, events), energies});
  for (int a = 0; a < 5; ++a)
    for (int b = 0; b <= a; ++b) {
      double sum = 0;
      for (int i = 0; i < events; ++i) sum += static_cast<double>(x.row(i)[a]) * static_cast<double>(x.row(i)[b]);
      INFO("covariance ", a, ", ", b);
      const double expected = loading[a] * loading[b] + (a == b ? noise_deviation * noise_deviation : 0);
      CHECK(std::fabs(sum / events - expected) < 0.04);
    }
}

TEST_CASE("vae: the generator deploys, and its showers are not all alike") {
  const Setup s = small_setup(200);
  const Model deployed = deploy(trained_generator(s.settings, run(s), s.data), s.preprocessing);
  CHECK(deployed.values[index(deployed.inputs[0].value)].width == 3 + 5);
  Tensor energies = zeros({500, 1});
  for (float& e : energies.data) e = 1000;
  const Tensor voxels = infer(deployed, std::vector<Tensor>{sample_latent(normal_noise(8, 8), 5, 0, 500), energies});
  double mean = 0, square = 0;
  for (int i = 0; i < 500; ++i) {
    double total = 0;
    for (int j = 0; j < 5; ++j) total += static_cast<double>(voxels.row(i)[j]);
    mean += total / 500, square += total * total / 500;
  }
  CHECK(mean == doctest::Approx(900).epsilon(0.1));
  CHECK(std::sqrt(square - mean * mean) > 1);
}

TEST_CASE("vae: the integers of the generator follow it event by event, output noise included") {
  const Setup s = small_setup(200);
  const Model m = fold_batch_norm(deploy(trained_generator(s.settings, run(s), s.data), s.preprocessing));
  const int events = 300;
  const Tensor energies = log_uniform_energies(m.facts, 5, 0, events);
  const std::vector<Tensor> inputs = shower_inputs(m, 5, 0, energies, 8, 1);
  const Program p = quantize(m, calibrate(m, inputs, 1), {});
  bool found = false;
  for (const QNode& node : p.nodes)
    if (std::holds_alternative<QSpread>(node.op)) {
      found = true;
      CHECK(p.values[index(node.inputs[0])].bits == 16);  // the mean is no activation between layers
      CHECK(p.values[index(node.inputs[1])].bits == 8);
    }
  CHECK(found);
  std::vector<std::uint32_t> counts;
  for (float e : energies.data) counts.push_back(energy_count(p, static_cast<double>(e)));
  const std::vector<Words> showers = run(p, 5, 0, Span<const std::uint32_t>(counts), 1);
  const Tensor exact = infer(m, inputs);
  double difference = 0, sum = 0;
  for (int i = 0; i < events; ++i)
    for (int j = 0; j < 5; ++j) {
      const double mev = showers[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] * p.energy_unit_mev;
      difference += std::fabs(mev - static_cast<double>(exact.row(i)[j]));
      sum += static_cast<double>(exact.row(i)[j]);
    }
  CHECK(difference < 0.02 * sum);
}

TEST_CASE("vae: the same bytes for any number of threads, and after any interruption") {
  for (const bool norms : {true, false}) {
    Setup s = small_setup(30);
    s.settings.batch_norm = norms;
    const std::string whole = checkpoint_bytes(run(s), hash(s));
    for (const int threads : {2, 3}) CHECK(checkpoint_bytes(run(s, {}, threads), hash(s)) == whole);
    for (const std::int64_t stop_at : {2, 11}) {
      std::atomic<bool> stop{false};
      std::string saved;
      VaeControl control;
      control.stop = &stop;
      control.progress = [&](const VaeProgress& p) { stop = p.step >= stop_at - 1; };
      control.checkpoint = [&](const VaeState& state) { saved = checkpoint_bytes(state, hash(s)); };
      run(s, control);
      VaeState again = read_checkpoint(saved, start_vae(s.settings, s.preprocessing), hash(s), "memory");
      CHECK(again.step == stop_at);
      CHECK(checkpoint_bytes(train_vae(s.settings, s.data, again), hash(s)) == whole);
    }
  }
}
