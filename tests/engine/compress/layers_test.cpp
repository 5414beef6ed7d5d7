// Layers beside Linear, quantised: programs against the float model, event by event.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "tests/engine/compress/layer_outcome.h"

using namespace quench;

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

TEST_CASE("a layer's own output bits hold for the last one and in front of a table, and not where it is joined") {
  Model m;
  m.name = "own";
  const Value x = add_input(m, "x", 6, InputKind::features);
  Value h = append(m, "first", random_linear(6, 5, 1), {x}, 5);
  h = append(m, "tanh", Tanh{}, {h}, 5);
  m.outputs = {append(m, "last", random_linear(5, 3, 2), {h}, 3)};
  const auto bits = [](const Program& p, const std::string& layer) {
    for (const QNode& node : p.nodes)
      if (node.name == layer) return p.values[index(node.output)].bits;
    return 0;
  };
  QuantizeSettings s;
  CHECK(bits(quantized(m, s).program, "first") == 16);
  CHECK(bits(quantized(m, s).program, "last") == 16);
  s.layers["first"].activation_bits = 11, s.layers["last"].activation_bits = 7;
  const Outcome own = quantized(m, s);
  CHECK(bits(own.program, "first") == 11);
  CHECK(bits(own.program, "last") == 7);
  CHECK(own.worst_codes < 2);

  Model joined = m;
  joined.outputs = {append(joined, "join", Concat{}, {joined.outputs[0], h}, 8)};
  CHECK_THROWS_WITH_AS(quantized(joined, s), doctest::Contains("7-bit outputs are asked for"), Error);
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
  const Tensor energies = log_uniform_energies(m.facts, 3, 0, layer_events);
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, 8, 1);
  const Program p = quantize(m, calibrate(m, in, 1), {});
  const Tensor exact = infer(m, in);
  const double scale = p.values[index(p.output)].scale;
  for (int i = 0; i < layer_events; ++i) {
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

TEST_CASE("a LayerNorm is refused by name") {
  CHECK_THROWS_WITH_AS(quantized(alone(layer_norm(4), 4)),
                       "quantise: layer is a LayerNorm, which has no integer form; train the network with BatchNorm, "
                       "which folds into its neighbours",
                       Error);
}
