// Data, training and compression as the recipe asks for them.
// SPDX-License-Identifier: MIT
#include "targets/command/pipeline.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <optional>

#include "engine/compress/clipping.h"
#include "engine/compress/equalise.h"
#include "engine/compress/fold.h"
#include "engine/compress/prune.h"
#include "engine/compress/rounding.h"
#include "engine/compress/weight_range.h"
#include "engine/core/error.h"
#include "engine/core/progress.h"
#include "engine/physics/simulate.h"
#include "engine/train/deploy.h"
#include "engine/train/restandardise.h"
#include "engine/train/tune_quantized.h"

namespace quench {
namespace {

constexpr int restandardise_events = 200000;
constexpr std::uint64_t restandardising = 0x72657374616eull;  // events that nothing is judged on

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

TuneSettings tune_settings(const Recipe& r, int steps) {
  TuneSettings s;
  s.seed = r.seed;
  s.steps = steps, s.batch = r.compress.tune_batch;
  s.learning_rate = r.compress.tune_learning_rate;
  s.latent_bits = r.compress.latent_bits;
  s.temperature = 0;  // a pruned decoder's showers come closer by squares of logits: FPD 0.45, by divergence 0.51
  s.alpha = r.compress.alpha, s.dead_zone = r.compress.dead_zone;
  if (s.alpha < 1) s.beta1 = 0.5, s.beta2 = 0.99, s.average = 0.999;  // a critic moves what is aimed at
  return s;
}

// Progress of a tuning, and its end when the user asks for it.
struct Tuning {
  Progress bar;
  TuneControl control;
  Tuning(const char* what, int steps) : bar(what, steps, "steps") {
    control.progress = [this](std::int64_t step, std::int64_t, double) { bar.update(step); };
    control.stop = &interrupted();
  }
  Tuning(const Tuning&) = delete;
  void end() const {
    if (interrupted())
      fail(
          "compress: interrupted while tuning; run the same command again (quench run: with --resume, which keeps the "
          "training)");
  }
};

PruneSettings prune_settings(const Recipe& r) {
  PruneSettings s;
  s.method = r.compress.prune, s.sparsity = r.compress.sparsity;
  s.scope = r.compress.scope == "layer" ? PruneScope::layer : PruneScope::global;
  s.keep = sparse_pattern(r).keep, s.of = sparse_pattern(r).of;
  s.layers = layer_sparsity(r);
  return s;
}

QuantizeSettings quantize_settings(const Recipe& r) {
  const Recipe::Compress& c = r.compress;
  QuantizeSettings s;
  s.bits = c.bits, s.activation_bits = c.activation_bits, s.output_bits = c.output_bits, s.latent_bits = c.latent_bits;
  s.per_channel = c.granularity == "channel", s.power_of_two = c.scales == "power-of-two", s.multiplier = c.multiplier;
  s.symmetric = c.symmetric, s.table_tolerance = c.table_tolerance;
  s.fixed_width = fixed_point(r).width, s.fixed_integer = fixed_point(r).integer;
  s.energy_unit_mev = r.generate.energy_unit_mev;
  for (const LayerBits& own : layer_bits(r)) s.layers[own.layer] = {own.bits, own.output_bits, {}, 0, 0};
  return s;
}

// Pruned at once and then tuned, or pruned while it is tuned.
Model pruned_and_tuned(const Recipe& r, const Model& m, Span<const Tensor> inputs, int threads) {
  const bool cubic = r.compress.schedule == "cubic", tunes = r.compress.tune_steps > 0 && can_be_tuned(m);
  if (cubic && !tunes)
    fail("compress.schedule cubic prunes while tuning, but model ", m.name,
         " is no generator that quench trained and cannot be tuned; set it to at-once");
  const Model sparse = cubic ? m : prune(m, prune_settings(r), inputs, threads);
  if ((r.compress.sparsity == 0 && r.compress.layer_sparsity.empty()) || !tunes) return sparse;
  TuneSettings settings = tune_settings(r, r.compress.tune_steps);
  if (cubic) settings.schedule = SparsitySchedule{0, r.compress.sparsity, 0.5, 10, prune_settings(r).scope};
  const Tuning tuning("tune", r.compress.tune_steps);
  Model tuned = tune(m, sparse, settings, tuning.control, threads);
  tuning.end();
  return tuned;
}

// What a critic compares the student with, in the numbers that the teacher makes.
RealShowers real_showers(const Recipe& r, const Model& teacher, const Opponent& opponent, int threads) {
  const Data& data = *opponent.showers;
  const Preprocessing p = as_deployed(fit_preprocessing(data.training, data.geometry, r.seed, threads), teacher);
  GanSettings critic;
  critic.seed = r.seed, critic.critic_hidden = r.model.critic_hidden;
  return {training_set(p, data.training, r.seed, threads), opponent.critic ? *opponent.critic : gan_critic(critic, p)};
}

// A student whose codes and scales learn, if the recipe has steps for it.
QuantizedStudent tuned_in_integers(const Recipe& r, const Model& teacher, QuantizedStudent student,
                                   const Opponent& opponent, int threads) {
  const int steps = r.compress.quantized_tune_steps;
  if (steps == 0 || !can_be_tuned(teacher)) return student;
  std::optional<RealShowers> real;
  if (r.compress.alpha < 1) {
    if (!opponent.showers)
      fail("compress.alpha ", r.compress.alpha,
           " needs real showers for a critic: give them with --data, or set it to 1");
    real = real_showers(r, teacher, opponent, threads);
  }
  TuneSettings settings = tune_settings(r, steps);
  if (opponent.critic) settings.critic_warm_up = 0;
  const Tuning tuning("tune in integers", steps);
  student = tune_quantized(teacher, std::move(student), settings, tuning.control, threads, real ? &*real : nullptr);
  tuning.end();
  return student;
}

// Ranges, weight scales, rounding, codes.
Program quantized(const Recipe& r, const QuantizedStudent& student, Span<const Tensor> inputs, int threads) {
  const Recipe::Compress& c = r.compress;
  const Model& m = student.model;
  QuantizeSettings s = student.formats;
  const std::vector<Range> ranges = calibrate(m, inputs, s, c.calibration, c.percentile, threads);
  for (const std::string& sentence : saturation(m, ranges, s))
    std::fprintf(stderr, "quench: note: %s\n", sentence.c_str());
  Quantized q = quantize_with_places(m, ranges, s);
  if (c.weight_range == "mse") {
    s = with_best_weight_scales(s, m, q);
    q = quantize_with_places(m, ranges, s);
  }
  Model rounded = m;
  if (c.rounding != "nearest" || c.bias_correction) {
    rounded = round_weights(m, inputs, q, c.rounding, c.bias_correction, threads);
    s = with_weight_scales(s, m, q);
    q = quantize_with_places(rounded, ranges, s);
  }
  if (!c.restandardise) return q.program;
  rounded = restandardised(std::move(rounded), q, r.seed ^ restandardising, restandardise_events, threads);
  return quantize(rounded, calibrate(rounded, inputs, s, c.calibration, c.percentile, threads), s);
}

}  // namespace

bool can_be_tuned(const Model& m) {
  return std::any_of(m.nodes.begin(), m.nodes.end(), ends_core) &&
         std::none_of(m.inputs.begin(), m.inputs.end(),
                      [](const ModelInput& in) { return in.kind == InputKind::features; });
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

std::vector<Tensor> calibration_inputs(const Recipe& r, const Model& m, int threads) {
  const std::uint64_t seed = r.seed ^ 0x63616c69627261ull;
  const bool conditional = std::any_of(m.inputs.begin(), m.inputs.end(),
                                       [](const ModelInput& in) { return in.kind == InputKind::incident_energy; });
  const int events = r.compress.calibration_events;
  const Tensor energies = conditional ? log_uniform_energies(m.facts, seed, 0, events) : zeros({events, 1});
  return shower_inputs(m, seed, 0, energies, r.compress.latent_bits, threads);
}

Compressed compress_model(const Recipe& r, const Model& m, Span<const Tensor> inputs, const Opponent& opponent,
                          int threads) {
  const auto start = std::chrono::steady_clock::now();
  const QuantizeSettings formats = quantize_settings(r);
  Compressed result;
  result.folded = fold_batch_norm(m);
  if (r.compress.equalise) result.folded = equalise(result.folded);
  result.sparse = pruned_and_tuned(r, result.folded, inputs, threads);
  const QuantizedStudent student = tuned_in_integers(r, result.folded, {result.sparse, formats}, opponent, threads);
  result.sparse = student.model;
  result.program = quantized(r, student, inputs, threads);
  result.program.original_bits = dense_float_bits(result.folded);  // neurons may have left
  result.seconds = seconds_since(start);
  return result;
}

Program quantized_alone(const Recipe& r, const Model& folded, Span<const Tensor> inputs, int threads) {
  return quantized(r, {folded, quantize_settings(r)}, inputs, threads);
}

}  // namespace quench
