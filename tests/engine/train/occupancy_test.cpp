// Shares of layers and voxels, moved until these are empty as often as real ones.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/ops/log_energy.h"
#include "engine/ops/threshold.h"
#include "engine/physics/random.h"
#include "engine/train/fit_conditional.h"
#include "engine/train/occupancy.h"

using namespace quench;

namespace {

constexpr double threshold = 3;
const StickBreaking split{{2, 1, 2}};
const LogEnergy condition{};

// Normal numbers at energies between 100 and 10,000 MeV.
struct Numbers {
  Tensor x, energies, c;
};

Numbers numbers(int events, std::uint64_t seed) {
  Numbers n{zeros({events, 5}), zeros({events, 1}), {}};
  for (int e = 0; e < events; ++e) {
    Random random(seed, static_cast<std::uint64_t>(e), 0);
    n.energies.row(e)[0] = static_cast<float>(100 * quench::exp(uniform(random) * quench::log(100.0)));
    for (int j = 0; j < 5; ++j) n.x.row(e)[j] = static_cast<float>(normal(random));
  }
  forward(condition, n.energies, n.c);
  return n;
}

// Most is in the first of three layers; of 100 MeV the others get so little that they are often empty.
ConditionalAffine toy_law() {
  ConditionalAffine law{zeros({3, 5}), zeros({3, 5}), false};
  law.mean.row(0)[1] = 3, law.mean.row(0)[2] = -0.5f;
  for (int j = 0; j < 5; ++j) law.log_deviation.row(0)[j] = j == 0 ? -3.0f : -0.5f;
  return law;
}

Events showers(const ConditionalAffine& law, const Numbers& n, double at = threshold) {
  Tensor logits, voxels, above;
  std::vector<Tensor> saved;
  forward(law, n.x, n.c, logits, saved, 1);
  forward(split, logits, n.energies, voxels, 1);
  forward(Threshold{at}, voxels, above);
  return {above, n.energies};
}

// Share of showers whose layer is empty, between two energies in MeV.
double empty_share(const Events& events, int layer, double low, double high) {
  const int first = layer == 0 ? 0 : layer == 1 ? 2 : 3, last = layer == 0 ? 2 : layer == 1 ? 3 : 5;
  double all = 0, empty = 0;
  for (int e = 0; e < events.size(); ++e) {
    const double energy = static_cast<double>(events.incident_energies.row(e)[0]);
    if (energy < low || energy >= high) continue;
    bool none = true;
    for (int j = first; j < last; ++j) none = none && events.showers.row(e)[j] == 0;
    all += 1, empty += none;
  }
  return empty / all;
}

// Share of showers whose voxel is empty.
double empty_voxel(const Events& events, int voxel) {
  double empty = 0;
  for (int e = 0; e < events.size(); ++e) empty += events.showers.row(e)[voxel] == 0;
  return empty / events.size();
}

ConditionalAffine matched(const ConditionalAffine& law, const Numbers& n, const Events& real, double at, int threads,
                          Occupancy occupancy = Occupancy::layers) {
  Tensor real_c;
  forward(condition, real.incident_energies, real_c);
  return with_occupancy(law, {n.x, n.energies, n.c, split, at}, real, real_c, occupancy, threads);
}

}  // namespace

TEST_CASE("layers become empty as often as real ones, at every energy, and only their shares move") {
  const ConditionalAffine truth = toy_law();
  const Events real = showers(truth, numbers(60000, 1));
  ConditionalAffine law = truth;  // the later layers get too much of small showers
  law.mean.row(2)[1] -= 0.1f, law.mean.row(2)[2] += 0.03f;
  const Numbers made = numbers(60000, 2), others = numbers(60000, 3);
  const ConditionalAffine moved = matched(law, made, real, threshold, 1);
  const Events before = showers(law, others), after = showers(moved, others);
  for (int layer : {1, 2})
    for (double low : {100.0, 125.0, 156.0}) {
      const double wanted = empty_share(real, layer, low, 1.25 * low),
                   was = empty_share(before, layer, low, 1.25 * low), is = empty_share(after, layer, low, 1.25 * low);
      INFO("layer ", layer, " from ", low, " MeV: ", was, " becomes ", is, ", real ", wanted);
      CHECK(std::fabs(was - wanted) > 0.03);
      CHECK(std::fabs(is - wanted) < 0.6 * std::fabs(was - wanted));
    }
  for (int k = 0; k < 3; ++k)
    for (int j : {0, 3, 4}) CHECK(moved.mean.row(k)[j] == law.mean.row(k)[j]);
  CHECK(moved.log_deviation == law.log_deviation);
  CHECK(matched(law, made, real, threshold, 3).mean == moved.mean);
}

TEST_CASE("where no layer is ever empty nothing moves; with few real showers little does") {
  const ConditionalAffine truth = toy_law();
  ConditionalAffine law = truth;
  law.mean.row(0)[2] += 0.5f;
  const Numbers made = numbers(5000, 2);
  const Events full = showers(truth, numbers(5000, 1), 1e-9);
  CHECK(matched(law, made, full, 1e-9, 1).mean == law.mean);
  const Events few = showers(truth, numbers(300, 1));
  CHECK(matched(law, made, full, 1e-9, 1, Occupancy::voxels).mean == law.mean);
  const Tensor moved = matched(law, made, few, threshold, 1).mean;
  for (int j : {1, 2}) CHECK(std::fabs(moved.row(0)[j] - law.mean.row(0)[j]) < 0.2f);
}

TEST_CASE("voxels go half of the way, by their share of their layer") {
  const ConditionalAffine truth = toy_law();
  const Events real = showers(truth, numbers(60000, 1));
  ConditionalAffine law = truth;
  law.mean.row(0)[4] += 0.6f;  // of the last layer the first voxel gets too much
  const Numbers made = numbers(60000, 2), others = numbers(60000, 3);
  const ConditionalAffine moved = matched(law, made, real, threshold, 1, Occupancy::voxels);
  const Events before = showers(law, others), after = showers(moved, others);
  for (int voxel : {3, 4}) {
    const double wanted = empty_voxel(real, voxel),
                 way = (empty_voxel(after, voxel) - empty_voxel(before, voxel)) / (wanted - empty_voxel(before, voxel));
    INFO("voxel ", voxel, ": real ", wanted, ", was ", empty_voxel(before, voxel));
    CHECK(std::fabs(empty_voxel(before, voxel) - wanted) > 0.02);
    CHECK(way > 0.25);
    CHECK(way < 0.75);
  }
  for (int k = 0; k < 3; ++k) CHECK(moved.mean.row(k)[0] == law.mean.row(k)[0]);
  CHECK(matched(law, made, real, threshold, 1, Occupancy::layers).mean.row(0)[4] == law.mean.row(0)[4]);
  CHECK(matched(law, made, real, threshold, 3, Occupancy::voxels).mean == moved.mean);
}

TEST_CASE("one energy alone: the shares move by a constant") {
  const auto at_100_mev = [](Numbers n) {
    for (float& e : n.energies.data) e = 100;
    forward(condition, n.energies, n.c);
    return n;
  };
  ConditionalAffine truth{zeros({1, 5}), zeros({1, 5}), false};
  truth.mean.row(0)[1] = 2;
  ConditionalAffine law = truth;
  law.mean.row(0)[2] += 0.4f;
  const Events real = showers(truth, at_100_mev(numbers(20000, 1)));
  const Numbers made = at_100_mev(numbers(20000, 2));
  const ConditionalAffine moved = matched(law, made, real, threshold, 1);
  const double wanted = empty_share(real, 1, 99, 101), was = empty_share(showers(law, made), 1, 99, 101),
               is = empty_share(showers(moved, made), 1, 99, 101);
  INFO(was, " becomes ", is, ", real ", wanted);
  CHECK(std::fabs(was - wanted) > 0.03);
  CHECK(std::fabs(is - wanted) < 0.5 * std::fabs(was - wanted));
}

TEST_CASE("a weighted polynomial goes through what weighs") {
  const std::vector<double> c = {-1, 0, 1, 2, 3}, value = {7, 1, 2, 100, 22}, weight = {1, 1, 1, 0, 1};
  const std::vector<double> p = fit_polynomial(c, value, weight, 3);
  REQUIRE(p.size() == 4);
  for (std::size_t i : {0, 1, 2, 4}) CHECK(value_of(p, c[i]) == doctest::Approx(value[i]));
  CHECK(fit_polynomial({1, 2, 3}, {1, 2, 6}, {1, 1, 2}, 0).front() == doctest::Approx(15.0 / 4));
  const char* const refused = "standardisation: polynomials of degree 4; those of degree 0 to 3 can be fitted";
  CHECK_THROWS_WITH_AS(fit_polynomial(c, value, weight, 4), refused, Error);
  CHECK_THROWS_WITH_AS(fit_conditional(zeros({9, 1}), zeros({9, 1}), 4), refused, Error);
}
