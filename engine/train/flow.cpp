// The flow's training loop.
// SPDX-License-Identifier: MIT
#include "engine/train/flow.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/train/adam.h"
#include "engine/train/batches.h"

namespace quench {
namespace {

// Everything a step needs besides the state; filled once, reused.
struct Workspace {
  const FlowSettings& settings;
  const TrainingSet& data;
  std::uint32_t events;  // trained on; the others validate
  int threads;
  Model gradient;
  AdamTensors tensors;
  std::vector<Tensor*> average;
  Shards shards;
  std::vector<Tensor> inputs;
  Tensor slope;
};

Workspace make_workspace(const FlowSettings& settings, const TrainingSet& data, const FlowState& s, int threads) {
  const int events = training_events(settings.validation, data.numbers.rows());
  return {settings, data, static_cast<std::uint32_t>(events),           threads, zeros_like(s.density), {},
          {},       {},   std::vector<Tensor>(s.density.inputs.size()), {}};
}

// The tensors' addresses; to be taken where the workspace and the state stay.
void point_at_tensors(Workspace& w, FlowState& s) {
  w.tensors = {parameter_tensors(s.density), parameter_tensors(w.gradient), parameter_tensors(s.first),
               parameter_tensors(s.second)};
  w.average = parameter_tensors(s.average);
}

void draw_batch(Workspace& w, std::int64_t step) {
  const int batch = w.settings.batch, width = w.data.numbers.columns();
  resize(w.inputs[0], batch, width);
  if (w.inputs.size() > 1) resize(w.inputs[1], batch, 1);
  for_each_event(w.settings.seed, step, batch, w.events, [&](int row, std::uint32_t event) {
    std::copy_n(w.data.numbers.row(static_cast<int>(event)), width, w.inputs[0].row(row));
    if (w.inputs.size() > 1) w.inputs[1].data[static_cast<std::size_t>(row)] = w.data.energies.data[event];
  });
}

// Shortens the gradient as a whole; its length is summed in the order of the tensors.
void clip(const std::vector<Tensor*>& gradient, double longest) {
  double squares = 0;
  for (const Tensor* t : gradient)
    for (float g : t->data) squares += static_cast<double>(g) * static_cast<double>(g);
  const double length = std::sqrt(squares);
  if (!(length > longest) || !std::isfinite(length)) return;
  const float factor = static_cast<float>(longest / length);
  for (Tensor* t : gradient)
    for (float& g : t->data) g *= factor;
}

// Mean log density of the step's events.
double learn(Workspace& w, FlowState& s) {
  const FlowSettings& settings = w.settings;
  draw_batch(w, s.step);
  forward(s.density, w.inputs, Mode::training, w.shards, w.threads);
  const Tensor& log_density = w.shards.output;
  double mean = 0;
  for (float v : log_density.data) mean += static_cast<double>(v);
  resize(w.slope, settings.batch, 1);
  std::fill(w.slope.data.begin(), w.slope.data.end(), -1.0f / static_cast<float>(settings.batch));
  backward(s.density, w.shards, w.slope, w.gradient, {}, true, w.threads);
  if (settings.clip > 0) clip(w.tensors.gradient, settings.clip);
  const double warm = std::min(1.0, static_cast<double>(s.step + 1) / std::max(settings.warm_up, 1));
  const double rate = warm * scheduled_rate(settings.learning_rate, settings.decay_from, s.step, settings.steps);
  adam_step(w.tensors, {rate, settings.beta1, settings.beta2, 1e-8}, s.step + 1, w.threads);
  const double young = static_cast<double>(1 + s.step) / static_cast<double>(10 + s.step);
  average_step(w.average, w.tensors.parameters, std::min(settings.average, young), w.threads);
  return mean / settings.batch;
}

// Mean log density of the events that are not trained on; keeps the best average.
double validate(const Workspace& w, FlowState& s) {
  const int first = static_cast<int>(w.events), count = w.settings.validation.events;
  const Tensor energies = w.inputs.size() > 1 ? rows_of(w.data.energies, first, count) : Tensor{};
  const double found = mean_log_density(s.average, rows_of(w.data.numbers, first, count), energies, w.threads).mean;
  keep_best(s.best, s.average, found, s.step);
  return found;
}

FlowProgress train_step(Workspace& w, FlowState& s) {
  const FlowSettings& settings = w.settings;
  FlowProgress now{0, settings.steps, learn(w, s), false, 0};
  if (!std::isfinite(now.log_density))
    fail("train: the log density is no longer finite at step ", s.step + 1, "; lower train.learning_rate (",
         settings.learning_rate, ") or train.clip (", settings.clip, ")");
  now.step = ++s.step;
  if (validates(settings.validation, s.step, settings.steps)) now.evaluated = true, now.validation = validate(w, s);
  return now;
}

void check_settings(const FlowSettings& s) {
  if (s.batch < 1 || s.steps < 1)
    fail("train: ", s.steps, " steps of ", s.batch, " events; at least 1 of each is needed");
}

}  // namespace

MeanError mean_log_density(const Model& density, const Tensor& numbers, const Tensor& energies, int threads) {
  std::vector<Tensor> inputs{numbers};
  if (density.inputs.size() > 1) inputs.push_back(energies);
  const Tensor values = infer(density, inputs, threads);
  return mean_error({values.data.begin(), values.data.end()});
}

bool ended(const FlowSettings& settings, const FlowState& s) {
  return ended(settings.validation, s.best, s.step, settings.steps);
}

const Model& trained_flow(const FlowState& s) { return s.best.step > 0 ? s.best.model : s.average; }

FlowState train_flow(const FlowSettings& settings, const TrainingSet& data, FlowState state, const FlowControl& control,
                     int threads) {
  check_settings(settings);
  Workspace w = make_workspace(settings, data, state, threads);
  point_at_tensors(w, state);
  const auto over = [&] { return ended(settings, state); };
  train_loop(state, settings.checkpoint_every, control, over, [&] { return train_step(w, state); });
  return state;
}

}  // namespace quench
