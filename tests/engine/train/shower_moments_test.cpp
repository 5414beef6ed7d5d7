// Moments of shower quantities: the quantities by hand, the loss and its gradients against differences.
// SPDX-License-Identifier: MIT
#include "engine/train/shower_moments.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/engine/model/gradient_check.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

struct Setup {
  Events events;
  Preprocessing preprocessing;
  TrainingSet data;
  Model quantities;
};

Setup setup() {
  Setup s;
  s.events = toy_events(400);
  s.preprocessing = fit_preprocessing(s.events, toy_geometry(), 1);
  s.data = training_set(s.preprocessing, s.events, 1);
  s.quantities = shower_quantities(s.preprocessing);
  return s;
}

std::vector<Tensor> rows(const TrainingSet& data, int begin, int count) {
  return {rows_of(data.numbers, begin, count), rows_of(data.energies, begin, count)};
}

}  // namespace

TEST_CASE("shower quantities: energies over the incident energy, and the fraction of voxels above the threshold") {
  const Setup s = setup();
  const Tensor q = infer(s.quantities, std::vector<Tensor>{s.data.numbers, s.data.energies});
  REQUIRE(q.columns() == 5);  // total, three layers, count
  double counted = 0, above = 0;
  for (int i = 0; i < 400; ++i) {
    const float* e = s.events.showers.row(i);
    const double incident = static_cast<double>(s.data.energies.data[static_cast<std::size_t>(i)]);
    counted += static_cast<double>(q.row(i)[4]);
    for (int j = 0; j < 5; ++j) above += e[j] >= 3 ? 0.2 : 0;
    if (*std::min_element(e, e + 5) < 3) continue;  // filled with noise
    const double layer[3] = {static_cast<double>(e[0]) + static_cast<double>(e[1]), static_cast<double>(e[2]),
                             static_cast<double>(e[3]) + static_cast<double>(e[4])};
    CHECK(std::fabs(std::exp(static_cast<double>(q.row(i)[0])) - (layer[0] + layer[1] + layer[2]) / incident) < 1e-4);
    for (int l = 0; l < 3; ++l)
      CHECK(std::fabs(std::exp(static_cast<double>(q.row(i)[1 + l])) - layer[l] / incident) < 1e-4);
    double count = 0;
    for (int j = 0; j < 5; ++j) count += 0.2 / (1 + std::exp(-std::log(static_cast<double>(e[j]) / 3) / 0.2));
    CHECK(std::fabs(static_cast<double>(q.row(i)[4]) - count) < 1e-4);
  }
  CHECK(std::fabs(counted - above) < 0.05 * above);
}

TEST_CASE("shower quantities: the way back against differences") {
  const Setup s = setup();
  check_gradients(s.quantities, rows(s.data, 0, 6), Mode::inference, 5e-3);
}

TEST_CASE("moment loss: value by hand, gradient against differences, each weight only its own columns") {
  const Tensor real = random_tensor({40, 5}, 1);
  Tensor generated = random_tensor({30, 5}, 2, -0.5f, 1.5f);
  Moments moments;
  batch_moments(real, moments);
  REQUIRE(moments.mean.size() == 5);
  const auto column_loss = [&](int j) {
    double mean = 0, square = 0;
    for (int i = 0; i < 30; ++i) mean += static_cast<double>(generated.row(i)[j]) / 30;
    for (int i = 0; i < 30; ++i) square += std::pow(static_cast<double>(generated.row(i)[j]) - mean, 2) / 30;
    const std::size_t k = static_cast<std::size_t>(j);
    const double unit = moments.variance[k] + 1e-6;
    return std::pow(mean - moments.mean[k], 2) / unit + std::pow((square - moments.variance[k]) / unit, 2);
  };
  Tensor gradient, unused;
  const auto loss = [&](const MomentWeights& w) { return moment_loss(w, generated, moments, unused); };
  CHECK(loss({2, 0, 0}) == doctest::Approx(2 * column_loss(0)));
  CHECK(loss({0, 3, 0}) == doctest::Approx(column_loss(1) + column_loss(2) + column_loss(3)));
  CHECK(loss({0, 0, 5}) == doctest::Approx(5 * column_loss(4)));
  const MomentWeights all{2, 3, 5};
  CHECK(moment_loss(all, generated, moments, gradient) == doctest::Approx(loss({2, 3, 0}) + loss({0, 0, 5})));
  for (std::size_t i = 0; i < generated.size(); ++i) {
    const float at = generated.data[i], h = 1.0f / 256;
    generated.data[i] = at + h;
    const double high = loss(all);
    generated.data[i] = at - h;
    const double low = loss(all);
    generated.data[i] = at;
    CHECK(std::fabs((high - low) / (2 * static_cast<double>(h)) - static_cast<double>(gradient.data[i])) < 1e-4);
  }
}

TEST_CASE("moment term: 0 for the real showers themselves; its gradient in the numbers against differences") {
  const Setup s = setup();
  const std::vector<Tensor> real = rows(s.data, 0, 24);
  const MomentWeights weights{1, 2, 3};
  MomentSpace space;
  CHECK(moment_term(s.quantities, weights, real, real, space) == 0);
  std::vector<Tensor> generated{random_tensor({24, 5}, 8), real[1]};
  const double value = moment_term(s.quantities, weights, real, generated, space);
  CHECK(value > 0.1);
  const Tensor gradient = space.input_gradient[0];
  REQUIRE(gradient.shape == generated[0].shape);
  double largest = 0;
  for (float g : gradient.data) largest = std::max(largest, std::fabs(static_cast<double>(g)));
  MomentSpace other;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const float at = generated[0].data[i], h = 1.0f / 64;
    const auto f = [&](int steps) {
      generated[0].data[i] = at + h * static_cast<float>(steps);
      return moment_term(s.quantities, weights, real, generated, other);
    };
    const double slope = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * static_cast<double>(h));
    generated[0].data[i] = at;
    CHECK(std::fabs(slope - static_cast<double>(gradient.data[i])) < 2e-3 * largest);
  }
  MomentSpace shared;
  CHECK(moment_term(s.quantities, weights, real, generated, shared, 3) == value);
  CHECK(shared.input_gradient[0] == gradient);
}

TEST_CASE("diversity: 1 for the same numbers, the square of a common factor, 0 for a constant") {
  const Tensor real = random_tensor({50, 4}, 3);
  Tensor x = real;
  CHECK(diversity(x, real) == 1);
  for (float& v : x.data) v = 3 + 0.5f * v;
  CHECK(diversity(x, real) == doctest::Approx(0.25));
  std::fill(x.data.begin(), x.data.end(), 7.0f);
  CHECK(diversity(x, real) == 0);
  CHECK(diversity(real, x) == 1);  // nothing to compare with
}
