// The GAN's training loop.
// SPDX-License-Identifier: MIT
#include "engine/train/gan.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/train/adam.h"
#include "engine/train/batches.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

// Everything a step needs besides the state; filled once, reused.
struct Workspace {
  const GanSettings& settings;
  const TrainingSet& data;
  int threads;
  QNoise noise;
  Model generator_gradient, critic_gradient;
  AdamTensors generator_tensors, critic_tensors;
  std::vector<Tensor*> average_tensors;
  Tape generator_tape, critic_tape;
  std::vector<Tensor> generator_inputs, critic_inputs,
      fake_inputs;  // fake_inputs: the generator's half of critic_inputs
  Tensor score_gradient;
  std::vector<Tensor> fake_gradient;
};

Workspace make_workspace(const GanSettings& settings, const TrainingSet& data, GanState& state, int threads) {
  Workspace w{settings,
              data,
              threads,
              normal_noise(settings.latent, settings.latent_bits),
              zeros_like(state.generator),
              zeros_like(state.critic),
              {},
              {},
              {},
              {},
              {},
              {},
              {},
              {},
              {},
              {}};
  w.generator_inputs.resize(2);
  w.critic_inputs.resize(2);
  w.fake_inputs.resize(2);
  w.fake_gradient.resize(1);
  return w;
}

// The tensors' addresses; to be taken where the workspace and the state stay.
void point_at_tensors(Workspace& w, GanState& s) {
  w.generator_tensors = {parameter_tensors(s.generator), parameter_tensors(w.generator_gradient),
                         parameter_tensors(s.generator_first), parameter_tensors(s.generator_second)};
  w.critic_tensors = {parameter_tensors(s.critic), parameter_tensors(w.critic_gradient),
                      parameter_tensors(s.critic_first), parameter_tensors(s.critic_second)};
  w.average_tensors = parameter_tensors(s.average);
}

// Rows 0 .. batch - 1 of critic_inputs: the step's events; each epoch is a permutation of all events.
void draw_real(Workspace& w, std::int64_t step) {
  const int batch = w.settings.batch, voxels = w.data.numbers.columns();
  resize(w.critic_inputs[0], 2 * batch, voxels);
  resize(w.critic_inputs[1], 2 * batch, 1);
  resize(w.generator_inputs[1], batch, 1);
  resize(w.fake_inputs[1], batch, 1);
  const std::uint32_t events = static_cast<std::uint32_t>(w.data.numbers.rows());
  for_each_event(w.settings.seed, step, batch, events, [&](int i, std::uint32_t event) {
    std::copy_n(w.data.numbers.row(static_cast<int>(event)), voxels, w.critic_inputs[0].row(i));
    const float energy = w.data.energies.data[event];
    for (Tensor* t : {&w.generator_inputs[1], &w.fake_inputs[1]}) t->data[static_cast<std::size_t>(i)] = energy;
    w.critic_inputs[1].data[static_cast<std::size_t>(i)] = energy;
    w.critic_inputs[1].data[static_cast<std::size_t>(batch + i)] = energy;
  });
}

// Generated showers of the same energies: rows batch .. 2 batch - 1 of critic_inputs, and fake_inputs.
void draw_fake(Workspace& w, const GanState& s) {
  const std::uint64_t first = static_cast<std::uint64_t>(s.step) * static_cast<std::uint64_t>(w.settings.batch);
  w.generator_inputs[0] =
      sample_latent(w.noise, stream_seed(w.settings.seed, Use::latent), first, w.settings.batch, w.threads);
  forward(s.generator, w.generator_inputs, Mode::training, w.generator_tape, w.threads);
  const Tensor& fake = w.generator_tape.values[index(s.generator.outputs[0])];
  resize(w.fake_inputs[0], fake.rows(), fake.columns());
  std::copy(fake.data.begin(), fake.data.end(), w.fake_inputs[0].data.begin());
  std::copy(fake.data.begin(), fake.data.end(), w.critic_inputs[0].row(w.settings.batch));
}

// Mean of (score - target)^2 / 2 over rows begin .. end - 1, and its gradient.
double square_loss(const Tensor& score, int begin, int end, float target, Tensor& gradient) {
  double loss = 0;
  const float inverse = 1.0f / static_cast<float>(end - begin);
  for (std::size_t i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
    const float d = score.data[i] - target;
    loss += 0.5 * static_cast<double>(d) * static_cast<double>(d);
    gradient.data[i] = d * inverse;
  }
  return loss / (end - begin);
}

double critic_step(Workspace& w, GanState& s, const AdamSettings& adam) {
  forward(s.critic, w.critic_inputs, Mode::training, w.critic_tape, w.threads);
  const Tensor& score = w.critic_tape.values[index(s.critic.outputs[0])];
  const int batch = w.settings.batch;
  resize(w.score_gradient, 2 * batch, 1);
  const double loss =
      square_loss(score, 0, batch, 1, w.score_gradient) + square_loss(score, batch, 2 * batch, 0, w.score_gradient);
  backward(s.critic, w.critic_tape, w.score_gradient, w.critic_gradient, {}, true, w.threads);
  adam_step(w.critic_tensors, adam, s.step + 1, w.threads);
  return loss;
}

// Through the critic just moved, back into the generator's forward pass of draw_fake.
double generator_step(Workspace& w, GanState& s, const AdamSettings& adam) {
  forward(s.critic, w.fake_inputs, Mode::training, w.critic_tape, w.threads);
  resize(w.score_gradient, w.settings.batch, 1);
  const Tensor& score = w.critic_tape.values[index(s.critic.outputs[0])];
  const double loss = square_loss(score, 0, w.settings.batch, 1, w.score_gradient);
  backward(s.critic, w.critic_tape, w.score_gradient, w.critic_gradient, w.fake_gradient, false, w.threads);
  backward(s.generator, w.generator_tape, w.fake_gradient[0], w.generator_gradient, {}, true, w.threads);
  update_state(s.generator, w.generator_tape);
  adam_step(w.generator_tensors, adam, s.step + 1, w.threads);
  // Young averages follow faster, so that the start is forgotten.
  const double young = static_cast<double>(1 + s.step) / static_cast<double>(10 + s.step);
  average_step(w.average_tensors, w.generator_tensors.parameters, std::min(w.settings.average, young), w.threads);
  return loss;
}

AdamSettings adam_settings(const GanSettings& s, double rate, std::int64_t step) {
  return {scheduled_rate(rate, s.decay_from, step, s.steps), s.beta1, s.beta2, 1e-8};
}

void check_settings(const GanSettings& s, const TrainingSet& data) {
  if (s.batch < 2) fail("train.batch: ", s.batch, " is too small; BatchNorm needs at least 2 events");
  if (s.steps < 1) fail("train.steps: ", s.steps, " is too small; at least 1 is needed");
  if (data.numbers.rows() < 2) fail("training data: ", data.numbers.rows(), " events; at least 2 are needed");
}

// Energies of `count` training events, in the epochs of a permutation of their own.
Tensor drawn_energies(const TrainingSet& data, std::uint64_t seed, int first, int count) {
  Tensor energies = zeros({count, 1});
  const std::uint32_t events = static_cast<std::uint32_t>(data.energies.rows());
  for (int i = 0; i < count; ++i) {
    const std::uint32_t position = static_cast<std::uint32_t>(first + i);
    const Permutation order = permutation(events, seed, position / events);
    energies.data[static_cast<std::size_t>(i)] = data.energies.data[permuted(order, position % events)];
  }
  return energies;
}

}  // namespace

Model averaged_generator(const GanSettings& settings, const GanState& state, const TrainingSet& data, int threads) {
  Model model = state.average;
  const std::uint64_t seed = stream_seed(settings.seed, Use::statistics);
  const QNoise noise = normal_noise(settings.latent, settings.latent_bits);
  Tape tape;
  for (int b = 0; b < settings.statistics_batches; ++b) {
    const int first = b * settings.statistics_batch;
    const std::vector<Tensor> inputs{
        sample_latent(noise, seed, static_cast<std::uint64_t>(first), settings.statistics_batch, threads),
        drawn_energies(data, seed, first, settings.statistics_batch)};
    forward(model, inputs, Mode::training, tape, threads);
    for (std::size_t i = 0; i < model.nodes.size(); ++i)
      if (BatchNorm* op = std::get_if<BatchNorm>(&model.nodes[i].op)) {
        const float momentum = op->momentum;
        op->momentum = 1.0f / static_cast<float>(b + 1);  // the mean over the batches
        update_state(*op, tape.saved[i]);
        op->momentum = momentum;
      }
  }
  return model;
}

GanState train_gan(const GanSettings& settings, const TrainingSet& data, GanState state, const GanControl& control,
                   int threads) {
  check_settings(settings, data);
  Workspace w = make_workspace(settings, data, state, threads);
  point_at_tensors(w, state);
  while (state.step < settings.steps) {
    draw_real(w, state.step);
    draw_fake(w, state);
    const double critic_loss =
        critic_step(w, state, adam_settings(settings, settings.critic_learning_rate, state.step));
    const double generator_loss = generator_step(w, state, adam_settings(settings, settings.learning_rate, state.step));
    if (!std::isfinite(critic_loss) || !std::isfinite(generator_loss))
      fail("train: the losses are no longer finite at step ", state.step + 1, "; lower train.learning_rate (",
           settings.learning_rate, ")");
    ++state.step;
    const bool stopped = control.stop && control.stop->load();
    const bool due = settings.checkpoint_every > 0 && state.step % settings.checkpoint_every == 0;
    if (control.checkpoint && (due || stopped || state.step == settings.steps)) control.checkpoint(state);
    if (control.progress) control.progress({state.step, settings.steps, critic_loss, generator_loss});
    if (stopped) break;
  }
  return state;
}

}  // namespace quench
