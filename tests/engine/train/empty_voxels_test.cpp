// Empty voxels: the model behind them is found again, and what fills them goes together as voxels do.
// SPDX-License-Identifier: MIT
#include "engine/train/empty_voxels.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/physics/random.h"

using namespace quench;

namespace {

constexpr int events = 20000;
constexpr double threshold = 5;

// Two layers of two voxels. ln(voxel / threshold) = mean + deviation x, where the x of a layer share most of what they
// are, and of these voxels what is below the threshold is not seen.
struct Truth {
  Tensor showers = zeros({events, 4}), c = zeros({events, 1});
};

double mean(int voxel, double c) { return (voxel < 2 ? 0.8 : -0.5) + 1.5 * c; }

Truth truth() {
  Truth t;
  for (int i = 0; i < events; ++i) {
    Random random(5, static_cast<std::uint64_t>(i), 0);
    const double c = -1 + 2 * uniform(random), first = normal(random), second = normal(random);
    t.c.data[static_cast<std::size_t>(i)] = static_cast<float>(c);
    for (int j = 0; j < 4; ++j) {
      const double x = std::sqrt(0.8) * (j < 2 ? first : second) + std::sqrt(0.2) * normal(random);
      const double voxel = threshold * std::exp(mean(j, c) + 0.7 * x);
      t.showers.row(i)[j] = voxel < threshold ? 0.0f : static_cast<float>(voxel);
    }
  }
  return t;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const double n = static_cast<double>(a.size());
  double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) ma += a[i] / n, mb += b[i] / n;
  for (std::size_t i = 0; i < a.size(); ++i)
    aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb), ab += (a[i] - ma) * (b[i] - mb);
  return ab / std::sqrt(aa * bb);
}

}  // namespace

TEST_CASE("the censored model is found from what is above the threshold") {
  const Truth t = truth();
  const EmptyVoxels m = fit_empty_voxels(t.showers, t.c, {2, 2}, threshold, 3, 1, 2);
  for (int j = 0; j < 4; ++j)
    for (double c : {-0.5, 0.0, 0.5, 0.9}) {
      CAPTURE(j);
      CAPTURE(c);
      CHECK(std::fabs(polynomial(m.law.mean, j, c) - std::log(threshold) - mean(j, c)) <
            (mean(j, c) > 0 ? 0.1 : 0.3));  // few are seen where the mean is low
      CHECK(std::exp(polynomial(m.law.log_deviation, j, c)) ==
            doctest::Approx(0.7).epsilon(mean(j, c) > 0 ? 0.1 : 0.2));
    }
  // Of two that share 0.8 of their variance: weight 0.8, deviation sqrt(1 - 0.8^2).
  for (int j = 0; j < 4; ++j) {
    const EmptyVoxels::Conditional& given = m.given[static_cast<std::size_t>(j)];
    CHECK(given.first == 0);
    REQUIRE(given.weight.size() == 4);
    for (int k = 0; k < 4; ++k)
      CHECK(std::fabs(given.weight[static_cast<std::size_t>(k)] - (k == (j ^ 1) ? 0.8f : 0.0f)) < 0.06f);
    CHECK(given.deviation == doctest::Approx(0.6).epsilon(0.05));
  }
  CHECK(fit_empty_voxels(t.showers, t.c, {2, 2}, threshold, 3, 1, 1).law.mean == m.law.mean);
}

TEST_CASE("what fills empty voxels is below the threshold, of the given law, and goes together as voxels do") {
  const Truth t = truth();
  const EmptyVoxels m = fit_empty_voxels(t.showers, t.c, {2, 2}, threshold, 3, 1, 2);
  const Tensor all = filled(m, t.showers, t.c, 1, 2);
  std::vector<double> a, b, other, ranks;
  for (int i = 0; i < events; ++i) {
    for (int j = 0; j < 4; ++j) {
      const float before = t.showers.row(i)[j], now = all.row(i)[j];
      if (before > 0)
        REQUIRE(now == before);
      else
        REQUIRE((now > 0 && now < static_cast<float>(threshold)));
    }
    const auto depth = [&](int j) { return std::log(threshold / static_cast<double>(all.row(i)[j])); };
    const float* v = t.showers.row(i);
    if (v[2] == 0) ranks.push_back(std::exp(-0.5 * std::pow(depth(2) / 0.5, 2)));
    if (v[2] == 0 && v[3] == 0 && v[0] == 0) a.push_back(depth(2)), b.push_back(depth(3)), other.push_back(depth(0));
  }
  CHECK(a.size() > 1000);
  CHECK(correlation(a, b) > 0.25);  // the same layer; truncation takes some of the 0.8
  CHECK(std::fabs(correlation(a, other)) < 0.1);
  // Ranks are uniform where the law is right: largest distance of their distribution from the diagonal.
  std::sort(ranks.begin(), ranks.end());
  double distance = 0;
  for (std::size_t k = 0; k < ranks.size(); ++k)
    distance = std::max(distance, std::fabs(ranks[k] - static_cast<double>(k) / static_cast<double>(ranks.size())));
  CHECK(distance < 0.05);
  CHECK(filled(m, t.showers, t.c, 1, 1) == all);
  CHECK_FALSE(filled(m, t.showers, t.c, 2, 1) == all);
}

TEST_CASE("few events, voxels that are always empty or never, and a single energy give numbers") {
  Tensor showers = zeros({3, 3}), c = zeros({3, 1});
  for (int i = 0; i < 3; ++i) showers.row(i)[0] = 7 + static_cast<float>(i), showers.row(i)[1] = i == 1 ? 6.0f : 0.0f;
  const EmptyVoxels m = fit_empty_voxels(showers, c, {1, 2}, threshold, 0, 1, 1);
  for (float v : filled(m, showers, c, 1, 1).data) CHECK((std::isfinite(v) && v > 0));
}

TEST_CASE("a voxel of a large layer is drawn from a part of its layer, of at most 64") {
  const std::vector<int> layers{3, 130, 60, 2};
  const int voxels = 195, few = 1200;
  Tensor showers = zeros({few, voxels}), c = zeros({few, 1});
  for (int i = 0; i < few; ++i) {
    Random random(6, static_cast<std::uint64_t>(i), 0);
    for (int j = 0; j < voxels; ++j) {
      const double voxel = threshold * std::exp(0.5 + normal(random));
      showers.row(i)[j] = voxel < threshold ? 0.0f : static_cast<float>(voxel);
    }
  }
  const EmptyVoxels m = fit_empty_voxels(showers, c, layers, threshold, 0, 1, 2);
  REQUIRE(m.given.size() == 195);
  for (int j = 0; j < voxels; ++j) {
    const EmptyVoxels::Conditional& given = m.given[static_cast<std::size_t>(j)];
    const int last = given.first + static_cast<int>(given.weight.size());
    CAPTURE(j);
    CHECK((given.first <= j && j < last && last <= voxels));
    CHECK(given.weight.size() <= 64);
    CHECK(given.weight[static_cast<std::size_t>(j - given.first)] == 0);
  }
  CHECK(m.given[3].first == 3);  // 130 voxels in parts of 43, 43 and 44
  CHECK(m.given[3 + 43].first == 3 + 43);
  CHECK(m.given[194].first == 133);  // with the 60 before it
  CHECK(m.given[194].weight.size() == 62);
  const Tensor all = filled(m, showers, c, 1, 2);
  for (std::size_t i = 0; i < all.size(); ++i)
    REQUIRE((showers.data[i] > 0 ? all.data[i] == showers.data[i]
                                 : all.data[i] > 0 && all.data[i] < static_cast<float>(threshold)));
}
