// Data, training and compression as the recipe asks for them.
// SPDX-License-Identifier: MIT
#include "targets/command/pipeline.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>

#include "engine/compress/fold.h"
#include "engine/compress/prune.h"
#include "engine/core/error.h"
#include "engine/core/progress.h"
#include "engine/physics/simulate.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/tune.h"

namespace quench {
namespace {

std::atomic<bool> stop_requested{false};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Data simulated_data(const Recipe& r, int threads) {
  Data data;
  data.geometry = recipe_geometry(r);
  Simulation s;
  s.particle = r.data.particle;
  s.min_energy_gev = r.data.minimum_gev, s.max_energy_gev = r.data.maximum_gev;
  s.seed = r.seed;
  const int all = r.data.events, held_out = r.data.validation_events;
  data.training = simulate(data.geometry, s, 0, all, threads);
  data.reference = simulate(data.geometry, s, all, held_out, threads);
  data.second = simulate(data.geometry, s, std::int64_t{all} + held_out, held_out, threads);
  data.origin = "simulated " + r.data.particle + " showers (GFlash)";
  return data;
}

// The last part of the file is held out; the second sample is the training part itself.
Data file_data(const Recipe& r) {
  Data data;
  data.geometry = recipe_geometry(r);
  const Events all = load_events(r.data.source, data.geometry);
  const int held_out = static_cast<int>(std::floor(all.size() * r.data.validation_fraction + 0.5));
  if (held_out < 1 || all.size() - held_out < 2)
    fail(r.data.source, ": ", all.size(), " events cannot be split into training and ", held_out,
         " held-out events (data.validation_fraction = ", r.data.validation_fraction, "); at least 2 and 1 are needed");
  data.training = select(all, 0, all.size() - held_out);
  data.reference = select(all, all.size() - held_out, held_out);
  data.second = data.training;
  data.origin = r.data.source.substr(r.data.source.find_last_of('/') + 1);
  return data;
}

bool exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

TuneSettings tune_settings(const Recipe& r) {
  TuneSettings s;
  s.seed = r.seed;
  s.steps = r.compress.tune_steps, s.batch = r.compress.tune_batch;
  s.learning_rate = r.compress.tune_learning_rate;
  s.latent_bits = r.compress.latent_bits;
  return s;
}

Program calibrated_and_quantized(const Model& m, const Recipe& r, int threads) {
  // Calibration events are of their own seed, so that nothing is judged on what it was fitted to.
  const std::uint64_t seed = r.seed ^ 0x63616c69627261ull;
  const bool conditional = std::any_of(m.inputs.begin(), m.inputs.end(),
                                       [](const ModelInput& in) { return in.kind == InputKind::incident_energy; });
  const int events = r.compress.calibration_events;
  const Tensor energies = conditional ? log_uniform_energies(m.facts, seed, 0, events) : zeros({events, 1});
  const std::vector<Tensor> inputs = shower_inputs(m, seed, 0, energies, r.compress.latent_bits, threads);
  return quantized(m, calibrate(m, inputs, threads), r);
}

}  // namespace

bool can_be_tuned(const Model& m) {
  return std::any_of(m.nodes.begin(), m.nodes.end(),
                     [](const Node& node) { return std::holds_alternative<ConditionalAffine>(node.op); });
}

const std::atomic<bool>& interrupted() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_handler = [](int) { stop_requested = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one ends the process at once
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
  return stop_requested;
}

Geometry recipe_geometry(const Recipe& r) {
  Geometry g = geometry(r.data.geometry);
  if (r.data.threshold_mev >= 0) g.threshold_mev = r.data.threshold_mev;
  return g;
}

Data load_data(const Recipe& r, int threads) {
  return r.data.source == "simulation" ? simulated_data(r, threads) : file_data(r);
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

Trained train_model(const Recipe& r, const Data& data, const std::string& checkpoint, bool resume, int threads) {
  const auto start = std::chrono::steady_clock::now();
  const GanSettings settings = gan_settings(r);
  const Preprocessing preprocessing = fit_preprocessing(data.training, data.geometry, r.seed, threads);
  const TrainingSet set = training_set(preprocessing, data.training, r.seed, threads);
  const std::uint64_t hash = gan_hash(settings, preprocessing, set);
  if (resume && !exists(checkpoint))
    fail("--resume: there is no checkpoint ", checkpoint, "; train without --resume first");
  Trained result;
  GanState state = start_gan(settings, preprocessing);
  if (resume) state = load_checkpoint(checkpoint, state, hash);
  Progress bar("train", settings.steps, "steps", state.step);
  GanControl control;
  control.progress = [&](const GanProgress& p) {
    char note[80];
    std::snprintf(note, sizeof note, "critic %.3f generator %.3f", p.critic_loss, p.generator_loss);
    bar.update(p.step, note);
    if (p.step % std::max<std::int64_t>(p.steps / 200, 1) != 0) return;
    result.curve_step.push_back(static_cast<double>(p.step));
    result.critic_loss.push_back(p.critic_loss), result.generator_loss.push_back(p.generator_loss);
  };
  control.checkpoint = [&](const GanState& s) { save_checkpoint(checkpoint, s, hash); };
  control.stop = &interrupted();
  result.state = train_gan(settings, set, std::move(state), control, threads);
  result.finished = result.state.step >= settings.steps;
  if (result.finished) result.model = deploy(averaged_generator(settings, result.state, set, threads), preprocessing);
  result.seconds = seconds_since(start);
  return result;
}

Program quantized(const Model& m, const std::vector<Range>& ranges, const Recipe& r) {
  const Recipe::Compress& c = r.compress;
  QuantizeSettings s;
  s.bits = c.bits, s.activation_bits = c.activation_bits, s.output_bits = c.output_bits, s.latent_bits = c.latent_bits;
  s.per_channel = c.granularity == "channel", s.power_of_two = c.scales == "power-of-two", s.multiplier = c.multiplier;
  s.fixed_width = fixed_point(r).width, s.fixed_integer = fixed_point(r).integer;
  s.energy_unit_mev = r.generate.energy_unit_mev;
  for (const std::string& sentence : saturation(m, ranges, s))
    std::fprintf(stderr, "quench: note: %s\n", sentence.c_str());
  return quantize(m, ranges, s);
}

Compressed compress_model(const Recipe& r, const Model& m, int threads) {
  const auto start = std::chrono::steady_clock::now();
  Compressed result;
  result.folded = fold_batch_norm(m);
  result.sparse =
      prune(result.folded, r.compress.sparsity, r.compress.scope == "layer" ? PruneScope::layer : PruneScope::global);
  if (r.compress.sparsity > 0 && r.compress.tune_steps > 0 && can_be_tuned(m)) {
    Progress bar("tune", r.compress.tune_steps, "steps");
    TuneControl control;
    control.progress = [&](std::int64_t step, std::int64_t, double) { bar.update(step); };
    control.stop = &interrupted();
    result.sparse = tune(result.folded, result.sparse, tune_settings(r), control, threads);
    if (interrupted())
      fail(
          "compress: interrupted while tuning; run the same command again (quench run: with --resume, which keeps the "
          "training)");
  }
  result.dense = calibrated_and_quantized(result.folded, r, threads);
  result.program = calibrated_and_quantized(result.sparse, r, threads);
  result.seconds = seconds_since(start);
  return result;
}

}  // namespace quench
