// Our own exp, log, tanh and friends against the C library in double, and parallel_for.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

using namespace quench;

namespace {

// Largest relative error of f against the exact function on a dense grid of floats.
template <class F, class Exact>
double worst(float low, float high, F&& f, Exact&& exact) {
  double error = 0;
  constexpr int steps = 200000;
  for (int i = 0; i <= steps; ++i) {
    const float x = low + (high - low) * (static_cast<float>(i) / static_cast<float>(steps));
    const double e = exact(static_cast<double>(x)), g = static_cast<double>(f(x));
    error = std::max(error, e == 0 ? std::fabs(g) : std::fabs(g / e - 1));
  }
  return error;
}

}  // namespace

TEST_CASE("float functions are within a few units of the last place") {
  CHECK(worst(
            -87.0f, 88.0f, [](float x) { return quench::exp(x); }, [](double x) { return std::exp(x); }) < 2e-7);
  CHECK(worst(
            1e-6f, 4.0f, [](float x) { return quench::log(x); }, [](double x) { return std::log(x); }) < 2e-7);
  CHECK(worst(
            0.99f, 1.01f, [](float x) { return quench::log(x); }, [](double x) { return std::log(x); }) < 2e-7);
  CHECK(worst(
            1e3f, 3e38f, [](float x) { return quench::log(x); }, [](double x) { return std::log(x); }) < 2e-7);
  CHECK(worst(
            -20.0f, 20.0f, [](float x) { return quench::tanh(x); }, [](double x) { return std::tanh(x); }) < 4e-7);
  CHECK(worst(
            -0.4f, 0.4f, [](float x) { return quench::tanh(x); }, [](double x) { return std::tanh(x); }) < 4e-7);
  CHECK(worst(
            -80.0f, 80.0f, [](float x) { return sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }) < 4e-7);
  CHECK(worst(
            -80.0f, 80.0f, [](float x) { return softplus(x); },
            [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }) < 4e-7);
}

TEST_CASE("double functions") {
  double exp_error = 0, log_error = 0;
  for (int i = -7000; i <= 7000; ++i) {
    const double x = i * 0.1003;
    exp_error = std::max(exp_error, std::fabs(quench::exp(x) / std::exp(x) - 1));
    const double y = std::exp(i * 0.05);
    if (i != 0) log_error = std::max(log_error, std::fabs(quench::log(y) / std::log(y) - 1));
  }
  CHECK(exp_error < 1e-15);
  CHECK(log_error < 1e-15);
  CHECK(quench::log(1.0) == 0);
  CHECK(quench::exp(0.0) == 1);
}

TEST_CASE("the ends of the range: finite, and not a number stays one") {
  CHECK(std::isfinite(quench::exp(1e30f)));
  CHECK(quench::exp(-1e30f) > 0);
  CHECK(std::isfinite(quench::log(0.0f)));
  CHECK(quench::tanh(100.0f) == 1.0f);
  CHECK(quench::tanh(-100.0f) == -1.0f);
  CHECK(log_sigmoid(-1000.0f) == -1000.0f);
  CHECK(sigmoid(1000.0f) == 1.0f);
  CHECK(std::isnan(quench::exp(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isnan(quench::tanh(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("parallel_for covers every index once, in ranges that do not depend on the number of threads") {
  for (int threads : {1, 2, 5})
    for (std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{999}, std::size_t{1000}}) {
      std::vector<std::atomic<int>> seen(count);
      std::atomic<int> wrong{0};
      parallel_for(threads, count, 50, [&](std::size_t begin, std::size_t end) {
        if (begin % 50 != 0 || end != std::min(count, begin + 50)) ++wrong;
        for (std::size_t i = begin; i < end; ++i) ++seen[i];
      });
      CHECK(wrong == 0);
      CHECK(std::all_of(seen.begin(), seen.end(), [](const auto& n) { return n == 1; }));
    }
}

TEST_CASE("parallel_for rethrows the first exception and works again afterwards; calls may nest") {
  CHECK_THROWS_AS(parallel_for(3, 100, 1,
                               [](std::size_t begin, std::size_t) {
                                 if (begin == 37) fail("range ", begin);
                               }),
                  Error);
  std::atomic<int> calls{0};
  parallel_for(3, 8, 1,
               [&](std::size_t, std::size_t) { parallel_for(3, 4, 1, [&](std::size_t, std::size_t) { ++calls; }); });
  CHECK(calls == 32);
}
