// The distillation loop.
// SPDX-License-Identifier: MIT
#include "engine/train/tune.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/train/adam.h"
#include "engine/train/deploy.h"
#include "engine/train/tune_events.h"

namespace quench {
namespace {

// 1 where a parameter may move, 0 for the pruned weights of Linear layers.
Model free_parameters(const Model& model) {
  Model mask = model;
  for_each_parameter(mask,
                     [](std::size_t, const std::string&, Tensor& t) { std::fill(t.data.begin(), t.data.end(), 1.0f); });
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (const Linear* op = std::get_if<Linear>(&model.nodes[i].op)) {
      std::vector<float>& free = std::get<Linear>(mask.nodes[i].op).weight.data;
      for (std::size_t k = 0; k < free.size(); ++k) free[k] = op->weight.data[k] == 0.0f ? 0.0f : 1.0f;
    }
  return mask;
}

void apply_mask(const std::vector<Tensor*>& gradient, const std::vector<Tensor*>& mask) {
  for (std::size_t k = 0; k < gradient.size(); ++k)
    for (std::size_t i = 0; i < gradient[k]->size(); ++i) gradient[k]->data[i] *= mask[k]->data[i];
}

}  // namespace

double core_difference(const Model& a, const Model& b, std::uint64_t seed, int events, int threads) {
  const Model core_a = generator_core(a), core_b = generator_core(b);
  check_pair(core_a, core_b);
  const TuneEvents batch = draw(input_source(core_a, seed, 8), 0, events, threads);
  Tensor unused;
  return mean_square(infer(core_a, inputs_of(core_a, batch), threads), infer(core_b, inputs_of(core_b, batch), threads),
                     unused);
}

Model tune(const Model& teacher, Model student, const TuneSettings& s, const TuneControl& control, int threads) {
  if (s.batch < 1 || s.steps < 0) fail("tuning: ", s.steps, " steps of ", s.batch, " events");
  const Model guide = generator_core(teacher);
  Model core = generator_core(student);
  check_pair(guide, core);
  const InputSource source = input_source(guide, s.seed, s.latent_bits);
  Model gradient = zeros_like(core), first = zeros_like(core), second = zeros_like(core), average = core,
        mask = free_parameters(core);
  const AdamTensors tensors{parameter_tensors(core), parameter_tensors(gradient), parameter_tensors(first),
                            parameter_tensors(second)};
  const std::vector<Tensor*> average_tensors = parameter_tensors(average), mask_tensors = parameter_tensors(mask);
  Shards guided, shards;
  Tensor slope;
  for (std::int64_t step = 0; step < s.steps; ++step) {
    const std::uint64_t event = static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(s.batch);
    const TuneEvents batch = draw(source, event, s.batch, threads);
    forward(guide, inputs_of(guide, batch), Mode::inference, guided, threads);
    forward(core, inputs_of(core, batch), Mode::inference, shards, threads);
    const double loss = mean_square(shards.output, guided.output, slope);
    if (!std::isfinite(loss))
      fail("tuning: the loss is no longer finite at step ", step + 1, "; lower tune_learning_rate (", s.learning_rate,
           ")");
    backward(core, shards, slope, gradient, {}, true, threads);
    apply_mask(tensors.gradient, mask_tensors);
    adam_step(tensors, {scheduled_rate(s.learning_rate, s.decay_from, step, s.steps), s.beta1, s.beta2, 1e-8}, step + 1,
              threads);
    average_step(average_tensors, tensors.parameters,
                 std::min(s.average, static_cast<double>(1 + step) / static_cast<double>(10 + step)), threads);
    if (control.progress) control.progress(step + 1, s.steps, loss);
    if (control.stop && control.stop->load()) break;
  }
  return with_core(std::move(student), average);
}

}  // namespace quench
