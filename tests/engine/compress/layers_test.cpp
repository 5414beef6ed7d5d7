// Every layer beside Linear, quantised: programs against the float model, event by event.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/run/run.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

constexpr int events = 300;

Linear random_linear(int inputs, int outputs, std::uint32_t seed) {
  return {random_tensor({outputs, inputs}, seed), random_tensor({outputs}, seed + 1, -0.3f, 0.3f)};
}

struct Outcome {
  Program program;
  Tensor exact, got;   // of the float model and of the program, on inputs that codes hold exactly
  double worst_codes;  // largest difference, in codes of the program's output
};

// Quantises a model of features inputs on inputs in [-reach, reach) and runs both.
Outcome quantized(const Model& m, const QuantizeSettings& s = {}, float reach = 2.0f) {
  check(m);
  std::vector<Tensor> inputs;
  for (const ModelInput& in : m.inputs)
    inputs.push_back(random_tensor({events, m.values[index(in.value)].width},
                                   static_cast<std::uint32_t>(50 + inputs.size()), -reach, reach));
  Outcome o;
  o.program = quantize(m, calibrate(m, inputs, 1), s);
  const QValue& out = o.program.values[index(o.program.output)];
  std::vector<std::vector<Words>> words(events);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const QValue& v = o.program.values[index(o.program.inputs[k])];
    for (int i = 0; i < events; ++i) {
      Words row;
      for (int j = 0; j < v.length; ++j) {
        float& x = inputs[k].row(i)[j];
        const double code = std::clamp(std::round(x / v.scale), static_cast<double>(v.low), static_cast<double>(v.high));
        row.push_back(static_cast<std::uint32_t>(static_cast<std::int32_t>(code)));
        x = static_cast<float>(code * v.scale);
      }
      words[static_cast<std::size_t>(i)].push_back(row);
    }
  }
  o.exact = infer(m, inputs);
  o.got = zeros({events, out.length});
  o.worst_codes = 0;
  for (int i = 0; i < events; ++i) {
    const Words y = run_values(o.program, words[static_cast<std::size_t>(i)])[index(o.program.output)];
    for (int j = 0; j < out.length; ++j) {
      const double real = (static_cast<std::int32_t>(y[static_cast<std::size_t>(j)]) - out.zero) * out.scale;
      o.got.row(i)[j] = static_cast<float>(real);
      o.worst_codes = std::max(o.worst_codes, std::fabs(real - static_cast<double>(o.exact.row(i)[j])) / out.scale);
    }
  }
  return o;
}

// features x [events, width] -> op -> output.
Model alone(Op op, int width) {
  Model m;
  m.name = "alone";
  const Value x = add_input(m, "x", width, InputKind::features);
  m.outputs = {append(m, "layer", std::move(op), {x}, width)};
  return m;
}

}  // namespace

TEST_CASE("a permutation of codes is exact, and the layer before it keeps the bits of what follows") {
  const Permute op{{3, 0, 4, 1, 2}};
  CHECK(quantized(alone(op, 5)).worst_codes < 1e-3);
  Model m;
  m.name = "mixed";
  const Value x = add_input(m, "x", 6, InputKind::features);
  const Value h = append(m, "fc", random_linear(6, 5, 1), {x}, 5);
  m.outputs = {append(m, "mix", op, {h}, 5)};
  const Outcome o = quantized(m);
  const QValue& out = o.program.values[index(o.program.output)];
  CHECK(out.bits == 16);
  CHECK(o.worst_codes * out.scale < 0.05);
}

TEST_CASE("a permutation between a concatenation and a Linear moves the scales of the columns along") {
  Model m;
  m.name = "scales";
  m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
  const Value z = add_input(m, "z", 3, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
  const Value c = append(m, "condition", LogEnergy{10000.0}, {e}, 1);
  const Value joined = append(m, "join", Concat{}, {z, c}, 4);
  const Value mixed = append(m, "mix", Permute{{3, 1, 0, 2}}, {joined}, 4);
  Linear op = linear(4, 2);
  op.weight.data = {1, 0, 0, 0, 0, 1, 0, 0};  // the condition, and latent 1
  m.outputs = {append(m, "fc", op, {mixed}, 2)};
  const Tensor energies = log_uniform_energies(m.facts, 3, 0, events);
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, 8, 1);
  const Program p = quantize(m, calibrate(m, in, 1), {});
  const Tensor exact = infer(m, in);
  const double scale = p.values[index(p.output)].scale;
  for (int i = 0; i < events; ++i) {
    const Words y = run_values(p, {event_words(3, static_cast<std::uint64_t>(i)),
                                   {energy_count(p, energies.data[static_cast<std::size_t>(i)])}})[index(p.output)];
    for (int j = 0; j < 2; ++j)
      REQUIRE(static_cast<std::int32_t>(y[static_cast<std::size_t>(j)]) * scale ==
              doctest::Approx(exact.row(i)[j]).epsilon(0.02));
  }
}
