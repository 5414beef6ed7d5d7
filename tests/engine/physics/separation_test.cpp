// Separation powers with their floors and errors: by hand, and as repeated samples scatter.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "engine/physics/metrics.h"
#include "engine/physics/random.h"
#include "tests/engine/physics/check.h"

using namespace quench;

TEST_CASE("separation power and floor by hand") {
  CHECK(separation_power({1, 1}, {5, 5}) == 0);
  CHECK(separation_power({2, 0}, {0, 7}) == 1);
  CHECK(separation_power({3, 1, 0}, {1, 3, 0}) == doctest::Approx(0.25));  // 1/2 (.5^2/1 + .5^2/1)
  CHECK(separation_power({0, 0}, {1, 2}) == 1);
  CHECK(separation_power({0, 0}, {0, 0}) == 0);
  CHECK(separation_floor({3, 1, 0}, {1, 3, 0}) == doctest::Approx(0.125));   // 1/4 (2 - 1) (1/4 + 1/4)
  CHECK(separation_floor({3, 1, 0}, {0, 0, 8}) == doctest::Approx(0.1875));  // 2/4 (1/4 + 1/8)
  CHECK(separation_floor({0, 0}, {1, 1}) == 0);
  CHECK(has(message([] { separation_power({1}, {1, 2}); }), "1 bins against 2"));
}

TEST_CASE("the error of a separation power: by hand, and as repeated samples scatter") {
  CHECK(separation_error({3, 1, 0}, {1, 3, 0}) == doctest::Approx(0.25));  // sqrt(3/32 - 2/32 + 1/32)
  CHECK(separation_error({0, 0}, {1, 1}) == 0);
  CHECK(has(message([] { separation_error({1}, {1, 2}); }), "1 bins against 2"));
  Random random(5, 0, 0);
  for (double tilt : {0.0, 0.03, 0.3}) {
    const auto sample = [&](int n, double slope) {  // of ten bins
      std::vector<std::int64_t> counts;
      double left = 1;
      for (int k = 0; k < 10; ++k) {
        const double share = 0.1 * (1 + slope * (k - 4.5) / 4.5);
        counts.push_back(k == 9 ? n : binomial(random, n, share / left));
        n -= static_cast<int>(counts.back()), left -= share;
      }
      return counts;
    };
    double sum = 0, squares = 0, expected = 0;
    constexpr int trials = 2000;
    for (int t = 0; t < trials; ++t) {
      const std::vector<std::int64_t> p = sample(2000, 0), q = sample(5000, tilt);
      const double s = separation_power(p, q);
      sum += s / trials, squares += s * s / trials, expected += separation_error(p, q) / trials;
    }
    const double scatter = std::sqrt(squares - sum * sum);
    INFO("tilt ", tilt, ": ", scatter, " found, ", expected, " expected");
    CHECK(expected > 0.9 * scatter);
    CHECK(expected < 1.2 * scatter);
  }
}
