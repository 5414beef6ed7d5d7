// The four losses: values by hand, gradients against differences, no overflow.
// SPDX-License-Identifier: MIT
#include "engine/train/gan_loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"

using namespace quench;

namespace {

constexpr GanLoss all_losses[] = {GanLoss::least_squares, GanLoss::bce, GanLoss::hinge, GanLoss::wasserstein};

Tensor scores() { return {{7, 1}, {0.5f, -2.25f, 3.0f, 0.125f, -0.5f, 2.0f, -3.5f}}; }  // 3 real, 4 generated

struct Values {
  double critic, generator;
};

// Of the definition in double, with the C library's functions.
Values expected(GanLoss loss, const Tensor& score, int real) {
  double r = 0, f = 0, g = 0;
  for (int i = 0; i < score.rows(); ++i) {
    const double s = static_cast<double>(score.data[static_cast<std::size_t>(i)]);
    const bool is_real = i < real;
    switch (loss) {
      case GanLoss::least_squares:
        (is_real ? r : f) += is_real ? (s - 1) * (s - 1) / 2 : s * s / 2, g += (s - 1) * (s - 1) / 2;
        break;
      case GanLoss::bce:
        (is_real ? r : f) += std::log1p(std::exp(is_real ? -s : s)), g += std::log1p(std::exp(-s));
        break;
      case GanLoss::hinge:
        (is_real ? r : f) += std::fmax(0, is_real ? 1 - s : 1 + s), g -= s;
        break;
      case GanLoss::wasserstein:
        (is_real ? r : f) += is_real ? -s : s, g -= s;
        break;
    }
  }
  return {r / real + f / (score.rows() - real), g / score.rows()};
}

}  // namespace

TEST_CASE("losses: values and gradients of the critic and the generator") {
  for (GanLoss loss : all_losses) {
    CAPTURE(static_cast<int>(loss));
    Tensor score = scores(), gradient, unused;
    const Values want = expected(loss, score, 3);
    CHECK(critic_loss(loss, score, 3, gradient) == doctest::Approx(want.critic).epsilon(1e-6));
    Tensor generator_gradient;
    CHECK(generator_loss(loss, score, generator_gradient) == doctest::Approx(want.generator).epsilon(1e-6));
    REQUIRE(gradient.shape == std::vector<int>{7, 1});
    REQUIRE(generator_gradient.shape == std::vector<int>{7, 1});
    for (std::size_t i = 0; i < 7; ++i) {
      const float at = score.data[i], h = 0.0625f;
      Values high{}, low{};
      score.data[i] = at + h, high = {critic_loss(loss, score, 3, unused), generator_loss(loss, score, unused)};
      score.data[i] = at - h, low = {critic_loss(loss, score, 3, unused), generator_loss(loss, score, unused)};
      score.data[i] = at;
      const double twice = 2 * static_cast<double>(h);
      CHECK(std::fabs((high.critic - low.critic) / twice - static_cast<double>(gradient.data[i])) < 1e-4);
      CHECK(std::fabs((high.generator - low.generator) / twice - static_cast<double>(generator_gradient.data[i])) <
            1e-4);
    }
  }
}

TEST_CASE("losses: large scores stay finite, and a satisfied hinge asks for nothing") {
  const Tensor score{{4, 1}, {300, -300, 300, -300}};  // 2 real, 2 generated
  Tensor gradient;
  CHECK(critic_loss(GanLoss::bce, score, 2, gradient) == doctest::Approx(300));
  CHECK(gradient.data[0] == doctest::Approx(0));
  CHECK(gradient.data[1] == -0.5f);
  CHECK(gradient.data[2] == 0.5f);
  CHECK(gradient.data[3] == doctest::Approx(0));
  CHECK(critic_loss(GanLoss::hinge, score, 2, gradient) == doctest::Approx(301));
  CHECK(gradient.data == std::vector<float>{0, -0.5f, 0.5f, 0});
}

TEST_CASE("losses: names") {
  CHECK(gan_loss("least-squares") == GanLoss::least_squares);
  CHECK(gan_loss("bce") == GanLoss::bce);
  CHECK(gan_loss("hinge") == GanLoss::hinge);
  CHECK(gan_loss("wasserstein") == GanLoss::wasserstein);
  CHECK_THROWS_WITH_AS(gan_loss("Hinge"),
                       "train.loss: \"Hinge\" is not known; choose least-squares, bce, hinge or wasserstein", Error);
}
