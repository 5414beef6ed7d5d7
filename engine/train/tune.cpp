// The distillation loop.
// SPDX-License-Identifier: MIT
#include "engine/train/tune.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/train/adam.h"
#include "engine/train/deploy.h"
#include "engine/train/hash.h"
#include "engine/train/loop.h"
#include "engine/train/output_loss.h"
#include "engine/train/start.h"
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

// What the last Linear reads; beside a skip, that which does not read what the first one reads.
Value last_hidden(const Model& core) {
  std::vector<Value> ends = core.outputs;
  std::optional<Value> first;
  for (const Node& node : core.nodes)
    if (node.output == core.outputs[0] && std::holds_alternative<Sum>(node.op)) ends = node.inputs;
  for (const Node& node : core.nodes) {
    if (!std::holds_alternative<Linear>(node.op)) continue;
    if (!first) first = node.inputs[0];
    const bool ending = std::find(ends.begin(), ends.end(), node.output) != ends.end();
    if (ending && (ends.size() == 1 || node.inputs[0] != *first)) return node.inputs[0];
  }
  fail("tuning: model ", core.name, " does not end in a Linear layer, so it has no last hidden values to compare");
}

// The core whose output has the last hidden values behind it; of a student, what a new Linear makes of them.
Model with_features(Model core, const int* project_to, std::uint64_t seed) {
  Value feature = last_hidden(core);
  int width = core.values[index(feature)].width;
  if (project_to) {
    Model projection;
    append(projection, "l", linear(width, *project_to), {add_input(projection, "x", width, InputKind::features)}, 1);
    draw_weights(projection, seed, 5000);
    feature = append(core, "feature_projection", projection.nodes[0].op, {feature}, width = *project_to);
  }
  const int outputs = core.values[index(core.outputs[0])].width;
  core.outputs = {append(core, "output_and_features", Concat{}, {core.outputs[0], feature}, outputs + width)};
  check(core);
  return core;
}

// The same logits have to mean the same showers.
void check_heads(const Model& teacher, const Model& student) {
  const std::optional<SoftmaxSplit> a = softmax_heads(teacher), b = softmax_heads(student);
  if (a.has_value() != b.has_value() || (a && (a->layer_voxels != b->layer_voxels || a->total_scale != b->total_scale)))
    fail("tuning: ", teacher.name, " and ", student.name, " make different showers of the same outputs: ",
         a ? "the teacher's softmaxes are not the student's" : "the student ends in softmaxes, the teacher does not");
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

TuneState start_tune(const Model& teacher, const Model& student, const TuneSettings& s) {
  if (s.batch < 1 || s.steps < 0) fail("tuning: ", s.steps, " steps of ", s.batch, " events");
  const Model guide = generator_core(teacher);
  TuneState state;
  state.core = generator_core(student);
  check_pair(guide, state.core);
  check_heads(teacher, student);
  if (s.feature_weight > 0) {
    const int width = guide.values[index(last_hidden(guide))].width;
    state.core = with_features(std::move(state.core), &width, s.seed);
  }
  state.average = state.core;
  state.first = state.second = zeros_like(state.core);
  return state;
}

std::uint64_t tune_hash(const Model& teacher, const TuneState& start, const TuneSettings& s) {
  Hash h;
  h.word(s.seed), h.integers({s.steps, s.batch, s.latent_bits});
  for (double x : {s.learning_rate, s.beta1, s.beta2, s.average, s.decay_from, s.feature_weight}) h.number(x);
  if (softmax_heads(teacher)) h.number(s.temperature);
  for (const Model* m : {&teacher, &start.core})
    for_each_parameter(*m, [&](std::size_t, const std::string&, const Tensor& t) { h.tensor(t); });
  return h.value;
}

TuneState tune(const Model& teacher, TuneState state, const TuneSettings& s, const TuneControl& control, int threads) {
  Model guide = generator_core(teacher);
  const OutputLoss compared = output_loss(teacher, s.temperature, s.feature_weight);
  if (s.feature_weight > 0) guide = with_features(std::move(guide), nullptr, s.seed);
  const InputSource source = input_source(guide, s.seed, s.latent_bits);
  Model& core = state.core;
  Model gradient = zeros_like(core), mask = free_parameters(core);
  const AdamTensors tensors{parameter_tensors(core), parameter_tensors(gradient), parameter_tensors(state.first),
                            parameter_tensors(state.second)};
  const std::vector<Tensor*> average_tensors = parameter_tensors(state.average);
  std::vector<Tensor*> mask_tensors = parameter_tensors(mask);
  Shards guided, shards;
  TuneEvents batch;
  std::vector<Tensor> inputs;
  Tensor slope;
  const double tight = s.schedule ? std::floor(s.schedule->until * (s.steps - 1)) : 0;  // the last sparsity's step
  while (state.step < s.steps) {
    const std::int64_t step = state.step;
    const double now = static_cast<double>(step);
    if (s.schedule && now <= tight && (step % s.schedule->every == 0 || now == tight)) {
      const SparsitySchedule& c = *s.schedule;
      mask = free_parameters(prune(core, cubic_sparsity(c.first, c.last, now, tight), c.scope));
      mask_tensors = parameter_tensors(mask);
      for (const auto& masked : {tensors.parameters, tensors.first, tensors.second, average_tensors})
        mask_step(masked, mask_tensors, threads);
    }
    const std::uint64_t event = static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(s.batch);
    draw(source, event, s.batch, batch, threads);
    inputs_of(guide, batch, inputs);
    forward(guide, inputs, Mode::inference, guided, threads);
    inputs_of(core, batch, inputs);
    forward(core, inputs, Mode::inference, shards, threads);
    const double loss = output_difference(compared, shards.output, guided.output, slope);
    if (!std::isfinite(loss))
      fail("tuning: the loss is no longer finite at step ", step + 1, "; lower tune_learning_rate (", s.learning_rate,
           ")");
    backward(core, shards, slope, gradient, {}, true, threads);
    mask_step(tensors.gradient, mask_tensors, threads);
    adam_step(tensors, {scheduled_rate(s.learning_rate, s.decay_from, step, s.steps), s.beta1, s.beta2, 1e-8}, step + 1,
              threads);
    average_step(average_tensors, tensors.parameters,
                 std::min(s.average, static_cast<double>(1 + step) / static_cast<double>(10 + step)), threads);
    ++state.step;
    const bool stopped = control.stop && control.stop->load();
    if (control.checkpoint && (stopped || is_due(state.step, control.checkpoint_every))) control.checkpoint(state);
    if (control.progress) control.progress(state.step, s.steps, loss);
    if (stopped) break;
  }
  return state;
}

Model tune(const Model& teacher, Model student, const TuneSettings& s, const TuneControl& control, int threads) {
  TuneState state = tune(teacher, start_tune(teacher, student, s), s, control, threads);
  return with_core(std::move(student), state.average);
}

}  // namespace quench
