// Tuning while quantised: what learns is the program that ships, and it comes back to its teacher.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/compress/calibrate.h"
#include "engine/model/forward.h"
#include "engine/run/run.h"
#include "engine/train/deploy.h"
#include "engine/train/gan.h"
#include "engine/train/tune_events.h"
#include "engine/train/tune_quantized.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

// A third of the weights of each Linear, the smallest, become 0.
Model pruned(Model model) {
  for (Node& node : model.nodes)
    if (Linear* op = std::get_if<Linear>(&node.op))
      for (float& w : op->weight.data)
        if (std::fabs(w) < 0.12f) w = 0;
  return model;
}

TuneSettings quick(int steps) {
  TuneSettings s;
  s.steps = steps, s.batch = 64, s.learning_rate = 3e-3, s.average = 0.98;
  return s;
}

Quantized in_integers(const Model& deployed, const QuantizeSettings& formats) {
  const InputSource source = input_source(generator_core(deployed), 5, 8);
  return quantize_with_places(deployed, calibrate(deployed, inputs_of(deployed, draw(source, 0, 500, 1)), 1), formats);
}

// The standardised numbers of the events first ..., as the deployed program's integers say them.
Tensor program_numbers(const Model& deployed, const Quantized& q, const InputSource& source, const Tensor& energies) {
  const Node* affine = nullptr;
  for (const Node& node : deployed.nodes)
    if (std::holds_alternative<ConditionalAffine>(node.op)) affine = &node;
  const CodedValue& coded = q.values.at(index(affine->inputs[0]));
  const QValue& v = q.program.values[index(coded.value)];
  Tensor numbers = zeros({energies.rows(), v.length});
  for (int i = 0; i < energies.rows(); ++i) {
    std::vector<Words> inputs;
    for (ValueId id : q.program.inputs)
      inputs.push_back(q.program.values[index(id)].meaning == Meaning::event
                           ? event_words(source.latent_seed, static_cast<std::uint64_t>(i))
                           : Words{energy_count(q.program, static_cast<double>(energies.row(i)[0]))});
    const Words codes = run_values(q.program, inputs)[index(coded.value)];
    for (int j = 0; j < v.length; ++j)
      numbers.row(i)[j] =
          static_cast<float>((static_cast<std::int32_t>(codes[static_cast<std::size_t>(j)]) - v.zero) * v.scale);
  }
  return numbers;
}

double program_difference(const Model& guide, const QuantizedStudent& student) {
  const Model core = generator_core(guide);
  const InputSource source = input_source(core, 77, 8);
  const TuneEvents events = draw(source, 0, 1000, 1);
  Tensor unused;
  return mean_square(
      program_numbers(student.model, in_integers(student.model, student.formats), source, events.energies),
      infer(core, inputs_of(core, events)), unused);
}

QuantizeSettings bits(int n) {
  QuantizeSettings s;
  s.bits = n;
  return s;
}

// The generator's core with weights far from 0.
Model core_of(const GanSettings& settings) {
  const Preprocessing p = fit_preprocessing(toy_events(500), toy_geometry(), 1);
  Model generator = gan_generator(settings, p);
  for_each_parameter(generator, [](std::size_t, const std::string&, Tensor& t) {
    for (float& w : t.data) w *= 2;
  });
  return generator_core(deploy(generator, p));
}

GanSettings small_generator(const std::string& activation, bool skip) {
  GanSettings s;
  s.latent = 6, s.hidden = {24, 24}, s.batch_norm = false, s.activation = activation, s.skip = skip;
  return s;
}

// A step of training: all parameters move, and weights become 0 or come back.
void move(Model& core, int step) {
  for_each_parameter(core, [&](std::size_t, const std::string&, Tensor& t) {
    for (std::size_t i = 0; i < t.size(); ++i) {
      t.data[i] += 0.02f * std::sin(static_cast<float>(i + 1) * static_cast<float>(step));
      if (i % 7 == static_cast<std::size_t>(step)) t.data[i] = 0;
    }
  });
}

// The program's own steps times `factor`, as if learned.
void give_steps(const Model& core, const Quantized& q, double factor, QuantizeSettings& formats) {
  for (const CodedLinear& place : q.linears) {
    LayerFormat& own = formats.layers[core.nodes[place.node].name];
    own.weight_scale = std::get<QLinear>(q.program.nodes[place.program_node].op).weight_scale;
    for (double& s : own.weight_scale) s *= factor;
    own.output_scale = factor * q.program.values[index(q.values.at(index(place.output)).value)].scale;
  }
}

// Takes the program through three steps of training, each against the program that is quantised anew; true when all
// were made in place.
bool follows(Model core, QuantizeSettings formats) {
  const InputSource source = input_source(core, 5, 8);
  const std::vector<Range> ranges = calibrate(core, inputs_of(core, draw(source, 0, 500, 1)), 1);
  const bool learns = !formats.power_of_two && !formats.fixed_width;
  Quantized q = quantize_with_places(core, ranges, formats);
  if (learns) give_steps(core, q, 0.9, formats), q = quantize_with_places(core, ranges, formats);
  int in_place = 0;
  for (int step = 1; step <= 3; ++step) {
    const Program before = q.program;
    move(core, step);
    if (learns) give_steps(core, q, 1.01, formats);
    in_place += quantize_again(q, core, ranges, formats);
    const Quantized anew = quantize_with_places(core, ranges, formats);
    CHECK(q.program == anew.program);
    CHECK_FALSE(q.program == before);
    CHECK(q.linears.size() == anew.linears.size());
    for (std::size_t l = 0; l < anew.linears.size(); ++l) {
      CHECK(q.linears[l].program_node == anew.linears[l].program_node);
      CHECK(q.linears[l].column_factor == anew.linears[l].column_factor);
    }
    CHECK(q.values.size() == anew.values.size());
    for (const auto& [v, coded] : anew.values) {
      CHECK(index(q.values.at(v).value) == index(coded.value));
      CHECK(q.values.at(v).scale == coded.scale);
    }
  }
  return in_place == 3;
}

}  // namespace

TEST_CASE("a program that is quantised again in place is the one that is quantised anew") {
  const Model core = core_of(small_generator("relu", false)), leaky = core_of(small_generator("leaky-relu", false));
  QuantizeSettings one_scale = bits(4), fixed = bits(8), affine = bits(5), narrow = bits(6), shift = bits(4),
                   affine_weights = bits(4);
  one_scale.per_channel = false;
  fixed.fixed_width = 12, fixed.fixed_integer = 5;
  affine.symmetric = false;
  affine_weights.symmetric_weights = false;
  narrow.multiplier = "narrow";
  shift.power_of_two = true;
  for (const QuantizeSettings& s : {bits(3), one_scale, fixed, affine, narrow, shift, affine_weights})
    CHECK(follows(core, s));
  for (const QuantizeSettings& s : {bits(3), one_scale, affine, narrow}) CHECK(follows(leaky, s));
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine})
    CHECK(follows(generator_core(flow_teacher(kind)), bits(4)));
}

TEST_CASE("where more than Linears depends on weights or steps, quantising again quantises anew") {
  Model tables = core_of(small_generator("relu", false));
  for (Node& node : tables.nodes)
    if (std::holds_alternative<Relu>(node.op)) node.op = Tanh{};
  CHECK_FALSE(follows(tables, bits(4)));
  CHECK_FALSE(follows(core_of(small_generator("relu", true)), bits(4)));  // a Sum reads two Linears
  FlowSettings settings;
  settings.couplings = 4, settings.hidden = {24}, settings.act_norm = true;
  const Preprocessing p = fit_preprocessing(toy_events(500), toy_geometry(), 1);
  const Model flow = deploy(flow_sampling(flow_density(settings, 5, &p.condition)), p);
  CHECK_FALSE(follows(generator_core(flow), bits(4)));
}

TEST_CASE("the first step: twice the mean over the root of the largest code, at most what holds the largest weight") {
  CHECK(learned_step_start({0.9, 0, -1.1, 1.0, 0, -1.0}, 3) == doctest::Approx(1.1 / 3));
  std::vector<double> long_tail(99, 0.1);
  long_tail.push_back(3);
  CHECK(learned_step_start(long_tail, 4) == doctest::Approx(2 * (9.9 + 3) / 100 / std::sqrt(7.0)));
  CHECK(learned_step_start({0, 0}, 4) == 0);
}

TEST_CASE("the forward pass of tuning is the program that ships: the same codes, so the same loss") {
  const Model guide = toy_generator(), student = pruned(guide);
  QuantizeSettings formats = bits(3);
  const Quantized start = in_integers(student, formats);
  for (const CodedLinear& place : start.linears) {  // scales whose logarithms are floats
    LayerFormat& own = formats.layers[student.nodes[place.node].name];
    const auto rounded = [](double x) { return std::exp(static_cast<double>(static_cast<float>(std::log(x)))); };
    for (double s : std::get<QLinear>(start.program.nodes[place.program_node].op).weight_scale)
      own.weight_scale.push_back(rounded(0.7 * s));  // some weights are clipped
    own.output_scale = rounded(0.8 * start.program.values[index(start.values.at(index(place.output)).value)].scale);
  }
  double loss = 0;
  TuneControl control;
  control.progress = [&](std::int64_t step, std::int64_t, double mean) { loss = step == 1 ? mean : loss; };
  const TuneSettings s = quick(2);
  tune_quantized(guide, {student, formats}, s, control);

  const Model core = generator_core(guide);
  const InputSource source = input_source(core, s.seed, s.latent_bits);
  const TuneEvents events = draw(source, 0, s.batch, 1);
  Tensor unused;
  const Tensor shipped = program_numbers(student, in_integers(student, formats), source, events.energies);
  CHECK(loss == mean_square(shipped, infer(core, inputs_of(core, events)), unused));
  CHECK(loss > 0);
}

TEST_CASE("a program of few bits comes back to its teacher, and empty weights stay empty") {
  const Model guide = toy_generator();
  const QuantizedStudent before{pruned(guide), bits(3)};
  const QuantizedStudent after = tune_quantized(guide, before, quick(600));
  const double rounded = program_difference(guide, before), tuned = program_difference(guide, after);
  CHECK(rounded > 0.01);
  CHECK(tuned < 0.4 * rounded);
  int zeros = 0;
  for (std::size_t i = 0; i < guide.nodes.size(); ++i)
    if (const Linear* a = std::get_if<Linear>(&before.model.nodes[i].op))
      for (std::size_t k = 0; k < a->weight.size(); ++k)
        if (a->weight.data[k] == 0) {
          ++zeros;
          REQUIRE(std::get<Linear>(after.model.nodes[i].op).weight.data[k] == 0);
        }
  CHECK(zeros > 100);
  // The steps have learned, too.
  const QuantizedStudent one = tune_quantized(guide, before, quick(1));
  for (const auto& [name, own] : after.formats.layers)
    CHECK(own.weight_scale != one.formats.layers.at(name).weight_scale);
}

TEST_CASE("tuning while quantised goes through the couplings of a flow") {
  for (CouplingKind kind : {CouplingKind::additive, CouplingKind::affine}) {
    const Model guide = flow_teacher(kind);
    const QuantizedStudent before{pruned(guide), bits(3)};
    const double rounded = program_difference(guide, before),
                 tuned = program_difference(guide, tune_quantized(guide, before, quick(300)));
    INFO(std::string(coupling_name(kind)), ": ", rounded, " becomes ", tuned);
    CHECK(rounded > 0.01);
    CHECK(tuned < 0.5 * rounded);
  }
}

TEST_CASE("tuning while quantised: the same bytes for any number of threads") {
  const Model guide = toy_generator();
  TuneSettings s = quick(4);
  s.batch = 200;
  const QuantizedStudent one = tune_quantized(guide, {guide, bits(4)}, s, {}, 1),
                         three = tune_quantized(guide, {guide, bits(4)}, s, {}, 3);
  CHECK(one.model == three.model);
  for (const auto& [name, own] : one.formats.layers)
    CHECK(own.weight_scale == three.formats.layers.at(name).weight_scale);
}

TEST_CASE("powers of two stay what they are") {
  QuantizeSettings formats = bits(4);
  formats.power_of_two = true;
  const Model guide = toy_generator();
  const QuantizedStudent after = tune_quantized(guide, {guide, formats}, quick(100));
  CHECK(after.formats.layers.empty());
  CHECK(program_difference(guide, after) < 0.7 * program_difference(guide, {guide, formats}));
}
