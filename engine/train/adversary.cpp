// The critic's steps.
// SPDX-License-Identifier: MIT
#include "engine/train/adversary.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/train/batches.h"
#include "engine/train/gan_loss.h"

namespace quench {

Adversary::Adversary(const RealShowers& showers, const AdversarySettings& settings)
    : real_(showers.set),
      settings_(settings),
      critic_(showers.critic),
      gradient_(zeros_like(critic_)),
      first_(gradient_),
      second_(gradient_),
      tensors_{parameter_tensors(critic_), parameter_tensors(gradient_), parameter_tensors(first_),
               parameter_tensors(second_)},
      both_(2),
      fake_(2),
      input_gradient_(1) {
  if (real_.numbers.rows() < 2)
    fail("tuning beside a critic: ", real_.numbers.rows(), " real showers; at least 2 are needed");
}

const Tensor& Adversary::events(std::int64_t step) {
  const int batch = settings_.batch, width = real_.numbers.columns();
  resize(both_[0], 2 * batch, width), resize(both_[1], 2 * batch, 1);
  resize(fake_[0], batch, width), resize(fake_[1], batch, 1);
  const std::uint32_t events = static_cast<std::uint32_t>(real_.numbers.rows());
  for_each_event(settings_.seed, step, batch, events, [&](int i, std::uint32_t event) {
    std::copy_n(real_.numbers.row(static_cast<int>(event)), width, both_[0].row(i));
    for (float* energy : {both_[1].row(i), both_[1].row(batch + i), fake_[1].row(i)})
      *energy = real_.energies.data[event];
  });
  return fake_[1];
}

double Adversary::step(const Tensor& fake, std::int64_t step, double rate, int threads) {
  std::copy(fake.data.begin(), fake.data.end(), fake_[0].data.begin());
  std::copy(fake.data.begin(), fake.data.end(), both_[0].row(settings_.batch));
  forward(critic_, both_, Mode::training, shards_, threads);
  const double loss = critic_loss(GanLoss::least_squares, shards_.output, settings_.batch, score_gradient_);
  backward(critic_, shards_, score_gradient_, gradient_, {}, true, threads);
  adam_step(tensors_, {rate * settings_.learning_rate, settings_.beta1, settings_.beta2, 1e-8}, step + 1, threads);
  return loss;
}

double Adversary::student_gradient(Tensor& gradient, int threads) {
  forward(critic_, fake_, Mode::training, shards_, threads);
  const double loss = generator_loss(GanLoss::least_squares, shards_.output, score_gradient_);
  backward(critic_, shards_, score_gradient_, gradient_, input_gradient_, false, threads);
  gradient = input_gradient_[0];
  return loss;
}

}  // namespace quench
