// One function for each stage of compression, and the walk through the recipe's list of them.
// SPDX-License-Identifier: MIT
#include "targets/command/stages.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "engine/compress/clipping.h"
#include "engine/compress/equalise.h"
#include "engine/compress/fold.h"
#include "engine/compress/joint.h"
#include "engine/compress/prune.h"
#include "engine/compress/rounding.h"
#include "engine/compress/weight_range.h"
#include "engine/core/error.h"
#include "engine/core/progress.h"
#include "engine/core/recipe_stages.h"
#include "engine/train/deploy.h"
#include "engine/train/restandardise.h"
#include "engine/train/tune_quantized.h"
#include "targets/command/training.h"

namespace quench {
namespace {

constexpr int restandardise_events = 200000;
constexpr std::uint64_t restandardising = 0x72657374616eull;  // events that nothing is judged on

// What every stage may read.
struct Task {
  const Recipe& r;
  const Model& teacher;  // folded, all weights: what tuning compares with
  Span<const Tensor> inputs;
  RealData real;
  int threads;
};

// What a stage changes.
struct State {
  QuantizedStudent student;
  double sparsity = 0;                       // that pruning has reached
  std::optional<double> growing;             // that the tuning to come reaches (schedule cubic)
  std::optional<std::vector<Range>> ranges;  // of the student's values; none: to be calibrated
  std::uint64_t tunings = 0, integer_tunings = 0;
};

// Each tuning of a kind sees events of its own.
TuneSettings tune_settings(const Recipe& r, int steps, std::uint64_t tunings) {
  TuneSettings s;
  s.seed = r.seed ^ (tunings * 0x9e3779b97f4a7c15ull);
  s.steps = steps, s.batch = r.compress.tune_batch;
  s.learning_rate = r.compress.tune_learning_rate;
  s.latent_bits = r.compress.latent_bits;
  // A pruned decoder of photons.toml (4,000 steps, 10,000 showers, seed 1) comes closer by squares of logits: FPD 0.45,
  // by divergence 0.51.
  s.temperature = 0;
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

PruneScope prune_scope(const Recipe& r) { return r.compress.scope == "layer" ? PruneScope::layer : PruneScope::global; }

// Neurons that are gone are no part of the fraction: of those that are left fewer go.
PruneSettings prune_settings(const Recipe& r, double sparsity, double reached) {
  PruneSettings s;
  s.method = r.compress.prune;
  s.sparsity = s.method == "neurons" ? 1 - (1 - sparsity) / (1 - reached) : sparsity;
  s.scope = prune_scope(r);
  s.keep = sparse_pattern(r).keep, s.of = sparse_pattern(r).of;
  s.layers = layer_sparsity(r);
  return s;
}

QuantizeSettings quantize_settings(const Recipe& r) {
  const Recipe::Compress& c = r.compress;
  QuantizeSettings s;
  s.bits = c.bits, s.activation_bits = c.activation_bits, s.output_bits = c.output_bits, s.latent_bits = c.latent_bits;
  s.per_channel = c.granularity == "channel", s.power_of_two = c.scales == "power-of-two", s.multiplier = c.multiplier;
  s.symmetric = c.symmetric, s.symmetric_weights = c.symmetric_weights, s.table_tolerance = c.table_tolerance;
  s.fixed_width = fixed_point(r).width, s.fixed_integer = fixed_point(r).integer;
  s.energy_unit_mev = r.generate.energy_unit_mev;
  for (const auto& [layer, own] : layer_bits(r))
    s.layers[layer].bits = own.bits, s.layers[layer].activation_bits = own.output_bits;
  for (const auto& [layer, own] : layer_fixed_point(r))
    s.layers[layer].fixed_width = own.width, s.layers[layer].fixed_integer = own.integer;
  return s;
}

// What a critic compares the student with, in the numbers that the teacher makes.
RealShowers real_showers(const Recipe& r, const Model& teacher, const RealData& real, int threads) {
  const Data& data = *real.showers;
  Tensor filled_showers;
  const Preprocessing p =
      as_deployed(fit_preprocessing(data.training, data.geometry, r.seed, threads, &filled_showers), teacher);
  return {training_set(p, filled_showers, data.training.incident_energies, threads),
          real.critic ? *real.critic : gan_critic(gan_settings(r), p)};
}

void expect_tunable(const Task& t, const Stage& stage) {
  if (!can_be_tuned(t.teacher))
    fail("compress.stages: ", stage_name(stage.kind), ", but model ", t.teacher.name,
         " is no generator that quench trained and cannot be tuned; leave the stage out");
}

State pruned(const Task& t, const Stage& stage, State s) {
  if (t.r.compress.schedule == "cubic") {
    s.growing = stage.sparsity;
    return s;
  }
  s.student.model = prune(s.student.model, prune_settings(t.r, stage.sparsity, s.sparsity), t.inputs, t.threads);
  s.sparsity = stage.sparsity;
  return s;
}

State tuned(const Task& t, const Stage& stage, State s) {
  expect_tunable(t, stage);
  TuneSettings settings = tune_settings(t.r, stage.steps, s.tunings++);
  if (s.growing) {
    settings.schedule = SparsitySchedule{s.sparsity, *s.growing, 0.5, 10, prune_scope(t.r)};
    s.sparsity = *s.growing, s.growing.reset();
  }
  const Tuning tuning("tune", stage.steps);
  s.student.model = tune(t.teacher, std::move(s.student.model), settings, tuning.control, t.threads);
  tuning.end();
  return s;
}

// Codes and scales learn.
State tuned_in_integers(const Task& t, const Stage& stage, State s) {
  expect_tunable(t, stage);
  std::optional<RealShowers> real;
  if (t.r.compress.alpha < 1) {
    if (!t.real.showers)
      fail("compress.alpha ", t.r.compress.alpha,
           " needs real showers for a critic: give them with --data, or set it to 1");
    real = real_showers(t.r, t.teacher, t.real, t.threads);
  }
  TuneSettings settings = tune_settings(t.r, stage.steps, s.integer_tunings++);
  if (t.real.critic) settings.critic_warm_up = 0;
  const Tuning tuning("tune in integers", stage.steps);
  s.student =
      tune_quantized(t.teacher, std::move(s.student), settings, tuning.control, t.threads, real ? &*real : nullptr);
  tuning.end();
  return s;
}

std::vector<Range> ranges_of(const Task& t, const State& s) {
  const Recipe::Compress& c = t.r.compress;
  return calibrate(s.student.model, t.inputs, s.student.formats, c.calibration, c.percentile, t.threads);
}

// Where integers are made for the first time: what does not fit them is told.
State calibrated(const Task& t, State s) {
  if (s.ranges) return s;
  s.ranges = ranges_of(t, s);
  for (const std::string& sentence : saturation(s.student.model, *s.ranges, s.student.formats))
    std::fprintf(stderr, "quench: note: %s\n", sentence.c_str());
  return s;
}

// Weight scales, and the model that on_grid makes of them.
State rounded(const Task& t, State s, const std::function<Model(const Quantized&)>& on_grid) {
  const Recipe::Compress& c = t.r.compress;
  s = calibrated(t, std::move(s));
  Model& m = s.student.model;
  QuantizeSettings& formats = s.student.formats;
  Quantized q = quantize_with_places(m, *s.ranges, formats);
  if (c.weight_range == "mse") {
    formats = with_best_weight_scales(formats, m, q);
    q = quantize_with_places(m, *s.ranges, formats);
  }
  if (c.rounding == "nearest" && !c.bias_correction) return s;
  formats = with_weight_scales(formats, m, q);
  m = on_grid(q);
  return s;
}

State rounded(const Task& t, State s) {
  const Recipe::Compress& c = t.r.compress;
  const Model real = s.student.model;
  return rounded(t, std::move(s), [&](const Quantized& q) {
    return round_weights(real, t.inputs, q, c.rounding, c.bias_correction, t.threads);
  });
}

// Two stages that solve for the same weights do it together: once in floats, which gives ranges and scales, then again
// from the dense weights on their grid.
bool are_solved_together(const Recipe::Compress& c, const Stage& stage, const Stage& next, const State& s) {
  return stage.kind == StageKind::prune && next.kind == StageKind::round && c.prune == "obc" && c.rounding == "gptq" &&
         s.sparsity == 0;
}

State pruned_and_rounded(const Task& t, const Stage& stage, State s) {
  const PruneSettings settings = prune_settings(t.r, stage.sparsity, 0);
  const Model dense = std::move(s.student.model);
  s.student.model = prune(dense, settings, t.inputs, t.threads);
  s.sparsity = stage.sparsity, s.ranges.reset();
  return rounded(t, std::move(s), [&](const Quantized& q) {
    return prune_and_round(dense, settings, t.inputs, q, t.r.compress.bias_correction, t.threads);
  });
}

State with_new_tables(const Task& t, State s) {
  const Events* real = nullptr;
  if (t.r.compress.occupancy != "none") {
    if (!t.real.showers)
      fail(
          "compress.occupancy needs real showers to count what is empty: give them with --data, or set it to \"none\"");
    real = &t.real.showers->training;
  }
  s = calibrated(t, std::move(s));
  const Quantized q = quantize_with_places(s.student.model, *s.ranges, s.student.formats);
  s.student.model =
      restandardised(std::move(s.student.model), q, t.r.seed ^ restandardising, restandardise_events, t.threads, real,
                     t.r.compress.occupancy == "voxels" ? Occupancy::voxels : Occupancy::layers);
  s.ranges = ranges_of(t, s);
  return s;
}

// A stage that moves weights leaves no ranges behind it; the others keep or replace them.
State after(const Task& t, const Stage& stage, State s) {
  if (stage.kind == StageKind::round) return rounded(t, std::move(s));
  if (stage.kind == StageKind::restandardise) return with_new_tables(t, std::move(s));
  s.ranges.reset();
  if (stage.kind == StageKind::prune) return pruned(t, stage, std::move(s));
  if (stage.kind == StageKind::tune) return tuned(t, stage, std::move(s));
  if (stage.kind == StageKind::tune_quantized) return tuned_in_integers(t, stage, std::move(s));
  s.student.model = equalise(std::move(s.student.model));
  return s;
}

Program integers(const Task& t, State s) {
  s = calibrated(t, std::move(s));
  return quantize(s.student.model, *s.ranges, s.student.formats);
}

// Dead zones find their zeros by learning, which a recipe may give too few steps.
void tell_missed_zeros(const Recipe& r, const Model& m, const Program& p) {
  std::set<std::string> layers;
  for (const Node& node : m.nodes)
    if (std::holds_alternative<Linear>(node.op)) layers.insert(node.name);
  double zeros = 0, all = 0;
  for (const QNode& node : p.nodes)
    if (const auto* op = std::get_if<QLinear>(&node.op); op && layers.count(node.name)) {
      zeros += static_cast<double>(std::count(op->weight.begin(), op->weight.end(), std::int16_t{0}));
      all += static_cast<double>(op->weight.size());
    }
  if (r.compress.dead_zone > 0 && zeros < (r.compress.dead_zone - 0.005) * all)
    std::fprintf(stderr,
                 "quench: note: compress.dead_zone %g was not reached: %.3f of the weights are 0; tune in integers for "
                 "more steps\n",
                 r.compress.dead_zone, zeros / all);
}

bool makes_integers(const Stage& stage) {
  return stage.kind == StageKind::round || stage.kind == StageKind::restandardise;
}

// The recipe's list. In the usual one no stage is named: what cannot be tuned is pruned as it is.
std::vector<Stage> stages_for(const Recipe& r, const Model& m) {
  std::vector<Stage> stages;
  for (const Stage& stage : compression_stages(r)) {
    const bool tunes = stage.kind == StageKind::tune || stage.kind == StageKind::tune_quantized;
    if (tunes && usual_stages(r) && !can_be_tuned(m)) {
      if (r.compress.schedule == "cubic" && stage.kind == StageKind::tune)
        fail("compress.schedule cubic prunes while tuning, but model ", m.name,
             " is no generator that quench trained and cannot be tuned; set it to at-once");
    } else {
      stages.push_back(stage);
    }
  }
  return stages;
}

}  // namespace

Compressed compress_model(const Recipe& r, const Model& m, Span<const Tensor> inputs, const RealData& real,
                          int threads) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Stage> stages = stages_for(r, m);
  Compressed result;
  result.folded = fold_batch_norm(m);
  State state;
  state.student = {result.folded, quantize_settings(r)};
  if (has_stage(stages, StageKind::equalise)) result.folded = equalise(std::move(result.folded));
  const Task task{r, result.folded, inputs, real, threads};
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (i + 1 < stages.size() && are_solved_together(r.compress, stages[i], stages[i + 1], state))
      state = pruned_and_rounded(task, stages[i++], std::move(state));
    else
      state = after(task, stages[i], std::move(state));
  result.program = integers(task, std::move(state));
  tell_missed_zeros(r, result.folded, result.program);
  result.program.original_bits = dense_float_bits(result.folded);  // neurons may have left
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Program quantized_alone(const Recipe& r, const Model& folded, Span<const Tensor> inputs, const RealData& real,
                        int threads) {
  const Task task{r, folded, inputs, real, threads};
  State state;
  state.student = {folded, quantize_settings(r)};
  for (const Stage& stage : compression_stages(r))
    if (makes_integers(stage)) state = after(task, stage, std::move(state));
  return integers(task, std::move(state));
}

}  // namespace quench
