// The distillation loop.
// SPDX-License-Identifier: MIT
#include "engine/train/tune.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/model/shards.h"
#include "engine/ops/noise.h"
#include "engine/physics/random.h"
#include "engine/train/adam.h"
#include "engine/train/deploy.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

// Draws a core's inputs, in its order: one latent, and the incident energy if it has one.
struct InputSource {
  QNoise noise;
  std::uint64_t latent_seed, energy_seed;
  double minimum_mev, maximum_mev;
};

InputSource input_source(const Model& core, std::uint64_t seed, int latent_bits) {
  int latents = 0, width = 0;
  for (const ModelInput& input : core.inputs) {
    if (input.kind == InputKind::features)
      fail("model ", core.name, ": tuning draws its inputs; features cannot be drawn");
    if (input.kind == InputKind::latent) ++latents, width = core.values[index(input.value)].width;
    if (input.kind == InputKind::incident_energy &&
        !(core.facts.minimum_energy_mev > 0 && core.facts.maximum_energy_mev >= core.facts.minimum_energy_mev))
      fail("model ", core.name, ": its incident energies, ", core.facts.minimum_energy_mev, " to ",
           core.facts.maximum_energy_mev, " MeV, are no range to draw from");
  }
  if (latents != 1) fail("model ", core.name, ": has ", latents, " latent inputs; tuning needs exactly 1");
  return {latent_noise(core.facts.latent, width, latent_bits), stream_seed(seed, Use::tune_latent),
          stream_seed(seed, Use::tune_energy), core.facts.minimum_energy_mev, core.facts.maximum_energy_mev};
}

// Event i has the energy minimum (maximum / minimum)^u, u uniform from the event's own stream.
Tensor draw_energies(const InputSource& source, std::uint64_t first, int count) {
  Tensor energies = zeros({count, 1});
  const double span = log(source.maximum_mev) - log(source.minimum_mev);
  for (int i = 0; i < count; ++i) {
    Random random(source.energy_seed, first + static_cast<std::uint64_t>(i), 0);
    const double energy = span > 0 ? source.minimum_mev * exp(span * uniform(random)) : source.minimum_mev;
    energies.data[static_cast<std::size_t>(i)] = static_cast<float>(std::min(energy, source.maximum_mev));
  }
  return energies;
}

struct Batch {
  Tensor latent, energies;
};

Batch draw(const InputSource& source, std::uint64_t first, int count, int threads) {
  return {sample_latent(source.noise, source.latent_seed, first, count, threads), draw_energies(source, first, count)};
}

std::vector<Tensor> inputs_of(const Model& core, const Batch& batch) {
  std::vector<Tensor> inputs;
  for (const ModelInput& input : core.inputs)
    inputs.push_back(input.kind == InputKind::latent ? batch.latent : batch.energies);
  return inputs;
}

void check_pair(const Model& a, const Model& b) {
  const auto width = [](const Model& m, Value v) { return m.values[index(v)].width; };
  if (width(a, a.outputs[0]) != width(b, b.outputs[0]))
    fail("tuning: ", a.name, " has ", width(a, a.outputs[0]), " outputs, ", b.name, " has ", width(b, b.outputs[0]));
  for (InputKind kind : {InputKind::latent, InputKind::incident_energy}) {
    int widths[2] = {0, 0};
    for (const ModelInput& input : a.inputs)
      if (input.kind == kind) widths[0] += width(a, input.value);
    for (const ModelInput& input : b.inputs)
      if (input.kind == kind) widths[1] += width(b, input.value);
    if (widths[0] != widths[1])
      fail("tuning: the teacher's ", kind == InputKind::latent ? "latent" : "incident energy", " input is ", widths[0],
           " wide, the student's ", widths[1]);
  }
}

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

// Mean square of a - b; the gradient with respect to a, per event.
double mean_square(const Tensor& a, const Tensor& b, Tensor& gradient) {
  resize(gradient, a.rows(), a.columns());
  const float inverse = 1.0f / static_cast<float>(a.rows());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float d = a.data[i] - b.data[i];
    sum += static_cast<double>(d) * static_cast<double>(d);
    gradient.data[i] = d * inverse;
  }
  return sum / static_cast<double>(a.size());
}

}  // namespace

double core_difference(const Model& a, const Model& b, std::uint64_t seed, int events, int threads) {
  const Model core_a = generator_core(a), core_b = generator_core(b);
  check_pair(core_a, core_b);
  const Batch batch = draw(input_source(core_a, seed, 8), 0, events, threads);
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
    const Batch batch = draw(source, event, s.batch, threads);
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
