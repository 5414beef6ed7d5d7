// Preprocessing: the fits find what was put in, standardised columns are standard, and the way back is exact.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/train/preprocess.h"
#include "engine/train/streams.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

struct Moments {
  double mean, deviation;
};

Moments moments(const Tensor& t, int column) {
  double sum = 0, squares = 0;
  for (int i = 0; i < t.rows(); ++i) {
    sum += static_cast<double>(t.row(i)[column]);
    squares += static_cast<double>(t.row(i)[column]) * static_cast<double>(t.row(i)[column]);
  }
  const double mean = sum / t.rows();
  return {mean, std::sqrt(squares / t.rows() - mean * mean)};
}

Tensor standardised(ConditionalAffine op, const Tensor& values, const Tensor& c) {
  op.inverse = true;
  Tensor y;
  std::vector<Tensor> saved;
  forward(op, values, c, y, saved, 1);
  return y;
}

double naive_polynomial(const Tensor& coefficients, int column, double c) {
  double sum = 0;
  for (int k = coefficients.rows() - 1; k >= 0; --k) sum = sum * c + static_cast<double>(coefficients.row(k)[column]);
  return sum;
}

}  // namespace

TEST_CASE("a permutation visits every index once, and differs from epoch to epoch") {
  for (std::uint32_t size : {1u, 2u, 3u, 16u, 17u, 1000u}) {
    const Permutation p = permutation(size, 5, 0);
    std::vector<std::uint32_t> seen;
    for (std::uint32_t i = 0; i < size; ++i) seen.push_back(permuted(p, i));
    std::sort(seen.begin(), seen.end());
    for (std::uint32_t i = 0; i < size; ++i) REQUIRE(seen[i] == i);
  }
  int same = 0, fixed = 0;
  const Permutation a = permutation(1000, 5, 0), b = permutation(1000, 5, 1);
  for (std::uint32_t i = 0; i < 1000; ++i) same += permuted(a, i) == permuted(b, i), fixed += permuted(a, i) == i;
  CHECK(same < 10);
  CHECK(fixed < 10);
  CHECK(stream_seed(1, Use::order) != stream_seed(1, Use::latent));
  CHECK(stream_seed(1, Use::order) != stream_seed(2, Use::order));
}

TEST_CASE("the fit finds mean and deviation that were put in, and standardises every column") {
  // mu = 1 + 2 c - c^2, ln sigma = -1 + 0.8 c - 0.3 c^3; a skewed column; a column that does not vary.
  constexpr int events = 40000;
  Tensor values = zeros({events, 3}), c = zeros({events, 1});
  for (int i = 0; i < events; ++i) {
    Random random(1, static_cast<std::uint64_t>(i), 0);
    const double x = -1 + 2 * uniform(random);
    c.data[static_cast<std::size_t>(i)] = static_cast<float>(x);
    values.row(i)[0] =
        static_cast<float>(1 + 2 * x - x * x + std::exp(-1 + 0.8 * x - 0.3 * x * x * x) * normal(random));
    values.row(i)[1] = static_cast<float>(gamma(random, 1.0) * (2 + x));
    values.row(i)[2] = 7;
  }
  const ConditionalAffine op = fit_conditional(values, c, 3, 2);
  for (double x : {-0.9, -0.3, 0.2, 0.9}) {
    CHECK(naive_polynomial(op.mean, 0, x) == doctest::Approx(1 + 2 * x - x * x).epsilon(0.02));
    CHECK(std::fabs(naive_polynomial(op.log_deviation, 0, x) - (-1 + 0.8 * x - 0.3 * x * x * x)) < 0.03);
    CHECK(naive_polynomial(op.mean, 1, x) == doctest::Approx(2 + x).epsilon(0.05));
    CHECK(std::fabs(naive_polynomial(op.log_deviation, 1, x) - std::log(2 + x)) < 0.1);
    CHECK(naive_polynomial(op.mean, 2, x) == doctest::Approx(7).epsilon(1e-5));
    CHECK(naive_polynomial(op.log_deviation, 2, x) == doctest::Approx(0));
  }
  const Tensor y = standardised(op, values, c);
  for (int column : {0, 1}) {
    CHECK(std::fabs(moments(y, column).mean) < 0.001);
    CHECK(moments(y, column).deviation == doctest::Approx(1).epsilon(0.001));
  }
  CHECK(fit_conditional(values, c, 3, 1).log_deviation == op.log_deviation);
}

TEST_CASE("the degree follows the energies") {
  CHECK(polynomial_degree({{4, 1}, {0, 0, 0, 0}}) == 0);
  CHECK(polynomial_degree({{4, 1}, {0, 0.01f, 0.005f, 0.003f}}) == 0);
  CHECK(polynomial_degree({{4, 1}, {0, 0.1f, 0.05f, 0.03f}}) == 1);
  CHECK(polynomial_degree({{4, 1}, {0, 0.3f, 0.05f, 0.1f}}) == 2);
  CHECK(polynomial_degree({{4, 1}, {-1, 1, 0, 0.5f}}) == 3);
  CHECK(polynomial_degree({{4, 1}, {-1, 1, -1, 1}}) == 1);
}

TEST_CASE("training numbers are standard, and the way back gives the shower") {
  const Events events = toy_events(5000);
  const Preprocessing p = fit_preprocessing(events, toy_geometry(), 1, 2);
  CHECK(p.numbers.mean.shape == std::vector<int>{4, 5});
  CHECK(p.threshold_mev == 3);
  const TrainingSet set = training_set(p, events, 1, 2);
  CHECK(set.numbers == training_set(p, events, 1, 1).numbers);
  for (int j = 0; j < 5; ++j) {
    CHECK(std::fabs(moments(set.numbers, j).mean) < 0.01);
    CHECK(moments(set.numbers, j).deviation == doctest::Approx(1).epsilon(0.01));
  }
  Tensor c, s, voxels;
  std::vector<Tensor> saved;
  forward(p.condition, set.energies, c);
  forward(p.numbers, set.numbers, c, s, saved, 1);
  forward(p.split, s, set.energies, voxels, 1);
  int empty = 0;
  for (std::size_t i = 0; i < voxels.size(); ++i) {
    const float e = events.showers.data[i];
    empty += e == 0;
    if (e == 0)
      CHECK((voxels.data[i] > 0 && voxels.data[i] < 3));
    else
      CHECK(voxels.data[i] == doctest::Approx(e).epsilon(2e-5));
  }
  CHECK(empty > 100);
}

TEST_CASE("the fill depends on the seed and the event alone") {
  const Events events = toy_events(300);
  const Preprocessing p = fit_preprocessing(events, toy_geometry(), 1);
  CHECK(training_set(p, events, 1).numbers == training_set(p, events, 1).numbers);
  CHECK_FALSE(training_set(p, events, 1).numbers == training_set(p, events, 2).numbers);
}

TEST_CASE("a single energy, and a geometry without threshold") {
  Events events = toy_events(2000, 4, 1000, 1000);
  Geometry g = toy_geometry();
  g.threshold_mev = 0;
  events.showers.row(7)[2] = 0;
  const Preprocessing p = fit_preprocessing(events, g, 1);
  CHECK(p.numbers.mean.shape == std::vector<int>{1, 5});
  float smallest = 1e9f;
  for (float e : events.showers.data)
    if (e > 0) smallest = std::min(smallest, e);
  CHECK(p.threshold_mev == static_cast<double>(smallest));
  const TrainingSet set = training_set(p, events, 1);
  for (int j = 0; j < 5; ++j) CHECK(moments(set.numbers, j).deviation == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("data that does not fit is refused with both numbers") {
  CHECK_THROWS_WITH_AS(fit_preprocessing(toy_events(1), toy_geometry(), 1),
                       "training data: 1 events; at least 2 are needed", Error);
  Geometry g = toy_geometry();
  g.layers.pop_back();
  CHECK_THROWS_WITH_AS(fit_preprocessing(toy_events(10), g, 1),
                       "training data: showers have 5 voxels, the geometry has 3", Error);
  const Events events = toy_events(10);
  const Preprocessing p = fit_preprocessing(events, toy_geometry(), 1);
  Tensor filled = zeros({10, 5});
  std::fill(filled.data.begin(), filled.data.end(), 1.0f);
  CHECK_THROWS_WITH_AS(training_set(p, filled, zeros({9, 1})), "training data: 10 showers but 9 incident energies",
                       Error);
  CHECK_THROWS_WITH_AS(training_set(p, zeros({10, 4}), events.incident_energies),
                       "training data: showers have 4 voxels, the geometry has 5", Error);
  filled.row(7)[2] = 0;
  CHECK_THROWS_WITH_AS(training_set(p, filled, events.incident_energies),
                       doctest::Contains("event 7 voxel 2 holds 0 MeV; energies must be positive"), Error);
}
