// What the critic and the generator minimise: four losses of the critic's scores.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/tensor/tensor.h"

namespace quench {

// A score s of a real event, of a generated event in the critic's step, and of one in the generator's step costs
//   least_squares  (s - 1)^2 / 2   s^2 / 2         (s - 1)^2 / 2   (Mao et al. 2017)
//   bce            ln(1 + e^-s)    ln(1 + e^s)     ln(1 + e^-s)    (Goodfellow et al. 2014, non-saturating; s: a logit)
//   hinge          max(0, 1 - s)   max(0, 1 + s)   -s              (Lim and Ye 2017)
//   wasserstein    -s              s               -s              (Arjovsky et al. 2017)
enum class GanLoss { least_squares, bce, hinge, wasserstein };

// "least-squares", "bce", "hinge" or "wasserstein"; fails for any other name.
GanLoss gan_loss(const std::string& name);

// Mean over the real scores (rows 0 .. real - 1) plus mean over the generated ones (the rest), score [events, 1], and
// its gradient [events, 1].
double critic_loss(GanLoss, const Tensor& score, int real, Tensor& gradient);

// Mean over all scores [events, 1], all of generated events.
double generator_loss(GanLoss, const Tensor& score, Tensor& gradient);

}  // namespace quench
