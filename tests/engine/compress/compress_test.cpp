// Folding is exact, pruning removes the smallest, programs follow the float model within known bounds.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/compress/fold.h"
#include "engine/compress/prune.h"
#include "engine/compress/quantize.h"
#include "engine/compress/quantize_layers.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/run/run.h"

using namespace quench;

namespace {

void fill(Tensor& t, std::mt19937& random, float scale) {
  std::normal_distribution<float> normal;
  for (float& x : t.data) x = scale * normal(random);
}

// latent 6 + condition -> 12 BatchNorm ReLU -> 10 LeakyReLU BatchNorm -> 7 numbers -> 2 layers of 3 + 4 voxels.
Model small_model(bool with_borders) {
  std::mt19937 random(3);
  Model m;
  m.name = "small";
  m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000, m.facts.geometry = "test";
  const Value z = add_input(m, "latent", 6, InputKind::latent),
              e = add_input(m, "energy", 1, InputKind::incident_energy);
  const Value c = append(m, "condition", LogEnergy{}, {e}, 1);
  Value x = append(m, "join", Concat{}, {z, c}, 7);
  const auto dense = [&](const std::string& name, int in, int out) {
    Linear op = linear(in, out);
    fill(op.weight, random, 0.4f), fill(op.bias, random, 0.2f);
    x = append(m, name, op, {x}, out);
  };
  const auto norm = [&](const std::string& name, int width) {
    BatchNorm op = batch_norm(width);
    fill(op.gamma, random, 0.5f), fill(op.beta, random, 0.3f), fill(op.mean, random, 0.3f);
    for (float& v : op.variance.data) v = 0.5f + std::fabs(v);
    x = append(m, name, op, {x}, width);
  };
  dense("hidden1", 7, 12);
  norm("norm1", 12);
  x = append(m, "relu1", Relu{}, {x}, 12);
  dense("hidden2", 12, 10);
  x = append(m, "leaky2", LeakyRelu{0.25f}, {x}, 10);
  norm("norm2", 10);
  dense("numbers", 10, 7);
  if (with_borders) {
    ConditionalAffine affine{zeros({2, 7}), zeros({2, 7}), false};
    fill(affine.mean, random, 0.3f), fill(affine.log_deviation, random, 0.2f);
    affine.mean.data[0] = -0.02f, affine.log_deviation.data[0] = -4.0f;
    affine.mean.data[7] = 0.01f, affine.log_deviation.data[7] = -0.1f;
    x = append(m, "standard", affine, {x, c}, 7);
    x = append(m, "split", StickBreaking{{3, 4}, false}, {x, e}, 7);
    x = append(m, "readout", Threshold{5}, {x}, 7);
  }
  m.outputs = {x};
  check(m);
  return m;
}

std::vector<Tensor> inputs_of(const Model& m, int events, int latent_bits = 8) {
  return shower_inputs(m, 11, 0, log_uniform_energies(m.facts, 11, 0, events), latent_bits, 1);
}

Program quantized(const Model& m, const QuantizeSettings& s) {
  const Model folded = fold_batch_norm(m);
  return quantize(folded, calibrate(folded, inputs_of(folded, 2000, s.latent_bits), 1), s);
}

// Real values of the program's output for the events of inputs_of.
std::vector<double> program_output(const Program& p, const Tensor& energies) {
  std::vector<double> all;
  const QValue& out = p.values[index(p.output)];
  for (int i = 0; i < energies.rows(); ++i) {
    std::vector<Words> in;
    for (ValueId v : p.inputs)
      in.push_back(p.values[index(v)].meaning == Meaning::event
                       ? event_words(11, static_cast<std::uint64_t>(i))
                       : Words{energy_count(p, energies.data[static_cast<std::size_t>(i)])});
    const Words words = run_values(p, in)[index(p.output)];
    for (std::uint32_t w : words)
      all.push_back(out.meaning == Meaning::energy ? w * p.energy_unit_mev
                                                   : (static_cast<std::int32_t>(w) - out.zero) * out.scale);
  }
  return all;
}

double rms_difference(const std::vector<double>& a, const Tensor& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b.data[i]) * (a[i] - b.data[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("folding keeps the function and removes every BatchNorm") {
  const Model m = small_model(true), folded = fold_batch_norm(m);
  for (const Node& n : folded.nodes) CHECK_FALSE(std::holds_alternative<BatchNorm>(n.op));
  CHECK(folded.nodes.size() == m.nodes.size() - 2);
  const std::vector<Tensor> in = inputs_of(m, 300);
  const Tensor a = infer(m, in), b = infer(folded, in);
  for (std::size_t i = 0; i < a.data.size(); ++i) REQUIRE(b.data[i] == doctest::Approx(a.data[i]).epsilon(2e-3));
  Model alone;  // a BatchNorm with no Linear beside it
  alone.name = "alone";
  const Value x = add_input(alone, "x", 3, InputKind::features);
  BatchNorm norm = batch_norm(3);
  norm.gamma.data = {2, 3, 4}, norm.beta.data = {1, 0, -1}, norm.mean.data = {1, 2, 3};
  alone.outputs = {append(alone, "norm", norm, {x}, 3)};
  const Tensor row{{1, 3}, {2, 2, 5}};
  const Tensor y = infer(fold_batch_norm(alone), Span<const Tensor>(&row, 1));
  CHECK(y.data[0] == doctest::Approx(3).epsilon(1e-4));
  CHECK(y.data[2] == doctest::Approx(7).epsilon(1e-4));
}

TEST_CASE("pruning removes exactly the smallest weights") {
  const Model m = fold_batch_norm(small_model(false));
  const Model half = prune(m, 0.5, PruneScope::layer);
  for (std::size_t i = 0; i < m.nodes.size(); ++i) {
    const auto* before = std::get_if<Linear>(&m.nodes[i].op);
    if (!before) continue;
    const Linear& after = std::get<Linear>(half.nodes[i].op);
    float largest_gone = 0, smallest_kept = 1e9f;
    std::size_t gone = 0;
    for (std::size_t k = 0; k < before->weight.data.size(); ++k) {
      const float w = std::fabs(before->weight.data[k]);
      if (after.weight.data[k] == 0) {
        largest_gone = std::max(largest_gone, w);
        ++gone;
        continue;
      }
      smallest_kept = std::min(smallest_kept, w);
      CHECK(after.weight.data[k] == before->weight.data[k]);
    }
    CHECK(gone == (before->weight.data.size() + 1) / 2);
    CHECK(largest_gone <= smallest_kept);
  }
  CHECK(sparsity(prune(m, 0.8, PruneScope::global)) == doctest::Approx(0.8).epsilon(0.01));
  CHECK_THROWS_WITH_AS(prune(m, 0.999, PruneScope::layer), doctest::Contains("removes all"), Error);
  CHECK_THROWS_AS(prune(m, 1.0, PruneScope::layer), Error);
}

TEST_CASE("quantised programs follow the float network") {
  const Model m = small_model(false);
  const std::vector<Tensor> in = inputs_of(m, 400);
  const Tensor exact = infer(m, in);
  double spread = 0;
  for (float v : exact.data) spread += v * v;
  spread = std::sqrt(spread / static_cast<double>(exact.data.size()));
  const auto error = [&](auto&& change) {
    QuantizeSettings s;
    change(s);
    return rms_difference(program_output(quantized(m, s), in[1]), exact) / spread;
  };
  const double eight = error([](QuantizeSettings&) {});
  CHECK(eight < 0.02);
  CHECK(error([](QuantizeSettings& s) { s.per_channel = false; }) < 0.04);
  CHECK(error([](QuantizeSettings& s) { s.power_of_two = true; }) < 0.04);
  CHECK(error([](QuantizeSettings& s) { s.multiplier = "narrow"; }) < 0.02);
  CHECK(error([](QuantizeSettings& s) { s.bits = 12, s.activation_bits = 12; }) < eight / 4);
  CHECK(error([](QuantizeSettings& s) { s.fixed_width = 16, s.fixed_integer = 5; }) < eight / 2);
  CHECK(error([](QuantizeSettings& s) { s.symmetric_weights = false; }) < 0.02);
  const double four = error([](QuantizeSettings& s) { s.bits = 4; });
  CHECK(four > eight);
  CHECK(four < 0.4);
}

TEST_CASE("a given fixed-point format says what saturates") {
  const Model m = fold_batch_norm(small_model(false));
  const std::vector<Range> ranges = calibrate(m, inputs_of(m, 500), 1);
  QuantizeSettings s;
  CHECK(saturation(m, ranges, s).empty());
  s.fixed_width = 16, s.fixed_integer = 8;
  CHECK(saturation(m, ranges, s).empty());
  s.fixed_width = 8, s.fixed_integer = 1;
  const std::vector<std::string> found = saturation(m, ranges, s);
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].find("ap_fixed<8, 1> holds -1.000000 .. 0.992188: they saturate") != std::string::npos);

  // What a ReLU behind the layer cuts is not in any code.
  Model rectified;
  rectified.name = "rectified";
  const Value x = add_input(rectified, "x", 1, InputKind::features);
  Value h = append(rectified, "first", linear(1, 1), {x}, 1);
  const std::vector<Range> low{{-9, 0.5f}, {-9, 0.5f}, {0, 0.5f}};
  rectified.outputs = {h};
  REQUIRE(saturation(rectified, low, s).size() == 1);
  CHECK(saturation(rectified, low, s)[0].find("outputs of layer first reach -9") == 0);
  rectified.outputs = {append(rectified, "relu", Relu{}, {h}, 1)};
  CHECK(saturation(rectified, low, s).empty());
}

TEST_CASE("a fixed-point format of one layer: its weights and outputs, and no others") {
  const Model m = fold_batch_norm(small_model(false));
  const std::vector<Range> ranges = calibrate(m, inputs_of(m, 500), 1);
  std::vector<std::string> names;
  for (const Node& node : m.nodes)
    if (std::holds_alternative<Linear>(node.op)) names.push_back(node.name);
  REQUIRE(names.size() >= 2);
  QuantizeSettings s;
  s.fixed_width = 16, s.fixed_integer = 8;
  s.layers[names[0]].fixed_width = 10, s.layers[names[0]].fixed_integer = 4;
  const auto check_program = [&](const Program& p) {
    int checked = 0;
    for (const QNode& node : p.nodes) {
      const auto* op = std::get_if<QLinear>(&node.op);
      if (!op || op->weight_scale.size() != 1) continue;
      const bool own = node.name == names[0];
      if (!own && !s.fixed_width) continue;
      ++checked;
      CHECK(op->weight_bits == (own ? 10 : 16));
      CHECK(op->weight_scale[0] == (own ? 1.0 / 64 : 1.0 / 256));
      const QValue& y = p.values[index(node.output)];
      CHECK(y.bits == (own ? 10 : 16));
      CHECK(y.scale == (own ? 1.0 / 64 : 1.0 / 256));
    }
    CHECK(checked >= (s.fixed_width ? 2 : 1));
  };
  check_program(quantize(m, ranges, s));
  s.fixed_width = 0, s.power_of_two = true;
  check_program(quantize(m, ranges, s));
  s.power_of_two = false;
  CHECK_THROWS_AS(quantize(m, ranges, s), Error);
  s.fixed_width = 16, s.fixed_integer = 8;
  s.layers[names[0]].fixed_width = 8, s.layers[names[0]].fixed_integer = 20;
  const std::vector<std::string> found = saturation(m, ranges, s);
  REQUIRE(found.size() == 1);
  CHECK(found[0].find("less than half a step of ap_fixed<8, 20>, 4096.000000: all become 0") != std::string::npos);
}

TEST_CASE("the borders: voxels in MeV, sums kept, threshold applied") {
  const Model m = small_model(true);
  const Program p = quantized(m, {});
  const std::vector<Tensor> in = inputs_of(m, 500);
  const Tensor exact = infer(m, in);
  const std::vector<double> got = program_output(p, in[1]);
  double worst_total = 0, log_error = 0;
  int both = 0;
  for (int i = 0; i < 500; ++i) {
    double a = 0, b = 0;
    for (int k = 0; k < 7; ++k) {
      const double e = exact.row(i)[k], g = got[static_cast<std::size_t>(i * 7 + k)];
      REQUIRE((g == 0 || g >= 5));
      a += e, b += g;
      if (e > 0 && g > 0) log_error += std::fabs(std::log(g / e)), ++both;
    }
    worst_total = std::max(worst_total, std::fabs(b / a - 1));
  }
  CHECK(worst_total < 0.01);
  CHECK(both > 2000);
  CHECK(log_error / both < 0.03);
}

TEST_CASE("the table of the total is short whatever the width of a code") {
  for (const double scale : {2e-6, 1e-5, 1.53e-5, 4e-5}) {
    QValue code;
    code.length = 1, code.bits = 16, code.is_signed = true, code.low = -32768, code.high = 32767, code.scale = scale;
    const QFraction total = fraction_of_energy(
        code, "exp", [](double x) { return std::exp(x); }, "total");
    INFO("scale ", scale);
    CHECK(total.table.value.size() < 600);
    CHECK(total.table.maximum_error <= 1e-5);
  }
}

TEST_CASE("program text of a quantised model reads back") {
  const Program p = quantized(small_model(true), {});
  CHECK(read_program(program_text(p), "p") == p);
}

TEST_CASE("a layer may have a format of its own") {
  const Model folded = fold_batch_norm(small_model(false));
  const std::vector<Range> ranges = calibrate(folded, inputs_of(folded, 2000), 1);
  QuantizeSettings s;
  s.layers["hidden2"] = {4, 6, {0.25}};
  const Quantized q = quantize_with_places(folded, ranges, s);
  REQUIRE(q.linears.size() == 3);
  const auto layer = [&](std::size_t k) { return std::get<QLinear>(q.program.nodes[q.linears[k].program_node].op); };
  const Linear& from = std::get<Linear>(folded.nodes[q.linears[1].node].op);
  CHECK(folded.nodes[q.linears[1].node].name == "hidden2");
  CHECK(layer(0).weight_bits == 8);
  CHECK(layer(1).weight_bits == 4);
  CHECK(q.program.values[index(q.values.at(index(q.linears[1].output)).value)].bits == 6);
  for (std::size_t i = 0; i < from.weight.size(); ++i)
    CHECK(layer(1).weight[i] == std::clamp(std::floor(from.weight.data[i] / 0.25 + 0.5), -7.0, 7.0));
  // The first layer reads latents and a condition: two scales behind one, which its columns make up for.
  const std::vector<double>& factor = q.linears[0].column_factor;
  REQUIRE(factor.size() == 7);
  const CodedValue& joined = q.values.at(index(folded.nodes[q.linears[0].node].inputs[0]));
  for (std::size_t k = 0; k < 7; ++k)
    CHECK(factor[k] == doctest::Approx(joined.scale[k] / q.program.values[index(joined.value)].scale));
  CHECK(factor[0] != doctest::Approx(factor[6]));

  s.layers["hidden2"].weight_scale = {1, 2};
  CHECK_THROWS_WITH_AS(quantize(folded, ranges, s), "layer hidden2: 2 weight scales for 10 rows; 1 or 10 are needed",
                       Error);
  s.layers = {{"hidden9", {4, 0, {}}}};
  CHECK_THROWS_WITH_AS(quantize(folded, ranges, s), "quantise: there is no Linear layer hidden9 in model small", Error);
  s.layers = {{"hidden1", {17, 0, {}}}};
  CHECK_THROWS_WITH_AS(quantize(folded, ranges, s), doctest::Contains("weights of layer hidden1 of 17 bits"), Error);
}

TEST_CASE("what cannot be quantised is refused by name") {
  const Model m = small_model(true);
  QuantizeSettings s;
  s.bits = 17;
  CHECK_THROWS_WITH_AS(quantized(m, s), doctest::Contains("weights of 17 bits"), Error);
  s = {};
  s.power_of_two = true;
  Model slope = m;
  for (Node& n : slope.nodes)
    if (auto* leaky = std::get_if<LeakyRelu>(&n.op)) leaky->slope = 0.2f;
  CHECK_THROWS_WITH_AS(quantized(slope, s), doctest::Contains("is no power of two"), Error);
  Model empty = fold_batch_norm(m);
  for (Node& n : empty.nodes)
    if (auto* op = std::get_if<Linear>(&n.op); op && n.name == "hidden2")
      op->weight.data.assign(op->weight.data.size(), 0);
  CHECK_THROWS_WITH_AS(quantized(empty, {}), doctest::Contains("layer hidden2: all 120 weights are zero"), Error);
}

TEST_CASE("affine weights spend their codes on the range that is there, and 0 stays 0") {
  Linear op = linear(6, 3);
  op.weight.data = {-1, 0, 0.5f, 2, 2.75f, 0.25f, 4, 3, 0, 0, 1, 0.1f, 0, 0, 0, 0, 0, 0};
  op.bias.data = {0, 1, -1};
  const QValue in = code_value(6, 8, true, 0.01), out = code_value(3, 16, true, 0.001);
  const std::vector<double> columns(6, in.scale);
  LinearSettings s{4, true, false, "wide", false};
  const auto coded = [&] { return quantize_linear(op, in, columns, out, 1, s, "layer a"); };
  QLinear q = coded();
  CHECK(q.weight_scale[0] == doctest::Approx(0.25));  // (2.75 + 1) / 15; symmetric: 2.75 / 7
  CHECK(q.weight_zero == std::vector<std::int32_t>{4, 0, 0});
  CHECK(q.weight == std::vector<std::int16_t>{-4, 0, 2, 8, 11, 1, 15, 11, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0});
  CHECK(code_range(q, 0).low == -4);
  CHECK(code_range(q, 0).high == 11);
  s.weight_scale = {0.125, 0.25, 1};  // half of row 0: as much is cut off at either end
  q = coded();
  CHECK(q.weight_zero == std::vector<std::int32_t>{4, 0, 0});
  CHECK(q.weight[0] == -4);
  CHECK(q.weight[4] == 11);
  s.weight_scale = {}, s.per_channel = false;
  q = coded();
  CHECK(q.weight_scale == std::vector<double>{5.0 / 15});
  CHECK(q.weight_zero == std::vector<std::int32_t>{3});
  CHECK(q.weight[6] == 12);
  s.bits = 16;
  CHECK_THROWS_WITH_AS(coded(), doctest::Contains("layer a: affine weights of 16 bits"), Error);
}

TEST_CASE("wide accumulators become narrow, beyond 48 bits they are refused") {
  Linear op = linear(40, 1);
  op.weight.data.assign(40, 1.0f);
  op.bias.data = {0};
  const QValue in = code_value(40, 16, true, 1.0 / 32767), out = code_value(1, 16, true, 1.0 / 800);
  const std::vector<double> columns(40, in.scale);
  const QLinear q = quantize_linear(op, in, columns, out, 1, {16, true, false, "wide"}, "layer a");
  CHECK(q.accumulator_high > 2147483647);
  CHECK(q.requantize.kind == "narrow");
  Linear huge = linear(1 << 18, 1);
  huge.weight.data.assign(huge.weight.data.size(), 1.0f);
  huge.bias.data = {0};
  const QValue wide_in = code_value(1 << 18, 16, true, 1.0 / 32767);
  CHECK_THROWS_WITH_AS(quantize_linear(huge, wide_in, std::vector<double>(1 << 18, wide_in.scale), out, 1,
                                       {16, true, false, "wide"}, "layer b"),
                       doctest::Contains("layer b: the accumulator reaches"), Error);
}

TEST_CASE(
    "a bias that 32 bits of the sum's steps cannot hold: a wider step, or with a step that was learnt a refusal") {
  Linear op = linear(2, 1);
  op.weight.data = {1, 1};
  const QValue in = code_value(2, 16, true, 1.0 / 32767), out = code_value(1, 16, true, 0.01);
  LinearSettings s{16, true, false, "wide"};
  const auto with_bias = [&](float bias) {
    op.bias.data = {bias};
    return quantize_linear(op, in, {in.scale, in.scale}, out, 1, s, "layer a");
  };
  const QLinear wider = with_bias(3);
  CHECK(wider.bias[0] * wider.weight_scale[0] * in.scale == doctest::Approx(3).epsilon(1e-6));
  s.weight_scale = {1.0 / 32767};
  CHECK(with_bias(1.9f).bias[0] == doctest::Approx(1.9 * 32767 * 32767).epsilon(1e-6));
  CHECK_THROWS_WITH_AS(with_bias(3), doctest::Contains("layer a: the bias of row 0 needs 3.22"), Error);
  CHECK_THROWS_WITH_AS(with_bias(-3), doctest::Contains("give the weights or the values they read fewer bits"), Error);
}
