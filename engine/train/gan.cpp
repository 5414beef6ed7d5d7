// The GAN's training loop.
// SPDX-License-Identifier: MIT
#include "engine/train/gan.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/ops/noise.h"
#include "engine/train/adam.h"
#include "engine/train/batches.h"
#include "engine/train/gan_loss.h"
#include "engine/train/gradient_penalty.h"
#include "engine/train/instance_noise.h"
#include "engine/train/shower_moments.h"
#include "engine/train/spectral_norm.h"
#include "engine/train/statistics.h"
#include "engine/train/streams.h"
#include "engine/train/tune_events.h"

namespace quench {
namespace {

// Generators start narrow, without BatchNorm very much so: how alike their showers are says nothing before this step.
constexpr std::int64_t first_diversity_step = 200;
constexpr double least_diversity = 0.01;

// Everything a step needs besides the state; filled once, reused.
struct Workspace {
  const GanSettings& settings;
  const TrainingSet& data;
  int events;  // trained on; the others validate
  int threads;
  GanLoss loss;
  Penalty penalty;
  Schedule schedule;
  QNoise noise;
  Model generator_gradient, critic_gradient;
  AdamTensors generator_tensors{}, critic_tensors{};
  std::vector<Tensor*> average_tensors{};
  Shards generator{}, critic{};
  // Numbers and energies: the generator's inputs are latents and energies; critic_inputs hold the real events, then the
  // generated ones, both with noise.
  std::vector<Tensor> generator_inputs = std::vector<Tensor>(2), critic_inputs = generator_inputs,
                      real_inputs = generator_inputs, fake_inputs = generator_inputs;
  Tensor score_gradient{};
  std::vector<Tensor> fake_gradient = std::vector<Tensor>(1);
  Tensor features{}, penalty_points{};
  PenaltySpace penalty_space{};
  SpectralSpace spectral{};
  MomentSpace moments{};
  Shards teacher{};
  Tensor to_teacher{};  // gradient of the difference to the teacher
};

Workspace make_workspace(const GanSettings& settings, const TrainingSet& data, GanState& state, int threads) {
  return {settings,
          data,
          training_events(settings.validation, data.numbers.rows()),
          threads,
          gan_loss(settings.loss),
          penalty_named(settings.penalty),
          schedule_named(settings.schedule),
          normal_noise(settings.latent, settings.latent_bits),
          zeros_like(state.generator),
          zeros_like(state.critic)};
}

// The tensors' addresses; to be taken where the workspace and the state stay.
void point_at_tensors(Workspace& w, GanState& s) {
  w.generator_tensors = {parameter_tensors(s.generator), parameter_tensors(w.generator_gradient),
                         parameter_tensors(s.generator_first), parameter_tensors(s.generator_second)};
  w.critic_tensors = {parameter_tensors(s.critic), parameter_tensors(w.critic_gradient),
                      parameter_tensors(s.critic_first), parameter_tensors(s.critic_second)};
  w.average_tensors = parameter_tensors(s.average);
}

// Rows 0 .. batch - 1 of critic_inputs, and real_inputs: the events of the critic's step number `draw`; each epoch is a
// permutation of all events.
void draw_real(Workspace& w, std::int64_t draw) {
  const int batch = w.settings.batch, voxels = w.data.numbers.columns();
  resize(w.critic_inputs[0], 2 * batch, voxels);
  resize(w.critic_inputs[1], 2 * batch, 1);
  resize(w.real_inputs[0], batch, voxels);
  for (std::vector<Tensor>* inputs : {&w.generator_inputs, &w.real_inputs, &w.fake_inputs})
    resize((*inputs)[1], batch, 1);
  const std::uint32_t events = static_cast<std::uint32_t>(w.events);
  for_each_event(w.settings.seed, draw, batch, events, [&](int i, std::uint32_t event) {
    std::copy_n(w.data.numbers.row(static_cast<int>(event)), voxels, w.critic_inputs[0].row(i));
    std::copy_n(w.data.numbers.row(static_cast<int>(event)), voxels, w.real_inputs[0].row(i));
    const float energy = w.data.energies.data[event];
    for (std::vector<Tensor>* inputs : {&w.generator_inputs, &w.real_inputs, &w.fake_inputs})
      (*inputs)[1].data[static_cast<std::size_t>(i)] = energy;
    w.critic_inputs[1].data[static_cast<std::size_t>(i)] = energy;
    w.critic_inputs[1].data[static_cast<std::size_t>(batch + i)] = energy;
  });
}

// Generated showers of the same energies: rows batch .. 2 batch - 1 of critic_inputs, and fake_inputs.
void draw_fake(Workspace& w, const GanState& s, std::int64_t draw) {
  const std::uint64_t first = static_cast<std::uint64_t>(draw) * static_cast<std::uint64_t>(w.settings.batch);
  sample_latent(w.noise, stream_seed(w.settings.seed, Use::latent), first, w.settings.batch, w.generator_inputs[0],
                w.threads);
  forward(s.generator, w.generator_inputs, Mode::training, w.generator, w.threads);
  const Tensor& fake = w.generator.output;
  resize(w.fake_inputs[0], fake.rows(), fake.columns());
  std::copy(fake.data.begin(), fake.data.end(), w.fake_inputs[0].data.begin());
  std::copy(fake.data.begin(), fake.data.end(), w.critic_inputs[0].row(w.settings.batch));
}

// The step's noise on standardised numbers, in its pass number k through the critic.
void add_noise(const Workspace& w, std::int64_t step, int k, Tensor& x) {
  const GanSettings& s = w.settings;
  if (s.instance_noise <= 0) return;
  add_normal(x, decayed_noise(s.instance_noise, step, s.steps), stream_seed(s.seed, Use::instance_noise),
             noise_index(step, k, s.critic_steps, s.batch), w.threads);
}

const Model& running_critic(const Workspace& w, const GanState& s) {
  return w.settings.spectral_norm ? w.spectral.normalised : s.critic;
}

// Of the critic that has just run on critic_inputs.
double penalise(Workspace& w, const Model& critic, std::int64_t draw) {
  if (w.penalty == Penalty::none) return 0;
  const Node& first = critic.nodes[penalised_chain(critic)];
  joined(w.critic, first.inputs[0], w.features);
  const int batch = w.settings.batch;
  if (w.penalty == Penalty::wgan_gp) {
    const std::uint64_t row = static_cast<std::uint64_t>(draw) * static_cast<std::uint64_t>(batch);
    between(w.features, stream_seed(w.settings.seed, Use::interpolation), row, w.penalty_points);
  } else {
    resize(w.penalty_points, batch, w.features.columns());
    std::copy_n(w.features.data.begin(), w.penalty_points.size(), w.penalty_points.data.begin());
  }
  return gradient_penalty(critic, w.penalty, w.settings.gradient_penalty, w.penalty_points, w.critic_gradient,
                          w.penalty_space, w.threads);
}

// Number `k` of the critic_steps of this step.
double critic_step(Workspace& w, GanState& s, int k, const AdamSettings& adam) {
  const std::int64_t draw = s.step * w.settings.critic_steps + k;
  draw_real(w, draw);
  draw_fake(w, s, draw);
  add_noise(w, s.step, k, w.critic_inputs[0]);
  if (w.settings.spectral_norm) iterate_spectral(s.critic, s.spectral, w.spectral, w.threads);
  const Model& critic = running_critic(w, s);
  forward(critic, w.critic_inputs, Mode::training, w.critic, w.threads);
  const double loss = critic_loss(w.loss, w.critic.output, w.settings.batch, w.score_gradient);
  backward(critic, w.critic, w.score_gradient, w.critic_gradient, {}, true, w.threads);
  const double penalty = penalise(w, critic, draw);
  if (w.settings.spectral_norm) spectral_gradient(s.spectral, w.spectral, w.critic_gradient, w.threads);
  adam_step(w.critic_tensors, adam, draw + 1, w.threads);
  return loss + penalty;
}

// Adds alpha times the mean square difference to the loss whose gradient is in fake_gradient, and weighs that with
// 1 - alpha.
double learn_from_teacher(Workspace& w, const GanState& s) {
  const double alpha = w.settings.alpha;
  forward(s.teacher, w.generator_inputs, Mode::inference, w.teacher, w.threads);
  const double difference = mean_square(w.generator.output, w.teacher.output, w.to_teacher);
  const float a = static_cast<float>(alpha), b = static_cast<float>(1 - alpha);
  for (std::size_t i = 0; i < w.to_teacher.size(); ++i)
    w.fake_gradient[0].data[i] = b * w.fake_gradient[0].data[i] + a * w.to_teacher.data[i];
  return alpha * difference;
}

// Through the critic just moved, back into the generator's forward pass of the last draw_fake.
double generator_step(Workspace& w, GanState& s, const AdamSettings& adam) {
  const bool with_moments = any_weight(w.settings.moments);
  double loss = 0;
  if (with_moments)
    loss = moment_term(s.quantities, w.settings.moments, w.real_inputs, w.fake_inputs, w.moments, w.threads);
  add_noise(w, s.step, w.settings.critic_steps, w.fake_inputs[0]);
  if (w.settings.spectral_norm) refresh_spectral(s.critic, s.spectral, w.spectral, w.threads);
  const Model& critic = running_critic(w, s);
  forward(critic, w.fake_inputs, Mode::training, w.critic, w.threads);
  loss += (1 - w.settings.alpha) * generator_loss(w.loss, w.critic.output, w.score_gradient);
  backward(critic, w.critic, w.score_gradient, w.critic_gradient, w.fake_gradient, false, w.threads);
  if (w.settings.alpha > 0) loss += learn_from_teacher(w, s);
  if (with_moments)
    for (std::size_t i = 0; i < w.fake_gradient[0].size(); ++i)
      w.fake_gradient[0].data[i] += w.moments.input_gradient[0].data[i];
  backward(s.generator, w.generator, w.fake_gradient[0], w.generator_gradient, {}, true, w.threads);
  update_state(s.generator, w.generator.tapes[0]);  // BatchNorm: there is one shard
  adam_step(w.generator_tensors, adam, s.step + 1, w.threads);
  // Young averages follow faster, so that the start is forgotten.
  const double young = static_cast<double>(1 + s.step) / static_cast<double>(10 + s.step);
  average_step(w.average_tensors, w.generator_tensors.parameters, std::min(w.settings.average, young), w.threads);
  return loss;
}

AdamSettings adam_settings(const Workspace& w, double rate, std::int64_t step) {
  const GanSettings& s = w.settings;
  return {scheduled_rate(rate, s.decay_from, step, s.steps, w.schedule), s.beta1, s.beta2, 1e-8};
}

void check_settings(const GanSettings& s, const GanControl& control) {
  if (s.batch < 2) fail("train.batch: ", s.batch, " is too small; BatchNorm needs at least 2 events");
  if (s.steps < 1) fail("train.steps: ", s.steps, " is too small; at least 1 is needed");
  if (s.critic_steps < 1) fail("train.critic_steps: ", s.critic_steps, " is too small; at least 1 is needed");
  if (s.validation.events > 0 && !control.quality)
    fail("train.validation_events: ", s.validation.events, " events, but nothing says how good a generator is");
}

void check_losses(const GanSettings& s, std::int64_t step, double critic_loss, double generator_loss) {
  if (!std::isfinite(critic_loss) || !std::isfinite(generator_loss))
    fail("train: the losses are no longer finite at step ", step, "; lower train.learning_rate (", s.learning_rate,
         ")");
}

// Compares the last batches, `step` steps done.
void check_diversity(const Workspace& w, const GanState& s) {
  if (s.step < first_diversity_step) return;
  const double ratio = diversity(w.generator.output, w.real_inputs[0]);
  if (ratio < least_diversity)
    fail("train: the generated showers are all alike at step ", s.step, ": their standardised numbers have ", ratio,
         " of the real showers' variance, less than ", least_diversity, "; lower train.learning_rate (",
         w.settings.learning_rate, ") or raise train.instance_noise (", w.settings.instance_noise, ")",
         w.settings.batch_norm ? "" : ", or set model.batch_norm = true");
}

Model averaged_generator(const GanSettings& s, const GanState& state, const TrainingSet& data, int threads) {
  return with_statistics(state.average, {s.seed, s.latent, s.latent_bits, s.statistics_batches, s.statistics_batch},
                         data, threads);
}

GanProgress train_step(Workspace& w, GanState& s, const GanControl& control) {
  const GanSettings& settings = w.settings;
  double critic_loss = 0;
  for (int k = 0; k < settings.critic_steps; ++k)
    critic_loss = critic_step(w, s, k, adam_settings(w, settings.critic_learning_rate, s.step));
  const double generator_loss = generator_step(w, s, adam_settings(w, settings.learning_rate, s.step));
  ++s.step;
  check_losses(settings, s.step, critic_loss, generator_loss);
  if (is_due(s.step, settings.checkpoint_every)) check_diversity(w, s);
  GanProgress now{s.step, settings.steps, critic_loss, generator_loss};
  if (validates(settings.validation, s.step, settings.steps)) {
    const Model generator = averaged_generator(settings, s, w.data, w.threads);
    now.evaluated = true, now.validation = control.quality(generator);
    keep_best(s.best, generator, now.validation, s.step);
  }
  return now;
}

}  // namespace

bool ended(const GanSettings& settings, const GanState& s) {
  return ended(settings.validation, s.best, s.step, settings.steps);
}

Model trained_generator(const GanSettings& settings, const GanState& state, const TrainingSet& data, int threads) {
  return state.best.step > 0 ? state.best.model : averaged_generator(settings, state, data, threads);
}

GanState train_gan(const GanSettings& settings, const TrainingSet& data, GanState state, const GanControl& control,
                   int threads) {
  check_settings(settings, control);
  Workspace w = make_workspace(settings, data, state, threads);
  point_at_tensors(w, state);
  const auto over = [&] { return ended(settings, state); };
  train_loop(state, settings.checkpoint_every, control, over, [&] { return train_step(w, state, control); });
  return state;
}

}  // namespace quench
