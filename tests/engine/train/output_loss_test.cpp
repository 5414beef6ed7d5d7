// Divergences of softmax heads: worked values, slopes against finite differences, students of such heads.
// SPDX-License-Identifier: MIT
#include "engine/train/output_loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"
#include "engine/train/checkpoint.h"
#include "engine/train/tune.h"
#include "engine/train/tune_events.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

Tensor normals(int rows, int columns, std::uint64_t seed) {
  Tensor t = zeros({rows, columns});
  Random random(seed, 0, 0);
  for (float& v : t.data) v = static_cast<float>(normal(random));
  return t;
}

// Mean of T^2 KL over events, of one softmax of all columns from `first` to `end`: a plain sum in doubles.
double plain_divergence(const Tensor& student, const Tensor& teacher, int first, int end, double temperature) {
  double all = 0;
  for (int i = 0; i < student.rows(); ++i) {
    double s_sum = 0, t_sum = 0, sum = 0;
    const auto e = [&](const Tensor& x, int j) { return std::exp(static_cast<double>(x.row(i)[j]) / temperature); };
    for (int j = first; j < end; ++j) s_sum += e(student, j), t_sum += e(teacher, j);
    for (int j = first; j < end; ++j) {
      const double p = e(teacher, j) / t_sum;
      sum += p * std::log(p / (e(student, j) / s_sum));
    }
    all += temperature * temperature * sum;
  }
  return all / student.rows();
}

TuneSettings quick() {
  TuneSettings s;
  s.steps = 400, s.batch = 64, s.learning_rate = 5e-3, s.average = 0.98;
  return s;
}

// The divergence of the shares of both models on fresh events.
double divergence_of(const Model& teacher, const Model& student) {
  const Model a = generator_core(teacher), b = generator_core(student);
  const TuneEvents events = draw(input_source(a, 9, 8), 0, 2000, 1);
  Tensor unused;
  return output_difference(output_loss(teacher, 1, 0), infer(b, inputs_of(b, events)), infer(a, inputs_of(a, events)),
                           unused);
}

}  // namespace

TEST_CASE("shares of 3/4 and 1/4 against halves, by hand; the number beside them is squared") {
  // T = 2: the teacher's logits 2 ln 3 and 0 are shares 3/4 and 1/4, the student's are 1/2 and 1/2.
  // KL = 3/4 ln(3/2) + 1/4 ln(1/2) = 0.130812, times 4; the half square of 3 is 4.5.
  const Tensor teacher{{1, 3}, {1.0f, 2 * std::log(3.0f), 0.0f}}, student{{1, 3}, {4.0f, 7.0f, 7.0f}};
  Tensor slope;
  const double loss = output_difference({1, {2}, 2, 0}, student, teacher, slope);
  CHECK(loss == doctest::Approx(2 * (4.5 + 4 * 0.130812) / 3).epsilon(1e-5));
  CHECK(slope.data[0] == 3.0f);
  CHECK(slope.data[1] == doctest::Approx(2 * (0.5 - 0.75)));  // T (q - p)
  CHECK(slope.data[2] == doctest::Approx(2 * (0.5 - 0.25)));
}

TEST_CASE("softmax groups: the loss and its slopes, against plain sums and finite differences at every temperature") {
  const Tensor student = normals(5, 9, 1), teacher = normals(5, 9, 2);
  for (const double temperature : {0.5, 1.0, 3.0})
    for (const double feature_weight : {0.0, 0.7}) {
      // One number, softmaxes of 3, 1 and 2 logits; the last two columns are features, or a softmax of 2 more.
      OutputLoss loss{1, {3, 1, 2}, temperature, feature_weight};
      if (feature_weight == 0) loss.softmaxes.push_back(2);
      const double outputs = feature_weight > 0 ? 7 : 9;
      Tensor slope, unused;
      const double value = output_difference(loss, student, teacher, slope);
      double squares = 0, features = 0, scale = 0;
      for (int i = 0; i < 5; ++i) {
        squares += std::pow(student.row(i)[0] - teacher.row(i)[0], 2);
        for (int j = 7; j < 9; ++j)
          features += std::pow(student.row(i)[j] - teacher.row(i)[j], 2), scale += std::pow(teacher.row(i)[j], 2);
      }
      double expected = squares / 5;
      for (const auto& [first, end] : {std::pair{1, 4}, {4, 5}, {5, 7}, {7, 9}})
        if (end <= outputs) expected += 2 * plain_divergence(student, teacher, first, end, temperature);
      expected = expected / outputs + feature_weight * features / scale;
      CHECK(value == doctest::Approx(expected).epsilon(1e-5));
      for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 9; ++j) {
          Tensor up = student, down = student;
          up.row(i)[j] += 0.02f, down.row(i)[j] -= 0.02f;
          const double difference =
              output_difference(loss, up, teacher, unused) - output_difference(loss, down, teacher, unused);
          INFO("event ", i, ", column ", j, ", temperature ", temperature);
          CHECK(static_cast<double>(slope.row(i)[j]) ==
                doctest::Approx(outputs / 2 * difference / 0.04).epsilon(0.01).scale(0.02));
        }
    }
}

TEST_CASE(
    "hot softmaxes are compared by squares of centred logits, which T^2 keeps as large; equal ones do not differ") {
  const Tensor student = normals(4, 3, 5), teacher = normals(4, 3, 6);
  double squares = 0;
  for (int i = 0; i < 4; ++i) {
    double d[3], mean = 0;
    for (int j = 0; j < 3; ++j) mean += (d[j] = static_cast<double>(student.row(i)[j] - teacher.row(i)[j])) / 3;
    for (int j = 0; j < 3; ++j) squares += (d[j] - mean) * (d[j] - mean) / (2 * 3 * 4);
  }
  Tensor slope;
  CHECK(output_difference({0, {3}, 30, 0}, student, teacher, slope) == doctest::Approx(2 * squares / 3).epsilon(0.03));
  Tensor shifted = teacher;  // the same shares of other logits
  for (float& v : shifted.data) v += 100;
  CHECK(std::fabs(output_difference({0, {3}, 1, 0}, shifted, teacher, slope)) < 1e-5);
  for (const float g : slope.data) CHECK(std::fabs(g) < 1e-5f);
  CHECK(output_difference({3, {}, 1, 0}, shifted, teacher, slope) == doctest::Approx(10000));
}

TEST_CASE("what is compared follows from what stands behind the teacher's core") {
  const OutputLoss heads = output_loss(softmax_generator(1, {8}), 2, 0.5);
  CHECK(heads.numbers == 1);
  CHECK(heads.softmaxes == std::vector<int>{3, 2, 1, 2});
  CHECK(heads.temperature == 2);
  CHECK(output_loss(softmax_generator(1, {8}), 0, 0).numbers == 9);
  CHECK(output_loss(softmax_generator(1, {8}), 0, 0).softmaxes.empty());
  CHECK(output_loss(toy_generator(), 2, 0).numbers == 5);
  CHECK(output_loss(toy_generator(), 2, 0).softmaxes.empty());
}

TEST_CASE("a smaller student learns its teacher's shares; the temperature matters, and only for softmax heads") {
  const Model teacher = softmax_generator(1, {24, 24}), student = softmax_generator(7, {16});
  const double before = divergence_of(teacher, student);
  const Model cold = tune(teacher, student, quick());
  CHECK(before > 0.1);
  CHECK(divergence_of(teacher, cold) < 0.1 * before);
  TuneSettings hot = quick();
  hot.temperature = 4;
  CHECK_FALSE(tune(teacher, student, hot) == cold);
  CHECK(tune_hash(teacher, start_tune(teacher, student, hot), hot) !=
        tune_hash(teacher, start_tune(teacher, student, quick()), quick()));
  hot.steps = 5, hot.batch = 700, hot.feature_weight = 0.5;
  CHECK(tune(teacher, student, hot, {}, 1) == tune(teacher, student, hot, {}, 3));
  const Model other = toy_generator();
  TuneSettings one = quick(), two = quick();
  one.steps = two.steps = 3, two.temperature = 4;
  CHECK(tune(other, other, one) == tune(other, other, two));
  CHECK(tune_hash(other, start_tune(other, other, one), one) == tune_hash(other, start_tune(other, other, two), two));
}

TEST_CASE("logits that mean other showers are refused, and so is a critic") {
  const Model teacher = softmax_generator(1, {8});
  CHECK_THROWS_WITH_AS(start_tune(teacher, softmax_generator(1, {8}, 2), quick()),
                       doctest::Contains("make different showers of the same outputs"), Error);
  GanSettings settings;
  settings.heads = SoftmaxSplit{{2, 1, 2}};
  CHECK_THROWS_WITH_AS(start_gan(settings, fit_preprocessing(toy_events(500), toy_geometry(), 1)),
                       doctest::Contains("set distill.alpha = 1"), Error);
}
