// Adam (Kingma and Ba 2015) and exponential averaging over lists of tensors.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace quench {

struct AdamSettings {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

// The model's trainable tensors, in order. They stay where they are while the model is not assigned to.
std::vector<Tensor*> parameter_tensors(Model&);

// The moments are Models of the same shape as the parameters, like the gradient.
struct AdamTensors {
  std::vector<Tensor*> parameters, gradient, first, second;
};

// Step number `step` = 1, 2, ... (for the bias corrections). Clears the gradient.
void adam_step(const AdamTensors&, const AdamSettings&, std::int64_t step, int threads = 1);

// average = decay * average + (1 - decay) * parameters.
void average_step(const std::vector<Tensor*>& average, const std::vector<Tensor*>& parameters, double decay,
                  int threads = 1);

// Multiplies each element by that of its mask.
void mask_step(const std::vector<Tensor*>& tensors, const std::vector<Tensor*>& mask, int threads = 1);

// cosine, linear: constant up to `decay_from` (a fraction of all steps), then half a cosine or a straight line down to
// 0. constant: to the end. step: halved when 1/2, 3/4 and 7/8 of the steps are done.
enum class Schedule { cosine, constant, linear, step };

// "cosine", "constant", "linear" or "step"; fails for any other name.
Schedule schedule_named(const std::string& name);

// The learning rate of step = 0 .. steps - 1.
double scheduled_rate(double rate, double decay_from, std::int64_t step, std::int64_t steps,
                      Schedule schedule = Schedule::cosine);

}  // namespace quench
