// The losses score by score, and their means.
// SPDX-License-Identifier: MIT
#include "engine/train/gan_loss.h"

#include "engine/core/error.h"
#include "engine/core/math.h"

namespace quench {
namespace {

enum class Side { real, fake, generator };

struct Cost {
  double value;
  float slope;
};

Cost square(float distance) { return {0.5 * static_cast<double>(distance) * static_cast<double>(distance), distance}; }

// softplus and sigmoid take e^-|s|, so that no score overflows; the slope of ln(1 + e^-s) is -1 / (1 + e^s).
Cost cost(GanLoss loss, Side side, float s) {
  const bool fake = side == Side::fake;
  switch (loss) {
    case GanLoss::least_squares:
      return square(fake ? s : s - 1.0f);
    case GanLoss::bce:
      return fake ? Cost{static_cast<double>(softplus(s)), sigmoid(s)}
                  : Cost{static_cast<double>(softplus(-s)), -sigmoid(-s)};
    case GanLoss::hinge:
      if (side == Side::real) return s < 1.0f ? Cost{static_cast<double>(1.0f - s), -1.0f} : Cost{0, 0.0f};
      if (fake) return s > -1.0f ? Cost{static_cast<double>(1.0f + s), 1.0f} : Cost{0, 0.0f};
      break;
    case GanLoss::wasserstein:
      break;
  }
  return fake ? Cost{static_cast<double>(s), 1.0f} : Cost{-static_cast<double>(s), -1.0f};
}

double mean_cost(GanLoss loss, Side side, const Tensor& score, int begin, int end, Tensor& gradient) {
  double sum = 0;
  const float inverse = 1.0f / static_cast<float>(end - begin);
  for (std::size_t i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
    const Cost c = cost(loss, side, score.data[i]);
    sum += c.value;
    gradient.data[i] = c.slope * inverse;
  }
  return sum / (end - begin);
}

}  // namespace

GanLoss gan_loss(const std::string& name) {
  if (name == "least-squares") return GanLoss::least_squares;
  if (name == "bce") return GanLoss::bce;
  if (name == "hinge") return GanLoss::hinge;
  if (name == "wasserstein") return GanLoss::wasserstein;
  fail("train.loss: \"", name, "\" is not known; choose least-squares, bce, hinge or wasserstein");
}

double critic_loss(GanLoss loss, const Tensor& score, int real, Tensor& gradient) {
  resize(gradient, score.rows(), 1);
  const double of_real = mean_cost(loss, Side::real, score, 0, real, gradient);
  return of_real + mean_cost(loss, Side::fake, score, real, score.rows(), gradient);
}

double generator_loss(GanLoss loss, const Tensor& score, Tensor& gradient) {
  resize(gradient, score.rows(), 1);
  return mean_cost(loss, Side::generator, score, 0, score.rows(), gradient);
}

}  // namespace quench
