// GAN, checkpoints and deployment on made-up showers.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <string>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/train/adam.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/gan.h"
#include "tests/engine/train/small_gan.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

Tensor latents(const SmallGan& s, int count) { return sample_latent(normal_noise(s.settings.latent), 99, 0, count); }

}  // namespace

TEST_CASE("adam: the first steps against the definition in double") {
  Model m;
  m.outputs = {
      append(m, "l", Linear{{{1, 2}, {1, -2}}, {{1}, {0.5f}}}, {add_input(m, "x", 2, InputKind::features)}, 1)};
  Model gradient = zeros_like(m), first = gradient, second = gradient;
  const AdamTensors t{parameter_tensors(m), parameter_tensors(gradient), parameter_tensors(first),
                      parameter_tensors(second)};
  const AdamSettings s{0.1, 0.5, 0.9, 1e-8};
  double p[3] = {1, -2, 0.5}, a[3] = {}, b[3] = {};
  for (int step = 1; step <= 5; ++step) {
    for (int k = 0; k < 3; ++k) {
      const double g = std::sin(step + 2.0 * k);
      (k < 2 ? t.gradient[0]->data[static_cast<std::size_t>(k)] : t.gradient[1]->data[0]) = static_cast<float>(g);
      a[k] = 0.5 * a[k] + 0.5 * g, b[k] = 0.9 * b[k] + 0.1 * g * g;
      p[k] -= 0.1 * (a[k] / (1 - std::pow(0.5, step))) / (std::sqrt(b[k] / (1 - std::pow(0.9, step))) + 1e-8);
    }
    adam_step(t, s, step);
    CHECK(t.gradient[0]->data == std::vector<float>{0, 0});
  }
  CHECK(t.parameters[0]->data[0] == doctest::Approx(p[0]).epsilon(1e-5));
  CHECK(t.parameters[0]->data[1] == doctest::Approx(p[1]).epsilon(1e-5));
  CHECK(t.parameters[1]->data[0] == doctest::Approx(p[2]).epsilon(1e-5));
}

TEST_CASE("learning rate: constant, then half a cosine to nothing") {
  CHECK(scheduled_rate(2, 0.5, 0, 100) == 2);
  CHECK(scheduled_rate(2, 0.5, 50, 100) == 2);
  CHECK(scheduled_rate(2, 0.5, 75, 100) == doctest::Approx(1));
  CHECK(scheduled_rate(2, 0.5, 60, 100) == doctest::Approx(1 + std::cos(3.14159265358979 * 0.2)));
  CHECK(scheduled_rate(2, 0.5, 99, 100) == doctest::Approx(1 + std::cos(3.14159265358979 * 0.98)).epsilon(1e-6));
  CHECK(scheduled_rate(2, 1.0, 99, 100) == 2);
}

TEST_CASE("training: the same bytes for any number of threads, and moved parameters") {
  SmallGan s = small_gan(12);
  s.settings.batch = 300, s.settings.critic_hidden = {100, 60};  // large enough that threads share the products
  const GanState one = run(s, {}, 1), three = run(s, {}, 3);
  CHECK(checkpoint_bytes(one, 1) == checkpoint_bytes(three, 1));
  CHECK(one.step == 12);
  CHECK_FALSE(one.generator == start_gan(s.settings, s.preprocessing).generator);
  CHECK(trained_generator(s.settings, one, s.data, 1) == trained_generator(s.settings, one, s.data, 3));
}

TEST_CASE("interrupted and resumed from a checkpoint: the same bytes as in one go") {
  const SmallGan s = small_gan(30);
  const std::string whole = checkpoint_bytes(run(s), 1);
  std::string saved;
  int checkpoints = 0;
  std::atomic<bool> stop{false};
  GanControl control;
  control.checkpoint = [&](const GanState& state) { saved = checkpoint_bytes(state, hash(s)), ++checkpoints; };
  control.progress = [&](const GanProgress& p) { stop = p.step == 16; };
  control.stop = &stop;
  CHECK(run(s, control).step == 17);  // told after step 16, ends with the step under way
  CHECK(checkpoints == 3);            // steps 7, 14 and 17
  for (int threads : {1, 2}) {
    GanState state = read_checkpoint(saved, start_gan(s.settings, s.preprocessing), hash(s), "c");
    CHECK(state.step == 17);
    state = train_gan(s.settings, s.data, std::move(state), {}, threads);
    CHECK(checkpoint_bytes(state, 1) == whole);
  }
}

TEST_CASE("a checkpoint that is not this run's, or not whole, is refused") {
  const SmallGan s = small_gan(2);
  const GanState start = start_gan(s.settings, s.preprocessing);
  const std::string good = checkpoint_bytes(start, hash(s));
  const auto read = [&](const std::string& bytes) {
    return message([&] { read_checkpoint(bytes, start, hash(s), "run.ckpt"); });
  };
  CHECK(read(good) == "no error");
  CHECK(read("") == "run.ckpt: not a quench checkpoint");
  CHECK(read("PK something else") == "run.ckpt: not a quench checkpoint");
  const std::string damaged = " bytes, checksum does not match); delete it to start from the beginning";
  for (std::size_t length : {good.size() - 1, good.size() - 4, good.size() / 2, std::size_t{8}})
    CHECK(read(good.substr(0, length)) == "run.ckpt: the checkpoint is damaged (" + std::to_string(length) + damaged);
  std::string flipped = good;
  flipped[good.size() / 3] = static_cast<char>(flipped[good.size() / 3] ^ 4);
  CHECK(read(flipped) == "run.ckpt: the checkpoint is damaged (" + std::to_string(good.size()) + damaged);
  SmallGan other = small_gan(2);
  other.settings.learning_rate = 1e-4;
  CHECK(read(checkpoint_bytes(start, hash(other))) ==
        "run.ckpt: the checkpoint belongs to another recipe, seed or data set; delete it or choose another output to "
        "start anew");
  other = small_gan(2);
  other.data.numbers.data[5] += 1;
  CHECK(hash(other) != hash(s));
  other.settings.hidden = {16, 25};
  CHECK(message([&] { read_checkpoint(good, start_gan(other.settings, s.preprocessing), hash(s), "run.ckpt"); }) ==
        "run.ckpt: tensor 4 of the checkpoint has another shape than this recipe's");
}

TEST_CASE("the averaged generator's statistics are those of its own activations") {
  const SmallGan s = small_gan(60);
  const GanState state = run(s);
  const Model model = trained_generator(s.settings, state, s.data);
  std::vector<Tensor> inputs{latents(s, 700), s.data.energies};
  Tape training, inference;
  forward(model, inputs, Mode::training, training);
  forward(model, inputs, Mode::inference, inference);
  const Tensor &a = training.values[index(model.outputs[0])], &b = inference.values[index(model.outputs[0])];
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference += std::pow(a.data[i] - b.data[i], 2), size += std::pow(a.data[i], 2);
  CHECK(difference < 0.02 * size);
  const Tensor stale = infer(state.average, inputs);
  double stale_difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) stale_difference += std::pow(a.data[i] - stale.data[i], 2);
  CHECK(stale_difference > 4 * difference);
}

TEST_CASE("the GAN learns: spread and condition of the generated numbers") {
  SmallGan s = small_gan(700);
  s.settings.hidden = {32, 32}, s.settings.critic_hidden = {48, 32}, s.settings.learning_rate = 2e-3,
  s.settings.critic_learning_rate = 2e-3;
  s.settings.average = 0.98;
  const std::vector<Tensor> inputs{latents(s, 700), s.data.energies};
  const auto spread = [&](const Model& model) {
    const Tensor x = infer(model, inputs);
    double worst = 0;
    for (int j = 0; j < 5; ++j) {
      double sum = 0, squares = 0;
      for (int i = 0; i < x.rows(); ++i) sum += x.row(i)[j], squares += x.row(i)[j] * x.row(i)[j];
      const double mean = sum / x.rows();
      worst = std::max({worst, std::fabs(mean), std::fabs(std::sqrt(squares / x.rows() - mean * mean) - 1)});
    }
    return worst;
  };
  CHECK(spread(start_gan(s.settings, s.preprocessing).generator) > 0.5);
  CHECK(spread(trained_generator(s.settings, run(s, {}, 2), s.data)) < 0.35);
}

TEST_CASE("deploy: latent and energy to voxels in MeV; its core is the generator") {
  const SmallGan s = small_gan(5);
  const Model generator = trained_generator(s.settings, run(s), s.data);
  const Model deployed = deploy(generator, s.preprocessing);
  CHECK(deployed.facts.geometry == "toy");
  CHECK(deployed.facts.minimum_energy_mev == s.preprocessing.minimum_energy_mev);
  CHECK(deployed.values[index(deployed.outputs[0])].name == "voxels");
  const std::vector<Tensor> inputs{latents(s, 700), s.data.energies};
  const Tensor x = infer(generator, inputs), voxels = infer(deployed, inputs);
  CHECK(infer(generator_core(deployed), inputs) == x);
  CHECK(generator_core(deployed) == generator);
  Tensor c, numbers, split;
  std::vector<Tensor> saved;
  forward(s.preprocessing.condition, s.data.energies, c);
  forward(s.preprocessing.numbers, x, c, numbers, saved, 1);
  forward(s.preprocessing.split, numbers, s.data.energies, split, 1);
  for (std::size_t i = 0; i < split.size(); ++i) CHECK(voxels.data[i] == (split.data[i] < 3 ? 0 : split.data[i]));
  CHECK(message([&] { generator_core(generator); }) ==
        "model shower: has no ConditionalAffine or SoftmaxSplit node; it is not a generator that quench trained");
}

TEST_CASE("settings that cannot work are refused") {
  SmallGan s = small_gan(5);
  s.settings.activation = "swish";
  CHECK(message([&] { run(s); }) == "model.activation: \"swish\" is not known; choose relu or leaky-relu");
  s = small_gan(5);
  s.settings.batch = 1;
  CHECK(message([&] { run(s); }) == "train.batch: 1 is too small; BatchNorm needs at least 2 events");
}
