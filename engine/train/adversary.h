// A critic beside tuning: it learns to tell a student's showers from real ones, for which the student learns to pass.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/model/shards.h"
#include "engine/train/adam.h"
#include "engine/train/gan.h"

namespace quench {

// What a student is compared with besides its teacher.
struct RealShowers {
  TrainingSet set;  // numbers standardised as the teacher's outputs are (as_deployed(), deploy.h)
  Model critic;     // where it starts: gan_critic(), or one that has learned already
};

struct AdversarySettings {
  std::uint64_t seed = 1;
  int batch = 512;
  double learning_rate = 5e-4, beta1 = 0.5, beta2 = 0.99;  // of the critic
};

// The least-squares loss (gan_loss.h) and the critic's Adam. Each step: events(), step(), student_gradient().
class Adversary {
 public:
  Adversary(const RealShowers&, const AdversarySettings&);
  Adversary(const Adversary&) = delete;

  // Draws the real events of a step; the incident energies [batch, 1], MeV, that the student's events are to have.
  const Tensor& events(std::int64_t step);

  // Moves the critic: `fake` [batch, numbers] are the student's outputs for those energies. `rate` times
  // settings.learning_rate is Adam's. The critic's loss.
  double step(const Tensor& fake, std::int64_t step, double rate, int threads);

  // How little the moved critic takes the last `fake` for real; its gradient with respect to them, per event.
  double student_gradient(Tensor& gradient, int threads);

 private:
  const TrainingSet& real_;
  AdversarySettings settings_;
  Model critic_, gradient_, first_, second_;
  AdamTensors tensors_;
  Shards shards_;
  std::vector<Tensor> both_, fake_, input_gradient_;  // numbers and energies
  Tensor score_gradient_;
};

}  // namespace quench
