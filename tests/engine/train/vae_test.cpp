// VAE: the bound on a case with a known answer, the generator, checkpoints.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>

#include "engine/compress/calibrate.h"
#include "engine/compress/fold.h"
#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/run/run.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/vae.h"
#include "engine/train/vae_heads.h"
#include "tests/engine/model/gradient_check.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

struct Setup {
  VaeSettings settings;
  Preprocessing preprocessing;
  TrainingSet data;
};

Setup small_setup(int steps, bool heads = false) {
  Setup s;
  s.settings.latent = 3, s.settings.hidden = {16, 24}, s.settings.encoder_hidden = {24};
  s.settings.batch = 64, s.settings.steps = steps, s.settings.checkpoint_every = 7, s.settings.kl_warm_up = 10;
  s.settings.statistics_batches = 4, s.settings.statistics_batch = 100;
  const Events events = toy_events(700);
  s.preprocessing = fit_preprocessing(events, toy_geometry(), 1);
  s.data = training_set(s.preprocessing, events, 1);
  if (!heads) return s;
  s.settings.heads = SoftmaxSplit{s.preprocessing.split.layer_voxels};
  s.data.heads = head_targets(s.preprocessing, events);
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

// Quantises a deployed model and compares 300 showers with its own; returns the program.
Program check_integers(const Model& m) {
  const int events = 300;
  const Tensor energies = log_uniform_energies(m.facts, 5, 0, events);
  const std::vector<Tensor> inputs = shower_inputs(m, 5, 0, energies, 8, 1);
  const Program p = quantize(m, calibrate(m, inputs, 1), {});
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
  return p;
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
  for (const bool heads : {false, true}) {
    INFO("heads ", heads);
    const Setup s = small_setup(heads ? 600 : 200, heads);
    const Model deployed = deploy(trained_generator(s.settings, run(s), s.data), s.preprocessing);
    const int latents = heads ? 3 : 3 + 5;  // output noise for every number, or none
    CHECK(deployed.values[index(deployed.inputs[0].value)].width == latents);
    Tensor energies = zeros({500, 1});
    for (float& e : energies.data) e = 1000;
    const Tensor voxels =
        infer(deployed, std::vector<Tensor>{sample_latent(normal_noise(latents, 8), 5, 0, 500), energies});
    double mean = 0, square = 0;
    for (int i = 0; i < 500; ++i) {
      double total = 0;
      for (int j = 0; j < 5; ++j) total += static_cast<double>(voxels.row(i)[j]);
      mean += total / 500, square += total * total / 500;
    }
    CHECK(mean == doctest::Approx(900).epsilon(0.1));
    CHECK(std::sqrt(square - mean * mean) > 1);
  }
}

TEST_CASE("vae: what showers say of softmax heads, by hand") {
  // Layers of 2, 1 and 2 voxels; 2 MeV lie below the threshold of 3.
  Preprocessing p;
  p.threshold_mev = 3, p.split.layer_voxels = {2, 1, 2};
  const Events events{Tensor{{2, 5}, {30, 10, 2, 3, 37, 0, 0, 0, 1, 0}}, Tensor{{2, 1}, {100, 100}}};
  const std::vector<float> expected{0.8f, 0.5f, 0, 0.5f, 0.75f, 0.25f, 0, 0.075f, 0.925f};
  const Tensor targets = head_targets(p, events);
  for (std::size_t k = 0; k < 9; ++k) {
    CHECK(targets.data[k] == expected[k]);
    CHECK(targets.data[9 + k] == 0);
  }
  CHECK_THROWS_WITH_AS(head_targets(p, {zeros({1, 4}), zeros({1, 1})}),
                       doctest::Contains("showers have 4 voxels, the geometry has 5"), Error);
}

TEST_CASE("vae: the heads' likelihood is a cross-entropy, and its slope that of differences") {
  const SoftmaxSplit op{{2, 1, 2}};
  Preprocessing p;
  p.threshold_mev = 3, p.split.layer_voxels = op.layer_voxels;
  Events events = toy_events(6);
  for (int j = 0; j < 5; ++j) events.showers.row(0)[j] = j == 1 ? 50.0f : 0.0f;  // two empty layers
  const Tensor targets = head_targets(p, events);
  Tensor s = random_tensor({6, 9}, 3, -2.0f, 2.0f), slope = zeros({6, 9}), unused = slope;
  HeadsSpace space;
  const auto likelihood = [&] { return shares_likelihood(op, s, targets, 40, unused, space); };
  double expected = 0;
  for (int i = 0; i < 6; ++i)
    for (const auto& [begin, end] : {std::pair(1, 4), std::pair(4, 6), std::pair(6, 7), std::pair(7, 9)}) {
      double all = 0;
      for (int j = begin; j < end; ++j) all += std::exp(static_cast<double>(s.row(i)[j]));
      for (int j = begin; j < end; ++j)
        expected +=
            40.0 / 6 * static_cast<double>(targets.row(i)[j]) * (static_cast<double>(s.row(i)[j]) - std::log(all));
    }
  CHECK(shares_likelihood(op, s, targets, 40, slope, space, 2) == doctest::Approx(expected).epsilon(1e-5));
  Tensor rest, d_rest = random_tensor({6, 1}, 4);
  const auto total = [&] {
    total_residuals(op, s, targets, rest);
    double sum = 0;
    for (int i = 0; i < 6; ++i) sum += static_cast<double>(rest.data[static_cast<std::size_t>(i)] * d_rest.row(i)[0]);
    return sum;
  };
  CHECK(total() ==
        doctest::Approx([&] {
          double sum = 0;
          for (int i = 0; i < 6; ++i)
            sum += static_cast<double>(d_rest.row(i)[0]) *
                   (static_cast<double>(targets.row(i)[0]) - 1.6 / (1 + std::exp(-static_cast<double>(s.row(i)[0]))));
          return sum;
        }())
            .epsilon(1e-5));
  Tensor of_total;
  total_backward(op, s, d_rest, of_total);
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 9; ++j) {
      INFO("event ", i, ", column ", j);
      float& x = s.row(i)[j];
      const float at = x, h = 0.02f;
      const auto loss = [&](float step) { return x = at + step, total() - likelihood(); };
      const double difference =
          (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * static_cast<double>(h));
      x = at;
      CHECK(static_cast<double>(slope.row(i)[j] + of_total.row(i)[j]) == doctest::Approx(difference).epsilon(2e-3));
    }
}

TEST_CASE("vae: heads learn the shares of showers that are all alike, and refuse a set without targets") {
  Setup s = small_setup(1500, true);
  Events events = toy_events(700);
  const float shares[5] = {0.3f, 0.1f, 0.2f, 0.36f, 0.04f};
  for (int i = 0; i < 700; ++i)
    for (int j = 0; j < 5; ++j) events.showers.row(i)[j] = shares[j] * 0.9f * events.incident_energies.row(i)[0];
  s.data.heads = head_targets(s.preprocessing, events);
  const Model m = trained_generator(s.settings, run(s), s.data);
  const Tensor energies = rows_of(events.incident_energies, 0, 300);
  const Tensor voxels = infer(m, std::vector<Tensor>{sample_latent(normal_noise(3, 8), 5, 0, 300), energies});
  for (int j = 0; j < 5; ++j) {
    double mean = 0;
    for (int i = 0; i < 300; ++i) mean += static_cast<double>(voxels.row(i)[j] / energies.row(i)[0]) / 300;
    CHECK(mean == doctest::Approx(static_cast<double>(0.9f * shares[j])).epsilon(0.05));
  }
  s.data.heads = {};
  CHECK_THROWS_WITH_AS(run(s), doctest::Contains("softmax heads need [700, 9] targets, the set has [1, 0]"), Error);
}

TEST_CASE("vae: the core of a decoder with heads are its logits, which tuning and pruning see") {
  const Setup s = small_setup(20, true);
  const VaeState state = run(s);
  const Model deployed = deploy(vae_generator(s.settings, state.decoder, state.likelihood), s.preprocessing);
  CHECK(std::holds_alternative<Threshold>(deployed.nodes.back().op));
  const Model core = generator_core(deployed);
  CHECK(core.values[index(core.outputs[0])].width == 9);
  const std::vector<Tensor> inputs{random_tensor({40, 3}, 1), random_tensor({40, 1}, 2, 100.0f, 10000.0f)};
  CHECK(infer(core, inputs) == infer(state.decoder, inputs));
  CHECK(with_core(deployed, core) == deployed);
  CHECK_THROWS_WITH_AS(as_deployed(s.preprocessing, deployed),
                       doctest::Contains("ends in softmax heads (softmax_split)"), Error);
}

TEST_CASE("vae: the integers of a generator with heads follow it event by event") {
  const Setup s = small_setup(200, true);
  const Program p =
      check_integers(fold_batch_norm(deploy(trained_generator(s.settings, run(s), s.data), s.preprocessing)));
  int splits = 0;
  for (const QNode& node : p.nodes) splits += std::holds_alternative<QShareSplit>(node.op);
  CHECK(splits == 2);
}

TEST_CASE("vae: the integers of the generator follow it event by event, output noise included") {
  const Setup s = small_setup(200);
  const Program p =
      check_integers(fold_batch_norm(deploy(trained_generator(s.settings, run(s), s.data), s.preprocessing)));
  bool found = false;
  for (const QNode& node : p.nodes)
    if (std::holds_alternative<QSpread>(node.op)) {
      found = true;
      CHECK(p.values[index(node.inputs[0])].bits == 16);  // the mean is no activation between layers
      CHECK(p.values[index(node.inputs[1])].bits == 8);
    }
  CHECK(found);
}

TEST_CASE("vae: the same bytes for any number of threads, and after any interruption") {
  for (const auto& [norms, heads] : {std::pair(true, false), std::pair(false, false), std::pair(true, true)}) {
    Setup s = small_setup(30, heads);
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
