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
  for (Tensor& x : inputs) x.data[0] = reach, x.data[1] = -reach;  // the largest input is a code: none rounds beyond it
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
        const double code =
            std::clamp(std::round(x / v.scale), static_cast<double>(v.low), static_cast<double>(v.high));
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

TEST_CASE("sums and products of codes follow the float model, with every kind of scale") {
  for (const Op& op : {Op(Sum{}), Op(Product{})})
    for (int kind = 0; kind < 4; ++kind) {
      INFO(std::string(type_name(op)), ", settings ", kind);
      QuantizeSettings s;
      if (kind == 1) s.power_of_two = true;
      if (kind == 2) s.activation_bits = 15, s.multiplier = "narrow";
      if (kind == 3) s.fixed_width = 16, s.fixed_integer = 5;
      Model m;
      m.name = "pair";
      const Value a = add_input(m, "a", 4, InputKind::features), b = add_input(m, "b", 4, InputKind::features);
      m.outputs = {append(m, "pair", op, {a, b}, 4)};
      const Outcome o = quantized(m, s);
      CHECK(o.program.nodes.size() == 1);
      // A factor with 15 bits, or 13 for wide operands, is off by that much of the sum; the rest is one rounding.
      const double factor_error = kind == 1 || kind == 3 ? 0 : kind == 2 ? 8 : 1.5;
      CHECK(o.worst_codes <= 0.51 + factor_error);
    }
}

TEST_CASE("a residual block: the sum's ReLU is part of the sum") {
  Model m;
  m.name = "residual";
  const Value x = add_input(m, "x", 6, InputKind::features);
  Value h = append(m, "fc1", random_linear(6, 6, 3), {x}, 6);
  h = append(m, "relu1", Relu{}, {h}, 6);
  h = append(m, "sum", Sum{}, {append(m, "fc2", random_linear(6, 6, 5), {h}, 6), x}, 6);
  h = append(m, "relu2", Relu{}, {h}, 6);
  h = append(m, "gate", Product{}, {append(m, "sigmoid", Sigmoid{}, {h}, 6), h}, 6);
  m.outputs = {append(m, "fc3", random_linear(6, 3, 7), {h}, 3)};
  const Outcome o = quantized(m);
  CHECK(o.program.nodes.size() == 6);  // three Linears, sum, sigmoid, product
  double largest = 0;
  for (float v : o.exact.data) largest = std::max(largest, std::fabs(static_cast<double>(v)));
  CHECK(o.worst_codes * o.program.values[index(o.program.output)].scale < 0.03 * largest);
  CHECK(read_program(program_text(o.program), "p") == o.program);
}

TEST_CASE("bounds: on codes, inside the Linear before them, and behind a ReLU") {
  const Outcome o = quantized(alone(Clamp{-0.6f, 1.23f}, 5));
  CHECK(std::holds_alternative<QClamp>(o.program.nodes[0].op));
  CHECK(o.worst_codes <= 0.51);
  CHECK(*std::max_element(o.got.data.begin(), o.got.data.end()) == doctest::Approx(1.23).epsilon(0.01));
  for (bool relu : {false, true}) {
    Model m;
    m.name = "bounded";
    const Value x = add_input(m, "x", 6, InputKind::features);
    Value h = append(m, "fc", random_linear(6, 5, 9), {x}, 5);
    if (relu) h = append(m, "relu", Relu{}, {h}, 5);
    m.outputs = {append(m, "clamp", Clamp{-0.25f, 0.5f}, {h}, 5)};
    const Outcome fused = quantized(m);
    CHECK(fused.program.nodes.size() == 1);
    const QValue& out = fused.program.values[index(fused.program.output)];
    CHECK(out.low * out.scale == doctest::Approx(-0.25).epsilon(1e-3));
    CHECK(out.high * out.scale == doctest::Approx(0.5).epsilon(1e-3));
    CHECK(*std::min_element(fused.got.data.begin(), fused.got.data.end()) ==
          doctest::Approx(relu ? 0 : -0.25).epsilon(1e-3));
    CHECK(fused.worst_codes * out.scale < 0.05);
  }
  Model outside;
  outside.name = "outside";
  const Value x = add_input(outside, "x", 2, InputKind::features);
  const Value h = append(outside, "sigmoid", Sigmoid{}, {x}, 2);
  const Value c = append(outside, "clamp", Clamp{-3, -2}, {h}, 2);
  outside.outputs = {append(outside, "fc", random_linear(2, 2, 1), {c}, 2)};
  CHECK_THROWS_WITH_AS(quantized(outside), doctest::Contains("clamp keeps -3 .. -2, but the codes of sigmoid.out"),
                       Error);
}

TEST_CASE("exp and softplus by table, at every width") {
  for (const Op& op : {Op(Exp{}), Op(Softplus{})})
    for (int bits : {6, 8, 12, 16}) {
      INFO(std::string(type_name(op)), ", ", bits, " bits");
      QuantizeSettings s;
      s.activation_bits = bits, s.output_bits = std::max(bits, 8);
      CHECK(quantized(alone(op, 4), s).worst_codes <= 0.8);
      // Between two layers codes are unsigned, and 16 of their bits do not fit a table's signed entries.
      Model m = alone(op, 4);
      Linear sum = linear(4, 1);
      sum.weight.data = {1, 0, 0, 0};
      m.outputs = {append(m, "first", sum, {m.outputs[0]}, 1)};
      const Outcome o = quantized(m, s);
      const double largest = *std::max_element(o.exact.data.begin(), o.exact.data.end());
      const double table = 0.8 * largest / ((1 << std::min(bits, 15)) - 1);  // the table's step; the output's follows
      CHECK(o.worst_codes * o.program.values[index(o.program.output)].scale <
            table + 0.51 * o.program.values[index(o.program.output)].scale);
    }
}

TEST_CASE("affine codes: zero points where values lie to one side, closer to the float model than codes around 0") {
  Model m;
  m.name = "leaky";
  const Value x = add_input(m, "x", 6, InputKind::features);
  Value h = append(m, "fc1", random_linear(6, 8, 3), {x}, 8);
  h = append(m, "leaky1", LeakyRelu{0.1f}, {h}, 8);
  Value k = append(m, "fc2", random_linear(8, 8, 5), {h}, 8);
  k = append(m, "leaky2", LeakyRelu{0.1f}, {k}, 8);
  h = append(m, "sum", Sum{}, {h, k}, 8);
  h = append(m, "tanh", Tanh{}, {append(m, "fc3", random_linear(8, 8, 7), {h}, 8)}, 8);
  m.outputs = {append(m, "fc4", random_linear(8, 3, 9), {h}, 3)};
  QuantizeSettings s;
  s.bits = 12, s.activation_bits = 5;
  const auto error = [&](const Outcome& o) {
    double sum = 0;
    for (std::size_t i = 0; i < o.got.size(); ++i)
      sum += std::pow(static_cast<double>(o.got.data[i]) - static_cast<double>(o.exact.data[i]), 2);
    return std::sqrt(sum / static_cast<double>(o.got.size()));
  };
  // Inputs keep their codes around 0: compared are the values between layers.
  const Outcome symmetric = quantized(m, s);
  s.symmetric = false;
  const Outcome affine = quantized(m, s);
  int with_zero = 0;
  for (const QValue& v : affine.program.values) {
    if (v.zero == 0) continue;
    ++with_zero;
    CHECK_FALSE(v.is_signed);
    CHECK(v.zero > 0);
    CHECK(v.zero < 31);
  }
  CHECK(with_zero >= 3);
  CHECK(error(affine) < 0.8 * error(symmetric));
  CHECK(read_program(program_text(affine.program), "p") == affine.program);
  // A product takes no zero points: what it reads stays around 0.
  Model product = m;
  product.nodes[4].op = Product{};
  CHECK(quantized(product, s).program.values[1].zero == 0);
  s.power_of_two = true;
  for (Node& node : m.nodes)
    if (auto* leaky = std::get_if<LeakyRelu>(&node.op)) leaky->slope = 0.125f;
  CHECK(error(quantized(m, s)) < 2 * error(symmetric));
}

TEST_CASE("energies are not added, multiplied or bounded in integers") {
  Model m;
  m.name = "energies";
  m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
  const Value z = add_input(m, "z", 3, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
  const Value h = append(m, "fc", random_linear(3, 3, 2), {z}, 3);
  const Value voxels = append(m, "split", StickBreaking{{3}, false}, {h, e}, 3);
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, log_uniform_energies(m.facts, 3, 0, 50), 8, 1);
  Model ordered = m;
  ordered.outputs = {append(ordered, "order", Permute{{2, 0, 1}}, {voxels}, 3)};
  CHECK_NOTHROW(quantize(ordered, calibrate(ordered, in, 1), {}));
  for (const Op& op : {Op(Sum{}), Op(Product{}), Op(Clamp{})}) {
    Model wrong = m;
    const bool one = std::holds_alternative<Clamp>(op);
    wrong.outputs = {
        append(wrong, "last", op, one ? std::vector<Value>{voxels} : std::vector<Value>{voxels, voxels}, 3)};
    CHECK_THROWS_WITH_AS(quantize(wrong, calibrate(wrong, in, 1), {}),
                         doctest::Contains("last reads split.out, which holds energies"), Error);
  }
}

TEST_CASE("softmax: parts sum to the whole exactly, and follow the float model") {
  for (int kind = 0; kind < 6; ++kind) {
    INFO("settings ", kind);
    QuantizeSettings s;
    if (kind == 1) s.power_of_two = true;
    if (kind == 2) s.activation_bits = 12;
    if (kind == 3) s.activation_bits = s.output_bits = 16;
    if (kind == 4) s.fixed_width = 16, s.fixed_integer = 5;
    if (kind == 5) s.fixed_width = 16, s.fixed_integer = 1;
    const Outcome o = quantized(alone(Softmax{{7, 1, 4}}, 12), s, 4.0f);
    const auto& op = std::get<QSoftmax>(o.program.nodes[0].op);
    const QValue& out = o.program.values[index(o.program.output)];
    const double whole = op.whole * out.scale;
    CHECK(whole == doctest::Approx(1).epsilon(kind == 5 ? 1e-4 : 1e-12));  // <16, 1> ends just below 1
    for (int i = 0; i < events; ++i)
      for (int g : {0, 7, 8}) {
        double sum = 0;
        for (int j = g; j < (g == 0 ? 7 : g == 7 ? 8 : 12); ++j) sum += static_cast<double>(o.got.row(i)[j]);
        REQUIRE(sum == doctest::Approx(whole).epsilon(1e-6));
      }
    // A difference of floors is off by one at most; the table's error counts for the part itself and, in the sum, for
    // each of at most 7 members.
    const double table = 8 * op.table.maximum_error / 32768 * op.whole;
    CHECK(o.worst_codes <= 1.01 + table);
    CHECK(op.table.maximum_error <= std::max(1.5, 4096.0 / op.whole));
  }
}

TEST_CASE("softmax split: voxels follow the float model, and only energies are split") {
  Model m;
  m.name = "heads";
  m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
  const Value z = add_input(m, "z", 4, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
  const Value h = append(m, "fc", random_linear(4, 1 + 3 + 9, 2), {z}, 13);
  m.outputs = {append(m, "split", SoftmaxSplit{{5, 1, 3}, 1.6}, {h, e}, 9)};
  const Tensor energies = log_uniform_energies(m.facts, 3, 0, 200);
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, 8, 1);
  const std::vector<Range> ranges = calibrate(m, in, 1);
  const Tensor exact = infer(m, in);
  for (int kind = 0; kind < 3; ++kind) {
    INFO("settings ", kind);
    QuantizeSettings s;
    s.bits = 16;
    if (kind == 1) s.power_of_two = true;
    if (kind == 2) s.fixed_width = 16, s.fixed_integer = 4;
    const Program p = quantize(m, ranges, s);
    CHECK(read_program(program_text(p), "p") == p);
    std::vector<std::uint32_t> counts;
    for (float mev : energies.data) counts.push_back(energy_count(p, static_cast<double>(mev)));
    const std::vector<Words> showers = run(p, 3, 0, Span<const std::uint32_t>(counts), 1);
    for (int i = 0; i < 200; ++i) {
      const std::size_t event = static_cast<std::size_t>(i);
      double largest = 0;
      for (int j = 0; j < 9; ++j) largest = std::max(largest, static_cast<double>(exact.row(i)[j]));
      for (int j = 0; j < 9; ++j)
        REQUIRE(std::fabs(showers[event][static_cast<std::size_t>(j)] * p.energy_unit_mev -
                          static_cast<double>(exact.row(i)[j])) < (kind == 2 ? 0.02 : 0.005) * largest);
    }
  }
  Model wrong = m;  // splits what is no energy
  const Value one = append(wrong, "one", Slice{0, 1}, {z}, 1);
  wrong.nodes[1].inputs[1] = one;
  std::swap(wrong.nodes[1], wrong.nodes[2]);
  CHECK_THROWS_WITH_AS(quantize(wrong, std::vector<Range>(wrong.values.size()), {}),
                       doctest::Contains("split splits one.out, which is no incident energy"), Error);
}

TEST_CASE("softmax tables end where the exponential vanishes") {
  const QSoftmax fine = quantize_softmax(Softmax{{2}}, 0.001, 65535, 65535);
  CHECK(fine.table.last == 11091);  // 16 ln 2 / 0.001
  CHECK(fine.table.value.size() < 2000);
  const QSoftmax coarse = quantize_softmax(Softmax{{2}}, 5.0, 255, 255);
  CHECK(coarse.table.last == 3);
  CHECK(coarse.table.value == std::vector<std::uint16_t>{32768, 221, 1, 0});
}

TEST_CASE("output noise: deviations of either sign follow the float model, with every kind of scale") {
  for (int kind = 0; kind < 5; ++kind) {
    INFO("settings ", kind);
    QuantizeSettings s;
    if (kind == 1) s.power_of_two = true;
    if (kind == 2) s.activation_bits = 15;
    if (kind == 3) s.fixed_width = 16, s.fixed_integer = 5;
    if (kind == 4) s.output_bits = 8;
    Model m;
    m.name = "noisy";
    const Value x = add_input(m, "x", 4, InputKind::features), noise = add_input(m, "noise", 4, InputKind::features);
    m.outputs = {append(m, "spread", Spread{{{4}, {0.8f, -0.3f, 0, 0.001f}}}, {x, noise}, 4)};
    const Outcome o = quantized(m, s);
    const auto& op = std::get<QSpread>(o.program.nodes[0].op);
    const QValue& n = o.program.values[index(o.program.inputs[1])];
    // One rounding of the result, and of each deviation by at most half a multiplier.
    CHECK(o.worst_codes <= 0.501 + static_cast<double>(n.high) * std::exp2(-1 - op.shift));
    CHECK(op.multiplier_b[2] == 0);
    if (kind != 3) CHECK(static_cast<double>(n.high) * std::exp2(-1 - op.shift) <= 2.1);
    CHECK(read_program(program_text(o.program), "p") == o.program);
  }
  Model bounded;
  bounded.name = "bounded";
  const Value x = add_input(bounded, "x", 2, InputKind::features), n = add_input(bounded, "n", 2, InputKind::features);
  Value h = append(bounded, "spread", Spread{{{2}, {0.5f, -0.5f}}}, {x, n}, 2);
  h = append(bounded, "relu", Relu{}, {h}, 2);
  bounded.outputs = {append(bounded, "clamp", Clamp{-1.0f, 0.75f}, {h}, 2)};
  const Outcome fused = quantized(bounded);
  CHECK(fused.program.nodes.size() == 1);
  CHECK(*std::min_element(fused.got.data.begin(), fused.got.data.end()) == 0);
  CHECK(*std::max_element(fused.got.data.begin(), fused.got.data.end()) == doctest::Approx(0.75).epsilon(1e-3));
  CHECK(fused.worst_codes * fused.program.values[index(fused.program.output)].scale < 1e-3);
}

TEST_CASE("a decoder with output noise: latents in two parts, the mean with the bits of an output") {
  for (int latent_bits : {6, 8, 11})
    for (bool power_of_two : {false, true}) {
      INFO(latent_bits, " bits, powers of two ", power_of_two);
      Model m;
      m.name = "decoder";
      m.facts.latent = "normal", m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
      const Value z = add_input(m, "z", 9, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
      const Value code = append(m, "code", Slice{0, 4}, {z}, 4), noise = append(m, "noise", Slice{4, 5}, {z}, 5);
      const Value c = append(m, "condition", LogEnergy{10000.0}, {e}, 1);
      const Value joined = append(m, "join", Concat{}, {code, c}, 5);
      const Value mean = append(m, "mean", random_linear(5, 5, 11), {joined}, 5);
      m.outputs = {append(m, "spread", Spread{{{5}, {0.1f, 0.4f, 0.2f, 0.8f, 0.05f}}}, {mean, noise}, 5)};
      QuantizeSettings s;
      s.bits = 14, s.latent_bits = latent_bits, s.power_of_two = power_of_two;
      const Tensor energies = log_uniform_energies(m.facts, 3, 0, events);
      const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, latent_bits, 1);
      const Program p = quantize(m, calibrate(m, in, 1), s);
      const QValue& out = p.values[index(p.output)];
      CHECK(out.bits == 16);
      for (const QNode& node : p.nodes)
        if (node.name == "mean") CHECK(p.values[index(node.output)].bits == 16);
      const Tensor exact = infer(m, in);
      double worst = 0;
      for (int i = 0; i < events; ++i) {
        const Words y = run_values(p, {event_words(3, static_cast<std::uint64_t>(i)),
                                       {energy_count(p, energies.data[static_cast<std::size_t>(i)])}})[index(p.output)];
        for (int j = 0; j < 5; ++j)
          worst = std::max(worst, std::fabs(static_cast<std::int32_t>(y[static_cast<std::size_t>(j)]) * out.scale -
                                            static_cast<double>(exact.row(i)[j])));
      }
      CHECK(worst < (latent_bits == 6 ? 0.05 : 0.01));  // what is left is the rounding of the condition's code
    }
}

TEST_CASE("noise of few codes for a fine result is refused with the numbers") {
  Model m;
  m.name = "coarse";
  const Value z = add_input(m, "z", 4, InputKind::latent);
  const Value x = append(m, "x", Slice{0, 2}, {z}, 2), noise = append(m, "noise", Slice{2, 2}, {z}, 2);
  m.outputs = {append(m, "spread", Spread{{{2}, {1, 1}}}, {x, noise}, 2)};
  QuantizeSettings s;
  s.latent_bits = 2, s.output_bits = 16;
  std::vector<Tensor> in{random_tensor({events, 4}, 3, -0.0001f, 0.0001f)};
  CHECK_THROWS_WITH_AS(quantize(m, calibrate(m, in, 1), s),
                       doctest::Contains("use more bits for the noise or fewer for the result"), Error);
}

TEST_CASE("a LayerNorm is refused by name") {
  CHECK_THROWS_WITH_AS(quantized(alone(layer_norm(4), 4)),
                       "quantise: layer is a LayerNorm, which has no integer form; train the network with BatchNorm, "
                       "which folds into its neighbours",
                       Error);
}
