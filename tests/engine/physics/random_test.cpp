// The samplers against exact moments and exact probabilities; the gamma functions against closed forms.
// SPDX-License-Identifier: MIT
#include "engine/physics/random.h"

#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

constexpr int kDraws = 200000;

// Chi-square of counts against probabilities, cells that expect fewer than 10 merged into one; sets the degrees of
// freedom.
double chi_square(const std::vector<int>& counts, const std::vector<double>& probability, int& freedom) {
  double chi = 0, rest_expected = 0, rest = 0;
  freedom = -1;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const double expected = kDraws * probability[k];
    if (expected < 10) {
      rest += counts[k];
      rest_expected += expected;
      continue;
    }
    chi += (counts[k] - expected) * (counts[k] - expected) / expected;
    ++freedom;
  }
  if (rest_expected >= 10) {
    chi += (rest - rest_expected) * (rest - rest_expected) / rest_expected;
    ++freedom;
  }
  return chi;
}

}  // namespace

TEST_CASE("uniform: never an end, mean 1/2, variance 1/12") {
  Random g(1, 2, 3);
  Sum s;
  int outside = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = uniform(g);
    outside += !(u > 0 && u < 1);
    s.add(u);
  }
  CHECK(outside == 0);
  CHECK(std::fabs(s.mean() - 0.5) < 5 * 0.2887 / std::sqrt(kDraws));
  CHECK(s.sd() == doctest::Approx(0.288675).epsilon(0.01));
}

TEST_CASE("streams: same words same numbers, other words others") {
  Random a(5, 6, 7), b(5, 6, 7), c(5, 6, 8), d(5, 7, 7), e(std::uint64_t{5} << 32, 6, 7);
  const double first = uniform(a);
  CHECK(first == uniform(b));
  CHECK(first != uniform(c));
  CHECK(first != uniform(d));
  CHECK(first != uniform(e));
}

TEST_CASE("normal: moments and tails") {
  Random g(11, 0, 0);
  Sum s, fourth;
  int beyond = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = normal(g);
    s.add(x);
    fourth.add(x * x * x * x);
    beyond += std::fabs(x) > 1.959964;
  }
  CHECK(std::fabs(s.mean()) < 5 / std::sqrt(kDraws));
  CHECK(std::fabs(s.sd() - 1) < 5 / std::sqrt(2.0 * kDraws));
  CHECK(std::fabs(fourth.mean() - 3) < 5 * std::sqrt(96.0 / kDraws));
  CHECK(std::fabs(beyond - 0.05 * kDraws) < 5 * std::sqrt(0.0475 * kDraws));
}

TEST_CASE("gamma: probabilities of ten cells, shapes below and above 1") {
  for (double shape : {0.05, 0.4, 1.0, 2.7, 40.0}) {
    Random g(12, static_cast<std::uint64_t>(1000 * shape), 0);
    Sum s;
    std::vector<double> edges, probability;
    for (int k = 0; k <= 9; ++k) edges.push_back(shape * 0.25 * k);
    for (int k = 0; k < 10; ++k)
      probability.push_back((k < 9 ? gamma_p(shape, edges[static_cast<std::size_t>(k) + 1]) : 1) -
                            gamma_p(shape, edges[static_cast<std::size_t>(k)]));
    std::vector<int> counts(10);
    for (int i = 0; i < kDraws; ++i) {
      const double v = gamma(g, shape);
      s.add(v);
      ++counts[static_cast<std::size_t>(std::min(9.0, v / (0.25 * shape)))];
    }
    CHECK(std::fabs(s.mean() - shape) < 5 * std::sqrt(shape / kDraws));
    int freedom = 0;
    const double chi = chi_square(counts, probability, freedom);
    CHECK(chi < freedom + 5 * std::sqrt(2.0 * freedom));
  }
}

TEST_CASE("binomial: exact probabilities, by inversion and by rejection") {
  for (const auto& [n, p] : std::vector<std::pair<int, double>>{{1, 0.3},
                                                                {7, 0.5},
                                                                {30, 0.2},
                                                                {40, 0.4},
                                                                {300, 0.03},
                                                                {300, 0.9},
                                                                {1000, 0.35},
                                                                {20000, 0.01},
                                                                {20000, 0.0001}}) {
    CAPTURE(n);
    CAPTURE(p);
    Random g(13, static_cast<std::uint64_t>(n), static_cast<std::uint32_t>(1e6 * p));
    std::vector<int> counts(static_cast<std::size_t>(n) + 1);
    for (int i = 0; i < kDraws; ++i) {
      const int k = binomial(g, n, p);
      ++counts.at(static_cast<std::size_t>(k));
    }
    std::vector<double> probability;
    for (int k = 0; k <= n; ++k)
      probability.push_back(std::exp(std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0) +
                                     k * std::log(p) + (n - k) * std::log1p(-p)));
    int freedom = 0;
    const double chi = chi_square(counts, probability, freedom);
    CHECK(freedom >= 1);
    CHECK(chi < freedom + 5 * std::sqrt(2.0 * freedom));
  }
  Random g(1, 1, 1);
  CHECK(binomial(g, 5, 0) == 0);
  CHECK(binomial(g, 5, -1e-17) == 0);
  CHECK(binomial(g, 5, 1) == 5);
  CHECK(binomial(g, 0, 0.5) == 0);
}

TEST_CASE("normal numbers below a bound: none above, and moments of the truncated law") {
  for (double bound : {-30.0, -3.0, -0.6, -0.4, 0.0, 2.5}) {
    CAPTURE(bound);
    Random g(14, static_cast<std::uint64_t>(100 + bound), 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double x = normal_below(g, bound);
      REQUIRE(x < bound);
      sum += x, squares += x * x;
    }
    // hazard = density / probability below; mean -hazard, second moment 1 - bound hazard
    const double hazard = std::exp(-0.5 * bound * bound - 0.91893853320467274 - ln_normal_below(bound));
    const double variance = 1 - bound * hazard - hazard * hazard, mean = sum / kDraws;
    CHECK(std::fabs(mean + hazard) < 5 * std::sqrt(variance / kDraws));
    CHECK(squares / kDraws - mean * mean == doctest::Approx(variance).epsilon(0.05));
  }
}

TEST_CASE("a normal number below what is no number is none") {
  Random g(1, 1, 1);
  CHECK(std::isnan(normal_below(g, std::nan(""))));
}

TEST_CASE("the probability of a normal number below x, in both tails") {
  for (double x : {-20.0, -5.0, -1.8, -1.7, -0.1, 0.0, 0.3, 3.0})
    CHECK(ln_normal_below(x) == doctest::Approx(std::log(0.5 * std::erfc(-x / std::sqrt(2.0)))).epsilon(1e-11));
  CHECK(ln_normal_below(9) == doctest::Approx(0));
  CHECK(ln_normal_below(-1e6) == ln_normal_below(-37));
  CHECK(std::isfinite(ln_normal_below(-37)));
}

TEST_CASE("gamma functions: closed forms") {
  CHECK(ln_gamma(1) == doctest::Approx(0).epsilon(1e-13));
  CHECK(ln_gamma(0.5) == doctest::Approx(0.57236494292470009).epsilon(1e-13));  // ln sqrt(pi)
  for (double x : {1e-3, 0.7, 3.3, 9.99, 10.0, 250.0})
    CHECK(ln_gamma(x) == doctest::Approx(std::lgamma(x)).epsilon(1e-13));
  for (double x : {0.01, 0.5, 1.0, 3.0, 12.0, 40.0}) {
    CHECK(gamma_p(1, x) == doctest::Approx(1 - std::exp(-x)).epsilon(1e-12));
    CHECK(gamma_p(0.5, x) == doctest::Approx(std::erf(std::sqrt(x))).epsilon(1e-12));
    CHECK(gamma_p(3, x) == doctest::Approx(1 - std::exp(-x) * (1 + x + x * x / 2)).epsilon(1e-9));
  }
  CHECK(gamma_p(2, 0) == 0);
  CHECK(gamma_p(2, 1e4) == 1);
}
