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

}  // namespace

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
