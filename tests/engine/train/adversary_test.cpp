// A critic beside tuning: it learns to tell showers apart, and a student of few bits learns to be taken for real.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/train/adversary.h"
#include "engine/train/deploy.h"
#include "engine/train/gan_loss.h"
#include "engine/train/tune_events.h"
#include "engine/train/tune_quantized.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

GanSettings small() {
  GanSettings s;
  s.latent = 6, s.hidden = {24, 24}, s.critic_hidden = {32, 16}, s.batch_norm = false;
  return s;
}

Preprocessing preprocessing() { return fit_preprocessing(toy_events(2000), toy_geometry(), 1); }

RealShowers showers() {
  const Preprocessing p = preprocessing();
  return {training_set(p, toy_events(2000), 1), gan_critic(small(), p)};
}

AdversarySettings settings() {
  AdversarySettings s;
  s.batch = 64, s.learning_rate = 2e-3;
  return s;
}

// Numbers that no real shower has: all of them half a deviation too high.
Tensor shifted(const TrainingSet& set, int batch, int first) {
  Tensor x = rows_of(set.numbers, first, batch);
  for (float& v : x.data) v += 0.5f;
  return x;
}

// How far means and deviations of the core's numbers are from those of real ones, 0 and 1.
double distance_to_real(const Model& core) {
  const InputSource source = input_source(core, 11, 8);
  const Tensor y = infer(core, inputs_of(core, draw(source, 0, 4000, 1)));
  double distance = 0;
  for (int j = 0; j < y.columns(); ++j) {
    double sum = 0, square = 0;
    for (int i = 0; i < y.rows(); ++i) {
      const double v = static_cast<double>(y.row(i)[j]);
      sum += v, square += v * v;
    }
    const double mean = sum / y.rows(), deviation = std::sqrt(square / y.rows() - mean * mean);
    distance += std::fabs(mean) + std::fabs(deviation - 1);
  }
  return distance / y.columns();
}

}  // namespace

TEST_CASE("the critic learns to tell showers apart; its slope leads the student to the real ones") {
  const RealShowers real = showers();
  Adversary adversary(real, settings());
  double first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    CHECK(adversary.events(step).rows() == 64);
    last = adversary.step(shifted(real.set, 64, 7 * step), step, 1, 1);
    if (step == 0) first = last;
  }
  CHECK(last < 0.6 * first);
  Tensor slope;
  const double loss = adversary.student_gradient(slope, 1);
  CHECK(loss > 0.1);  // few are taken for real
  double along = 0;
  for (float v : slope.data) along += static_cast<double>(v);
  CHECK(along > 0);  // going down it takes the shift back
}

TEST_CASE("the student's gradient is that of its loss through the critic") {
  const RealShowers real = showers();
  Adversary adversary(real, settings());
  adversary.events(0);
  Tensor fake = shifted(real.set, 64, 0), slope, score_slope;
  adversary.step(fake, 0, 0, 1);  // a rate of 0: the critic stays where it started
  const double loss = adversary.student_gradient(slope, 1);
  const auto loss_of = [&](const Tensor& x) {
    const Tensor score = infer(real.critic, std::vector<Tensor>{x, adversary.events(0)});
    return generator_loss(GanLoss::least_squares, score, score_slope);
  };
  CHECK(loss_of(fake) == doctest::Approx(loss).epsilon(1e-6));
  for (std::size_t i : {0u, 7u, 100u, 319u}) {
    const float there = fake.data[i];
    fake.data[i] = there + 0.02f;
    const double above = loss_of(fake);
    fake.data[i] = there - 0.02f;
    const double below = loss_of(fake);
    fake.data[i] = there;
    CHECK(static_cast<double>(slope.data[i]) == doctest::Approx((above - below) / 0.04).epsilon(0.05));
  }
}

TEST_CASE("a student of few bits whose teacher makes nothing like showers learns them from the critic") {
  Model generator = gan_generator(small(), preprocessing());
  for_each_parameter(generator, [](std::size_t, const std::string&, Tensor& t) {
    for (float& w : t.data) w *= 2.5f;  // numbers as wide as real ones
  });
  const Model teacher = deploy(generator, preprocessing());
  QuantizeSettings formats;
  formats.bits = 4;
  TuneSettings s;
  s.batch = 64, s.steps = 2000, s.learning_rate = 2e-3, s.beta1 = 0.5, s.average = 0.98, s.critic_warm_up = 100;
  s.alpha = 0;
  const RealShowers real = showers();
  const QuantizedStudent tuned = tune_quantized(teacher, {teacher, formats}, s, {}, 1, &real);
  const double before = distance_to_real(generator_core(teacher)),
               after = distance_to_real(generator_core(tuned.model));
  INFO(before, " becomes ", after);
  CHECK(before > 0.4);
  CHECK(after < 0.5 * before);
  s.steps = 3;
  CHECK(tune_quantized(teacher, {teacher, formats}, s, {}, 1, &real).model ==
        tune_quantized(teacher, {teacher, formats}, s, {}, 3, &real).model);
}

TEST_CASE("a weight for the critic without real showers is refused") {
  const Model teacher = deploy(gan_generator(small(), preprocessing()), preprocessing());
  TuneSettings s;
  s.alpha = 0.25;
  CHECK_THROWS_WITH_AS(tune_quantized(teacher, {teacher, {}}, s),
                       "tuning: alpha 0.25 leaves 0.75 to a critic, but there are no real showers for it", Error);
}
