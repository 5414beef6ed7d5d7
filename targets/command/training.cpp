// GAN and flow as the recipe asks for them, with progress, curves and checkpoints.
// SPDX-License-Identifier: MIT
#include "targets/command/training.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "engine/core/error.h"
#include "engine/core/progress.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/tune.h"

namespace quench {
namespace {

constexpr std::int64_t curve_points = 200;

struct Prepared {
  Preprocessing preprocessing;
  TrainingSet set;
};

Prepared prepare(const Recipe& r, const Data& data, int threads) {
  Prepared p;
  p.preprocessing = fit_preprocessing(data.training, data.geometry, r.seed, threads);
  p.set = training_set(p.preprocessing, data.training, r.seed, threads);
  return p;
}

void expect_checkpoint(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) fail("--resume: there is no checkpoint ", path, "; train without --resume first");
}

// Adds a point to each curve, often enough for a plot.
void add_points(std::vector<LossCurve>& curves, std::int64_t step, std::int64_t steps,
                const std::vector<double>& values) {
  if (step % std::max<std::int64_t>(steps / curve_points, 1) != 0) return;
  for (std::size_t k = 0; k < values.size(); ++k)
    curves[k].step.push_back(static_cast<double>(step)), curves[k].value.push_back(values[k]);
}

GanSettings gan_settings(const Recipe& r) {
  GanSettings s;
  s.name = r.name, s.seed = r.seed;
  s.latent = r.model.latent, s.latent_bits = r.compress.latent_bits;
  s.hidden = r.model.hidden, s.activation = r.model.activation, s.batch_norm = r.model.batch_norm;
  s.critic_hidden = r.model.critic_hidden;
  s.steps = r.train.steps, s.batch = r.train.batch;
  s.learning_rate = r.train.learning_rate, s.critic_learning_rate = r.train.critic_learning_rate;
  s.beta1 = r.train.beta1, s.beta2 = r.train.beta2, s.average = r.train.average, s.decay_from = r.train.decay_from;
  s.checkpoint_every = r.train.checkpoint_every;
  s.loss = r.train.loss, s.penalty = r.train.penalty, s.gradient_penalty = r.train.gradient_penalty;
  s.spectral_norm = r.train.spectral_norm, s.instance_noise = r.train.instance_noise;
  s.critic_steps = r.train.critic_steps, s.schedule = r.train.schedule;
  s.moments = {r.train.total_energy_weight, r.train.layer_energy_weight, r.train.sparsity_weight};
  return s;
}

Trained train_gan_model(const Recipe& r, const Data& data, const std::string& checkpoint, bool resume, int threads) {
  const GanSettings settings = gan_settings(r);
  const Prepared p = prepare(r, data, threads);
  const std::uint64_t hash = gan_hash(settings, p.preprocessing, p.set);
  Trained result;
  result.curves = {{"critic", {}, {}}, {"generator", {}, {}}};
  result.loss = settings.loss + " loss";
  GanState state = start_gan(settings, p.preprocessing);
  if (resume) state = load_checkpoint(checkpoint, state, hash);
  Progress bar("train", settings.steps, "steps", state.step);
  GanControl control;
  control.progress = [&](const GanProgress& now) {
    char note[80];
    std::snprintf(note, sizeof note, "critic %.3f generator %.3f", now.critic_loss, now.generator_loss);
    bar.update(now.step, note);
    add_points(result.curves, now.step, now.steps, {now.critic_loss, now.generator_loss});
  };
  control.checkpoint = [&](const GanState& s) { save_checkpoint(checkpoint, s, hash); };
  control.stop = &interrupted();
  state = train_gan(settings, p.set, std::move(state), control, threads);
  result.steps = state.step;
  result.finished = state.step >= settings.steps;
  if (result.finished) result.model = deploy(averaged_generator(settings, state, p.set, threads), p.preprocessing);
  return result;
}

FlowSettings flow_settings(const Recipe& r, const Data& data) {
  FlowSettings s;
  s.name = r.name, s.seed = r.seed;
  s.coupling = coupling_from(r.flow.coupling), s.couplings = r.flow.couplings;
  s.bins = r.flow.bins, s.bound = r.flow.bound, s.hidden = r.flow.hidden, s.activation = r.model.activation;
  s.act_norm = r.flow.act_norm;
  s.first_step = r.flow.two_step ? static_cast<int>(data.geometry.layers.size()) : 0;
  s.steps = r.train.steps, s.batch = r.train.batch;
  s.learning_rate = r.train.learning_rate, s.beta1 = r.train.beta1, s.beta2 = r.train.beta2;
  s.average = r.train.average, s.decay_from = r.train.decay_from, s.warm_up = r.train.warm_up, s.clip = r.train.clip;
  s.validation_events = r.train.validation_events, s.evaluate_every = r.train.evaluate_every;
  s.patience = r.train.patience, s.checkpoint_every = r.train.checkpoint_every;
  return s;
}

// A feed-forward generator that learns the flow's outputs on the same latents.
Model distilled(const Recipe& r, const Preprocessing& p, const Model& flow, int threads) {
  GanSettings student = gan_settings(r);
  student.batch_norm = false;
  TuneSettings s;
  s.seed = r.seed, s.steps = r.distill.steps, s.batch = r.distill.batch, s.learning_rate = r.distill.learning_rate;
  s.latent_bits = r.compress.latent_bits;
  Progress bar("distill", s.steps, "steps");
  TuneControl control;
  control.progress = [&](std::int64_t step, std::int64_t, double mean_square) {
    char note[80];
    std::snprintf(note, sizeof note, "mean square %.4f", mean_square);
    bar.update(step, note);
  };
  control.stop = &interrupted();
  return tune(flow, deploy(gan_generator(student, p), p), s, control, threads);
}

Trained train_flow_model(const Recipe& r, const Data& data, const std::string& checkpoint, bool resume, int threads) {
  const Prepared p = prepare(r, data, threads);
  const int width = p.set.numbers.columns();
  if (r.distill.steps > 0 && r.model.latent != width)
    fail("model.latent is ", r.model.latent, "; a generator that learns from a flow of ", width, " numbers (",
         r.data.geometry, ") needs as many: set model.latent = ", width);
  const FlowSettings settings = flow_settings(r, data);
  const std::uint64_t hash = flow_hash(settings, p.set);
  Trained result;
  result.curves = {{"training events", {}, {}}, {"validation events", {}, {}}};
  result.loss = "mean log density, nats";
  FlowState state = start_flow(settings, p.set, &p.preprocessing.condition);
  if (resume) state = load_checkpoint(checkpoint, state, hash);
  {
    Progress bar("train", settings.steps, "steps", state.step);
    FlowControl control;
    control.progress = [&](const FlowProgress& now) {
      char note[80];
      std::snprintf(note, sizeof note, "log density %.3f", now.log_density);
      bar.update(now.step, note);
      add_points(result.curves, now.step, now.steps, {now.log_density});
      if (!now.evaluated) return;
      result.curves[1].step.push_back(static_cast<double>(now.step));
      result.curves[1].value.push_back(now.validation);
    };
    control.checkpoint = [&](const FlowState& s) { save_checkpoint(checkpoint, s, hash); };
    control.stop = &interrupted();
    state = train_flow(settings, p.set, std::move(state), control, threads);
  }
  result.steps = state.step;
  result.finished = state.step >= settings.steps || state.ended != 0;
  if (!result.finished) return result;
  result.density = trained_flow(state);
  result.flow = deploy(flow_sampling(*result.density), p.preprocessing);
  result.model = r.distill.steps > 0 ? distilled(r, p.preprocessing, *result.flow, threads) : *result.flow;
  result.finished = !interrupted();
  return result;
}

VaeSettings vae_settings(const Recipe& r) {
  VaeSettings s;
  s.name = r.name, s.seed = r.seed;
  s.latent = r.model.latent, s.latent_bits = r.compress.latent_bits;
  s.hidden = r.model.hidden, s.activation = r.model.activation, s.batch_norm = r.model.batch_norm;
  s.encoder_hidden = r.vae.encoder_hidden, s.beta = r.vae.beta, s.kl_warm_up = r.vae.kl_warm_up;
  s.steps = r.train.steps, s.batch = r.train.batch, s.learning_rate = r.train.learning_rate;
  s.beta1 = r.train.beta1, s.beta2 = r.train.beta2, s.average = r.train.average, s.decay_from = r.train.decay_from;
  s.checkpoint_every = r.train.checkpoint_every;
  return s;
}

Trained train_vae_model(const Recipe& r, const Data& data, const std::string& checkpoint, bool resume, int threads) {
  const VaeSettings settings = vae_settings(r);
  const Prepared p = prepare(r, data, threads);
  const std::uint64_t hash = vae_hash(settings, p.preprocessing, p.set);
  Trained result;
  result.curves = {{"log likelihood of the numbers", {}, {}}, {"divergence of the latents", {}, {}}};
  result.loss = "nats";
  VaeState state = start_vae(settings, p.preprocessing);
  if (resume) state = load_checkpoint(checkpoint, state, hash);
  Progress bar("train", settings.steps, "steps", state.step);
  VaeControl control;
  control.progress = [&](const VaeProgress& now) {
    char note[80];
    std::snprintf(note, sizeof note, "likelihood %.2f divergence %.2f", now.log_likelihood, now.divergence);
    bar.update(now.step, note);
    add_points(result.curves, now.step, now.steps, {now.log_likelihood, now.divergence});
  };
  control.checkpoint = [&](const VaeState& s) { save_checkpoint(checkpoint, s, hash); };
  control.stop = &interrupted();
  state = train_vae(settings, p.set, std::move(state), control, threads);
  result.steps = state.step;
  result.finished = state.step >= settings.steps;
  if (result.finished) result.model = deploy(vae_generator(settings, state, p.set, threads), p.preprocessing);
  return result;
}

}  // namespace

Trained train_model(const Recipe& r, const Data& data, const std::string& checkpoint, bool resume, int threads) {
  const auto start = std::chrono::steady_clock::now();
  if (resume) expect_checkpoint(checkpoint);
  const auto train = r.model.family == "flow"  ? train_flow_model
                     : r.model.family == "vae" ? train_vae_model
                                               : train_gan_model;
  Trained result = train(r, data, checkpoint, resume, threads);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace quench
