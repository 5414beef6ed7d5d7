// The loop of tuning while quantised.
// SPDX-License-Identifier: MIT
#include "engine/train/tune_quantized.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>

#include "engine/compress/calibrate.h"
#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/run/run.h"
#include "engine/tensor/vector_for.h"
#include "engine/train/adam.h"
#include "engine/train/dead_zone.h"
#include "engine/train/deploy.h"
#include "engine/train/tune_events.h"

namespace quench {
namespace {

constexpr int calibration_events = 2048;
constexpr double step_rate = 0.1;  // of the learning rate: a step moves all codes of a row at once

// What learns besides the weights: for every Linear the logarithms of its weights' steps [rows] or [1], then that of
// its outputs' [1]. Logarithms stay positive and move in proportion.
using Steps = std::vector<Tensor>;

std::vector<Tensor*> pointers(Steps& steps) {
  std::vector<Tensor*> all;
  for (Tensor& t : steps) all.push_back(&t);
  return all;
}

std::vector<Tensor*> joined(std::vector<Tensor*> a, const std::vector<Tensor*>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Gives the layers' formats these steps.
void set_steps(const Model& core, const std::vector<CodedLinear>& linears, const Steps& steps,
               QuantizeSettings& formats) {
  for (std::size_t l = 0; l < linears.size(); ++l) {
    LayerFormat& own = formats.layers[core.nodes[linears[l].node].name];
    own.weight_scale.clear();
    for (float s : steps[2 * l].data) own.weight_scale.push_back(std::exp(static_cast<double>(s)));
    own.output_scale = std::exp(static_cast<double>(steps[2 * l + 1].data[0]));
  }
}

const QLinear& integers(const Quantized& q, const CodedLinear& place) {
  return std::get<QLinear>(q.program.nodes[place.program_node].op);
}

// Steps to begin with: of weights as learned_step_start() unless the formats have their own, of outputs as the ranges
// say.
Steps first_steps(const Model& core, const Quantized& q, const QuantizeSettings& formats) {
  Steps steps;
  for (const CodedLinear& place : q.linears) {
    const Linear& op = std::get<Linear>(core.nodes[place.node].op);
    const QLinear& codes = integers(q, place);
    std::vector<double> scale = codes.weight_scale;
    const auto own = formats.layers.find(core.nodes[place.node].name);
    const bool given = own != formats.layers.end() && !own->second.weight_scale.empty();
    const int rows = op.weight.rows(), columns = op.weight.columns(),
              share = static_cast<int>(scale.size()) > 1 ? 1 : rows;
    if (!given && !formats.power_of_two && !formats.fixed_width)
      for (int r = 0; r < rows; r += share) {
        std::vector<double> seen;
        for (int i = r; i < r + share; ++i)
          for (int k = 0; k < columns; ++k)
            seen.push_back(static_cast<double>(op.weight.row(i)[k]) * place.column_factor[static_cast<std::size_t>(k)]);
        const double start = learned_step_start(seen, codes.weight_bits);
        if (start > 0) scale[static_cast<std::size_t>(r)] = start;
      }
    Tensor logs = zeros({static_cast<int>(scale.size())});
    for (std::size_t r = 0; r < scale.size(); ++r) logs.data[r] = static_cast<float>(std::log(scale[r]));
    steps.push_back(std::move(logs));
    const QValue& out = q.program.values[index(q.values.at(index(place.output)).value)];
    steps.push_back({{1}, {static_cast<float>(std::log(out.scale))}});
  }
  return steps;
}

// The core whose weights are what its codes stand for.
void set_weights(Model& core, const Quantized& q) {
  for (const CodedLinear& place : q.linears) {
    const QLinear& codes = integers(q, place);
    Tensor& weight = std::get<Linear>(core.nodes[place.node].op).weight;
    const std::size_t columns = place.column_factor.size();
    vector_loop([&] {
      const double* factor = place.column_factor.data();
      for (int r = 0; r < codes.rows; ++r) {
        const double scale = codes.weight_scale[codes.weight_scale.size() > 1 ? static_cast<std::size_t>(r) : 0];
        const std::int16_t* code = codes.weight.data() + static_cast<std::size_t>(r) * columns;
        float* to = weight.row(r);
        for (std::size_t k = 0; k < columns; ++k) to[k] = static_cast<float>(code[k] * scale / factor[k]);
      }
    });
  }
}

// Codes [events][length] as real numbers [events, length].
void set_values(const Quantized& q, const CodedValue& coded, const Words& words, int events, Tensor& to) {
  const QValue& v = q.program.values[index(coded.value)];
  resize(to, events, v.length);
  const std::size_t length = static_cast<std::size_t>(v.length);
  vector_loop([&] {
    const double* scale = coded.scale.data();
    for (int e = 0; e < events; ++e) {
      const std::uint32_t* word = words.data() + static_cast<std::size_t>(e) * length;
      float* real = to.row(e);
      for (std::size_t k = 0; k < length; ++k)
        real[k] = static_cast<float>((static_cast<std::int32_t>(word[k]) - v.zero) * scale[k]);
    }
  });
}

struct Forward {
  const Model& core;  // with the codes' weights
  const Quantized& q;
  const InputSource& source;
  const TuneEvents& events;
  std::uint64_t first;  // number of the batch's first event

  // Before the rounding: what a Linear and its activation make of the integers they read.
  void real_output(const CodedLinear& place, const Tensor& x, Tensor& y) const {
    forward(std::get<Linear>(core.nodes[place.node].op), x, y, 1);
    if (place.output == core.nodes[place.node].output) return;
    for (const Node& node : core.nodes)
      if (node.inputs == std::vector<Value>{core.nodes[place.node].output}) {
        if (std::holds_alternative<Relu>(node.op))
          for (float& v : y.data) v = std::max(v, 0.0f);
        if (const LeakyRelu* leaky = std::get_if<LeakyRelu>(&node.op))
          for (float& v : y.data) v = v < 0 ? v * leaky->slope : v;
      }
  }

  // Fills a tape with what the integers stand for, so that the float way back is taken straight through them.
  void operator()(Tape& tape, int begin, int count, int) const {
    const std::vector<Words> inputs =
        program_inputs(q.program, source.latent_seed, first + static_cast<std::uint64_t>(begin),
                       {events.energies.row(begin), static_cast<std::size_t>(count)});
    const std::vector<Words> words = run_batch(q.program, inputs, count);
    tape.mode = Mode::inference;
    tape.values.resize(core.values.size()), tape.saved.resize(core.nodes.size());
    for (std::size_t v = 0; v < core.values.size(); ++v) {
      const auto found = q.values.find(v);
      if (found == q.values.end())
        resize(tape.values[v], count, core.values[v].width);
      else
        set_values(q, found->second, words[index(found->second.value)], count, tape.values[v]);
    }
    for (std::size_t i = 0; i < core.nodes.size(); ++i)
      if (const Coupling* op = std::get_if<Coupling>(&core.nodes[i].op)) {
        const std::vector<Value>& inputs = core.nodes[i].inputs;
        thread_local Tensor unused;  // the moved numbers are the integers'; only what the way back needs is kept
        forward(*op, tape.values[index(inputs[0])], tape.values[index(inputs[1])], unused, tape.saved[i], 1);
      }
    for (const CodedLinear& place : q.linears) {
      const Node& node = core.nodes[place.node];
      std::vector<Tensor>& saved = tape.saved[place.node];
      saved.resize(1);
      real_output(place, tape.values[index(node.inputs[0])], saved[0]);
      if (place.output == node.output) continue;
      // The activation's way back asks for its input's sign; 0 where the output is clipped, which stops a ReLU's way
      // back but not a leaky one's, whose clipped outputs are taken straight through, as those of bare Linears.
      const CodedValue& coded = q.values.at(index(place.output));
      const std::int64_t high = q.program.values[index(coded.value)].high;
      Tensor& before = tape.values[index(node.output)];
      before.data = tape.values[index(place.output)].data;
      for (std::size_t i = 0; i < before.size(); ++i)
        if (static_cast<std::int32_t>(words[index(coded.value)][i]) >= high) before.data[i] = 0;
    }
  }
};

// d loss / d ln step: the sum of slope * (quantised - real) inside the codes' range, of slope * quantised beyond it.
// `slope` holds the gradient of the quantised weights and becomes that of the real ones.
void weight_gradient(const Model& core, const Model& coded, const Quantized& q, const std::optional<DeadZones>& zones,
                     Model& slope, Steps& steps) {
  for (std::size_t l = 0; l < q.linears.size(); ++l) {
    const CodedLinear& place = q.linears[l];
    const QLinear& codes = integers(q, place);
    const Tensor& real = std::get<Linear>(core.nodes[place.node].op).weight;
    const Tensor& quantised = std::get<Linear>(coded.nodes[place.node].op).weight;
    Tensor& gradient = std::get<Linear>(slope.nodes[place.node].op).weight;
    const std::size_t columns = place.column_factor.size();
    const std::size_t parts = steps[2 * l].size(), part = real.size() / parts;
    for (std::size_t p = 0; p < parts; ++p) {
      const Interval range = code_range(codes, p);
      const double step = codes.weight_scale[p], low = static_cast<double>(range.low) - 0.5,
                   high = static_cast<double>(range.high) + 0.5;
      double sum = 0;
      for (std::size_t i = p * part, k = 0; i < (p + 1) * part; ++i, k = k + 1 < columns ? k + 1 : 0) {
        const float w = real.data[i];
        if (w == 0) {
          gradient.data[i] = 0;  // pruned
          continue;
        }
        if (zones && zones->holds(l, w)) continue;  // 0 whatever the step
        const double code = static_cast<double>(w) * place.column_factor[k] / step;
        const bool clipped = code < low || code > high;
        const double difference = clipped ? static_cast<double>(quantised.data[i])
                                          : static_cast<double>(quantised.data[i]) - static_cast<double>(w);
        sum += static_cast<double>(gradient.data[i]) * difference;
        if (clipped) gradient.data[i] = 0;
      }
      steps[2 * l].data[p] = static_cast<float>(sum);
    }
  }
}

// A coupling's parameters, whose steps are whole powers of two of the steps of what they move.
bool moves(const Model& core, Value v) {
  return std::any_of(core.nodes.begin(), core.nodes.end(), [&](const Node& node) {
    return std::holds_alternative<Coupling>(node.op) && node.inputs[1] == v;
  });
}

// The same for the steps of hidden outputs; those of the last layer and of parameters stay, their codes are many.
void output_gradient(const Model& core, const Quantized& q, const Shards& shards, Steps& steps) {
  for (std::size_t l = 0; l < q.linears.size(); ++l) {
    const CodedLinear& place = q.linears[l];
    if (place.output == core.outputs[0] || moves(core, place.output)) continue;
    const QValue& out = q.program.values[index(q.values.at(index(place.output)).value)];
    const float low = static_cast<float>(static_cast<double>(out.low - out.zero) * out.scale),
                high = static_cast<float>(static_cast<double>(out.high - out.zero) * out.scale);
    double sum = 0;
    for (std::size_t k = 0; k + 1 < shards.begin.size(); ++k) {
      const Tape& tape = shards.tapes[k];
      const Tensor &slope = tape.gradients[index(place.output)], &quantised = tape.values[index(place.output)],
                   &real = tape.saved[place.node][0];
      for (std::size_t i = 0; i < slope.size(); ++i)
        sum +=
            static_cast<double>(slope.data[i]) *
            static_cast<double>(quantised.data[i] - (real.data[i] < low || real.data[i] > high ? 0.0f : real.data[i]));
    }
    steps[2 * l + 1].data[0] = static_cast<float>(sum);
  }
}

Steps zeros_like(const Steps& steps) {
  Steps all;
  for (const Tensor& t : steps) all.push_back(zeros({static_cast<int>(t.size())}));
  return all;
}

}  // namespace

double learned_step_start(const std::vector<double>& row, int bits) {
  double sum = 0, largest = 0, count = 0;
  for (double w : row) {
    sum += std::fabs(w), largest = std::max(largest, std::fabs(w));
    count += w != 0;
  }
  if (largest == 0) return 0;
  const double most = (1 << (bits - 1)) - 1;
  return std::min(2 * sum / count / std::sqrt(most), largest / most);
}

QuantizedStudent tune_quantized(const Model& teacher, QuantizedStudent student, const TuneSettings& s,
                                const TuneControl& control, int threads, const RealShowers* showers) {
  if (s.batch < 1 || s.steps < 0) fail("tuning: ", s.steps, " steps of ", s.batch, " events");
  if (s.alpha < 1 && !showers)
    fail("tuning: alpha ", s.alpha, " leaves ", 1 - s.alpha, " to a critic, but there are no real showers for it");
  const Model guide = generator_core(teacher);
  Model core = generator_core(student.model);
  check_pair(guide, core);
  const InputSource source = input_source(guide, s.seed, s.latent_bits);
  const std::vector<Range> ranges =
      calibrate(core, inputs_of(core, draw(source, 0, calibration_events, threads)), threads);
  QuantizeSettings& formats = student.formats;
  const bool learns = !formats.power_of_two && !formats.fixed_width;
  Quantized q = quantize_with_places(core, ranges, formats);
  const std::vector<CodedLinear> linears = q.linears;
  Steps steps = first_steps(core, q, formats), step_slopes = zeros_like(steps), step_first = step_slopes,
        step_second = step_slopes, step_average = steps;
  if (learns) set_steps(core, linears, steps, formats), q = quantize_with_places(core, ranges, formats);
  Model coded = core, gradient = quench::zeros_like(core), first = gradient, second = gradient, average = core;
  const AdamTensors weights{parameter_tensors(core), parameter_tensors(gradient), parameter_tensors(first),
                            parameter_tensors(second)};
  const AdamTensors stepping{pointers(steps), pointers(step_slopes), pointers(step_first), pointers(step_second)};
  const std::vector<Tensor*> averages = joined(parameter_tensors(average), pointers(step_average)),
                             learning = joined(weights.parameters, stepping.parameters);
  Shards guided, shards;
  TuneEvents batch;
  std::vector<Tensor> inputs;
  Tensor slope, adversarial;
  AdversarySettings against;
  against.seed = s.seed, against.batch = s.batch;
  std::optional<DeadZones> zones;
  if (s.dead_zone > 0) zones.emplace(core, linears, s.dead_zone);
  std::optional<Adversary> adversary;
  if (s.alpha < 1) adversary.emplace(*showers, against);
  const std::int64_t alone = adversary ? s.critic_warm_up : 0;
  for (std::int64_t step = -alone; step < s.steps; ++step) {
    const std::int64_t drawn = step + alone;
    const std::uint64_t event = static_cast<std::uint64_t>(drawn) * static_cast<std::uint64_t>(s.batch);
    draw(source, event, s.batch, batch, threads);
    if (adversary) batch.energies = adversary->events(drawn);
    if (learns) set_steps(core, linears, steps, formats);
    coded = core;
    if (zones) zones->clear(core, coded);
    quantize_again(q, coded, ranges, formats);
    set_weights(coded, q);
    forward_by(Forward{coded, q, source, batch, event}, coded, s.batch, shards, threads);
    const double rate = scheduled_rate(s.learning_rate, s.decay_from, std::max<std::int64_t>(step, 0), s.steps);
    if (adversary) adversary->step(shards.output, drawn, rate / s.learning_rate, threads);
    if (step < 0 && control.stop && control.stop->load()) break;
    if (step < 0) continue;
    inputs_of(guide, batch, inputs);
    forward(guide, inputs, Mode::inference, guided, threads);
    double loss = mean_square(shards.output, guided.output, slope);
    if (adversary) {
      loss = s.alpha * loss + (1 - s.alpha) * adversary->student_gradient(adversarial, threads);
      const float a = static_cast<float>(s.alpha), b = static_cast<float>(1 - s.alpha);
      for (std::size_t i = 0; i < slope.size(); ++i) slope.data[i] = a * slope.data[i] + b * adversarial.data[i];
    }
    if (!std::isfinite(loss))
      fail("tuning: the loss is no longer finite at step ", step + 1, "; lower tune_learning_rate (", s.learning_rate,
           ")");
    backward(coded, shards, slope, gradient, {}, true, threads);
    if (zones && static_cast<double>(step) >= DeadZones::learned_until * s.steps) {  // what is inside stays 0
      for (Model* m : {&gradient, &first, &second, &average}) zones->clear(core, *m);
      zones->clear(core, core);
      zones.reset();
    }
    if (zones) zones->step(core, coded, gradient, static_cast<double>(step) / s.steps);
    weight_gradient(core, coded, q, zones, gradient, step_slopes);
    output_gradient(core, q, shards, step_slopes);
    adam_step(weights, {rate, s.beta1, s.beta2, 1e-8}, step + 1, threads);
    if (learns) adam_step(stepping, {step_rate * rate, s.beta1, s.beta2, 1e-8}, step + 1, threads);
    average_step(averages, learning,
                 std::min(s.average, static_cast<double>(1 + step) / static_cast<double>(10 + step)), threads);
    if (control.progress) control.progress(step + 1, s.steps, loss);
    if (control.stop && control.stop->load()) break;
  }
  if (learns) set_steps(core, linears, step_average, formats);
  student.model = with_core(std::move(student.model), zones ? zones->cleared(average) : average);
  return student;
}

}  // namespace quench
