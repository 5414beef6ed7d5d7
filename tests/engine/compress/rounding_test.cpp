// Rounding of weights: GPTQ, AdaRound and bias correction against hand-worked cases, naive sums and nearest rounding.
// SPDX-License-Identifier: MIT
#include "engine/compress/rounding.h"

#include <doctest/doctest.h>

#include "engine/compress/adaround.h"
#include "engine/compress/equalise.h"
#include "engine/compress/gptq.h"
#include "engine/compress/obc.h"
#include "engine/compress/weight_range.h"
#include "engine/core/error.h"
#include "tests/engine/compress/correlated.h"

using namespace quench;

namespace {

// A grid of `bits` that holds the largest weight of each row.
LayerCodes grid(const Linear& op, int bits) {
  LayerCodes codes;
  const double most = (1 << (bits - 1)) - 1;
  codes.column_factor.assign(static_cast<std::size_t>(op.weight.columns()), 1);
  for (int r = 0; r < op.weight.rows(); ++r) {
    float largest = 0;
    for (int k = 0; k < op.weight.columns(); ++k) largest = std::max(largest, std::fabs(op.weight.row(r)[k]));
    codes.scale.push_back(static_cast<double>(largest) / most);
    codes.low.push_back(-most), codes.high.push_back(most);
  }
  return codes;
}

// A layer that reads x in the exact model and now, in front of a Relu.
struct Alone {
  Node node;
  Tensor x, y;
  LayerCodes codes;

  Alone(const Linear& op, Tensor inputs, int bits)
      : node{"fc", op, {}, {}}, x(std::move(inputs)), codes(grid(op, bits)) {
    forward(op, x, y, 1);
  }
  LayerView view() const { return {node, x, y, x, &codes, 0}; }
};

double relu_error(const Linear& op, const Alone& layer) {
  Tensor y;
  forward(op, layer.x, y, 1);
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double d =
        static_cast<double>(std::max(y.data[i], 0.0f)) - static_cast<double>(std::max(layer.y.data[i], 0.0f));
    sum += d * d;
  }
  return sum;
}

bool on_grid(const Linear& op, const LayerCodes& codes) {
  const std::size_t columns = codes.column_factor.size();
  for (std::size_t i = 0; i < op.weight.size(); ++i) {
    const std::size_t r = i / columns, k = i % columns;
    if (codes.weight(codes.code(op.weight.data[i], r, k), r, k) != op.weight.data[i]) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("GPTQ by hand: the second of two equal columns makes up for the first") {
  const Linear op{{{1, 2}, {0.4f, 0.4f}}, {{1}, {0}}};
  const LayerCodes codes{{1}, {1, 1}, {-7}, {7}};
  const Tensor x{{3, 2}, {1, 1, -2, -2, 3, 3}};
  CHECK(nearest_codes(op, codes).weight.data == std::vector<float>{0, 0});
  // H = [14.14, 14; 14, 14.14]; column 1 loses 0.4, column 2 becomes 0.4 + 0.4 * 14 / 14.14 = 0.796.
  CHECK(gptq(op, codes, x, 1).weight.data == std::vector<float>{0, 1});
  // Columns in units of their own: codes of 2 w and w / 2.
  const LayerCodes uneven{{1}, {2, 0.5}, {-7}, {7}};
  // 0.8 rounds to code 1, w = 0.5; column 2 becomes 0.4 - 0.1 * 14 / 14.14 = 0.301, code 0.15.
  CHECK(gptq(op, uneven, x, 1).weight.data == std::vector<float>{0.5f, 0});
}

TEST_CASE("GPTQ is better than nearest rounding on correlated inputs, and keeps zeros") {
  const Linear op = random_layer(40, 24, 7);
  const Tensor x = correlated_inputs(600, 40, 3);
  for (int bits : {3, 4, 6}) {
    const LayerCodes codes = grid(op, bits);
    const Linear nearest = nearest_codes(op, codes), solved = gptq(op, codes, x, 1);
    INFO(bits, " bits");
    CHECK(on_grid(nearest, codes));
    CHECK(on_grid(solved, codes));
    CHECK(output_error(op, solved, x) < 0.5 * output_error(op, nearest, x));
    CHECK(gptq(op, codes, x, 3).weight == solved.weight);
  }
  const Linear sparse = prune_obc(op, x, 0.6, 1);
  const LayerCodes codes = grid(sparse, 4);
  const Linear rounded = gptq(sparse, codes, x, 1);
  CHECK(on_grid(rounded, codes));
  for (std::size_t i = 0; i < op.weight.size(); ++i)
    if (sparse.weight.data[i] == 0) REQUIRE(rounded.weight.data[i] == 0);
  CHECK(output_error(sparse, rounded, x) < 0.5 * output_error(sparse, nearest_codes(sparse, codes), x));
}

TEST_CASE("AdaRound rounds up or down, keeps zeros, and is better than nearest") {
  Linear op = random_layer(24, 16, 9);
  for (std::size_t i = 0; i < op.weight.size(); i += 5) op.weight.data[i] = 0;
  const Alone layer(op, correlated_inputs(512, 24, 5), 4);
  AdaRoundSettings s;
  s.steps = 600;
  const Linear nearest = nearest_codes(op, layer.codes), learnt = adaround(layer.view(), s, 1);
  CHECK(on_grid(learnt, layer.codes));
  int other = 0;
  for (std::size_t i = 0; i < op.weight.size(); ++i) {
    const double step = layer.codes.scale[i / 24];
    CHECK(std::fabs(static_cast<double>(learnt.weight.data[i]) - static_cast<double>(op.weight.data[i])) <
          1.0001 * step);
    if (op.weight.data[i] == 0) CHECK(learnt.weight.data[i] == 0);
    other += learnt.weight.data[i] != nearest.weight.data[i];
  }
  CHECK(other > 10);
  CHECK(relu_error(learnt, layer) < 0.6 * relu_error(nearest, layer));
  CHECK(adaround(layer.view(), s, 3).weight == learnt.weight);
  s.steps = 0;  // nothing learnt: nearest
  CHECK(adaround(layer.view(), s, 1).weight == nearest.weight);
}

TEST_CASE("bias correction keeps the mean of every output") {
  const Linear op{{{1, 2}, {2, 1}}, {{1}, {5}}};
  const Tensor x{{2, 2}, {1, 2, 3, 4}}, exact_y{{2, 1}, {10, 20}};
  // W x + b = 9 and 15, 12 in the mean; 15 is wanted.
  CHECK(corrected_bias(op, x, exact_y).data == std::vector<float>{8});
  const Model m = relu_network({12, 20, 16, 6}, 3);
  const Tensor in = correlated_inputs(800, 12, 8);
  const Span<const Tensor> inputs(&in, 1);
  QuantizeSettings s;
  s.bits = 3;
  const Quantized q = quantize_with_places(m, calibrate(m, inputs, 1), s);
  const auto shift = [&](bool correct) {  // of the output's means, behind values rounded to codes
    double sum = 0;
    const Model rounded = round_weights(m, inputs, q, "nearest", correct, 1);
    change_layers(
        rounded, inputs, &q,
        [&](const LayerView& view) {
          if (view.node.name != "fc3") return view.op();
          Tensor y;
          forward(view.op(), view.x, y, 1);
          const Tensor exact = infer(m, inputs);
          for (int j = 0; j < 6; ++j) {
            double d = 0;
            for (int e = 0; e < 800; ++e) d += static_cast<double>(y.row(e)[j]) - static_cast<double>(exact.row(e)[j]);
            sum += std::fabs(d / 800);
          }
          return view.op();
        },
        1);
    return sum;
  };
  CHECK(shift(false) > 0.1);
  CHECK(shift(true) < 1e-4);
}

TEST_CASE("a rounded model quantises to exactly its codes, for every way of rounding and kind of scale") {
  Model m;  // latents and a condition: columns with scales of their own
  m.name = "mixed";
  m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
  const Value z = add_input(m, "z", 5, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
  const Value c = append(m, "condition", LogEnergy{10000.0}, {e}, 1);
  Value h = append(m, "fc1", random_layer(6, 20, 1), {append(m, "join", Concat{}, {z, c}, 6)}, 20);
  h = append(m, "leaky", LeakyRelu{0.25f}, {h}, 20);
  h = append(m, "fc2", random_layer(20, 14, 3), {h}, 14);
  h = append(m, "relu", Relu{}, {h}, 14);
  m.outputs = {append(m, "fc3", random_layer(14, 4, 5), {h}, 4)};
  for (Node& node : m.nodes)
    if (auto* op = std::get_if<Linear>(&node.op)) op->weight.data[3] = 0;
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, log_uniform_energies(m.facts, 3, 0, 400), 8, 1);
  for (const std::string method : {"nearest", "gptq", "adaround"})
    for (int kind = 0; kind < 6; ++kind) {
      INFO(method, ", settings ", kind);
      QuantizeSettings s;
      s.bits = 4;
      if (kind == 1) s.power_of_two = true;
      if (kind == 2) s.per_channel = false;
      if (kind == 3) s.fixed_width = 12, s.fixed_integer = 4;
      if (kind == 5) s.symmetric_weights = false;
      const std::vector<Range> ranges = calibrate(m, in, 1);
      Quantized q = quantize_with_places(m, ranges, s);
      if (kind >= 4) {
        s = with_best_weight_scales(s, m, q);
        q = quantize_with_places(m, ranges, s);
      }
      const Model rounded = round_weights(m, in, q, method, true, 1);
      const Quantized again = quantize_with_places(rounded, ranges, with_weight_scales(s, m, q));
      REQUIRE(again.linears.size() == 3);
      for (std::size_t k = 0; k < 3; ++k) {
        const auto& codes = std::get<QLinear>(again.program.nodes[again.linears[k].program_node].op);
        const auto& before = std::get<QLinear>(q.program.nodes[q.linears[k].program_node].op);
        const Linear& op = std::get<Linear>(rounded.nodes[q.linears[k].node].op);
        const LayerCodes grid_of = layer_codes(q, q.linears[k]);
        CHECK(codes.weight_scale == before.weight_scale);
        CHECK(on_grid(op, grid_of));
        CHECK(codes.weight[3] == 0);
        const std::size_t columns = grid_of.column_factor.size();
        for (std::size_t i = 0; i < op.weight.size(); ++i)
          REQUIRE(codes.weight[i] == grid_of.code(op.weight.data[i], i / columns, i % columns));
        if (method == "nearest") CHECK(codes.weight == before.weight);
      }
    }
  const Quantized q = quantize_with_places(m, calibrate(m, in, 1), {});
  CHECK_THROWS_WITH_AS(round_weights(m, in, q, "down", false, 1),
                       "rounding down is unknown; nearest, adaround and gptq exist", Error);
}

TEST_CASE("each layer is rounded for what it reads behind the rounded layers before it") {
  const Model m = relu_network({10, 30, 30, 8}, 4);
  const Tensor in = correlated_inputs(1000, 10, 2);
  const Span<const Tensor> inputs(&in, 1);
  QuantizeSettings s;
  s.bits = 3;
  const Quantized q = quantize_with_places(m, calibrate(m, inputs, 1), s);
  const Tensor exact = infer(m, inputs);
  const auto error = [&](const std::string& method) {
    const Tensor y = infer(round_weights(m, inputs, q, method, false, 1), inputs);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      sum += std::pow(static_cast<double>(y.data[i]) - static_cast<double>(exact.data[i]), 2);
    return sum;
  };
  const double nearest = error("nearest");
  CHECK(error("gptq") < 0.7 * nearest);
  CHECK(error("adaround") < 0.7 * nearest);
}

TEST_CASE("weight scales of least squared error are those of a search by hand") {
  Model m = relu_network({16, 12, 3}, 6);
  std::get<Linear>(m.nodes[0].op).weight.row(2)[5] = 9;  // one weight far out, beyond what the others need
  const Tensor in = correlated_inputs(200, 16, 2);
  for (bool per_channel : {true, false}) {
    QuantizeSettings s;
    s.bits = 4, s.per_channel = per_channel;
    const Quantized q = quantize_with_places(m, calibrate(m, Span<const Tensor>(&in, 1), 1), s);
    const QuantizeSettings best = with_best_weight_scales(s, m, q);
    const std::vector<double>& found = best.layers.at("fc1").weight_scale;
    const std::vector<double>& largest = std::get<QLinear>(q.program.nodes[0].op).weight_scale;
    REQUIRE(found.size() == (per_channel ? 12 : 1));
    const Linear& op = std::get<Linear>(m.nodes[0].op);
    int smaller = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      const auto error = [&](double scale) {
        double sum = 0;
        for (std::size_t i = k * 16; i < (per_channel ? (k + 1) * 16 : op.weight.size()); ++i) {
          const double w = static_cast<double>(op.weight.data[i]);
          sum += std::pow(w - scale * std::min(7.0, std::max(-7.0, std::floor(w / scale + 0.5))), 2);
        }
        return sum;
      };
      for (int percent = 20; percent <= 100; ++percent)
        CHECK(error(found[k]) <= error(largest[k] * percent / 100) * (1 + 1e-12));
      smaller += found[k] < largest[k];
    }
    CHECK(smaller > 0);
  }
}

TEST_CASE("equalisation keeps every bit of the function and brings the ranges of neighbours together") {
  Model m = relu_network({8, 20, 20, 4}, 3);
  m.nodes[3].op = LeakyRelu{0.2f};
  for (std::size_t n : {0u, 2u}) {  // the same function from channels of very different sizes
    Linear &a = std::get<Linear>(m.nodes[n].op), &b = std::get<Linear>(m.nodes[n + 2].op);
    for (int i = 0; i < 20; ++i) {
      const float factor = std::exp2(static_cast<float>(i % 9 - 4));
      for (int k = 0; k < a.weight.columns(); ++k) a.weight.row(i)[k] *= factor;
      a.bias.data[static_cast<std::size_t>(i)] *= factor;
      for (int r = 0; r < b.weight.rows(); ++r) b.weight.row(r)[i] /= factor;
    }
  }
  const Tensor in = correlated_inputs(300, 8, 2);
  const Span<const Tensor> inputs(&in, 1);
  const Model even = equalise(m);
  CHECK(infer(even, inputs).data == infer(m, inputs).data);
  CHECK_FALSE(even == m);
  for (std::size_t n : {0u, 2u}) {
    const Linear &a = std::get<Linear>(even.nodes[n].op), &b = std::get<Linear>(even.nodes[n + 2].op);
    for (int i = 0; i < 20; ++i) {
      float r1 = 0, r2 = 0;
      for (int k = 0; k < a.weight.columns(); ++k) r1 = std::max(r1, std::fabs(a.weight.row(i)[k]));
      for (int r = 0; r < b.weight.rows(); ++r) r2 = std::max(r2, std::fabs(b.weight.row(r)[i]));
      CHECK(r1 / r2 < 2.0001f);
      CHECK(r1 / r2 > 0.4999f);
    }
  }
  QuantizeSettings s;
  s.bits = 4, s.per_channel = false;
  const auto error = [&](const Model& from) {
    const Quantized q = quantize_with_places(from, calibrate(from, inputs, 1), s);
    const Tensor a = infer(round_weights(from, inputs, q, "nearest", false, 1), inputs), exact = infer(m, inputs);
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      sum += std::pow(static_cast<double>(a.data[i]) - static_cast<double>(exact.data[i]), 2);
    return sum;
  };
  CHECK(error(even) < 0.5 * error(m));
  Model read_twice = m;  // channels that something else reads stay
  read_twice.outputs.push_back(m.nodes[1].output);
  CHECK(std::get<Linear>(equalise(read_twice).nodes[0].op).weight == std::get<Linear>(m.nodes[0].op).weight);
}

// x -> numbers beside skip -> their sum; shown: what numbers gives is an output, too.
static Model two_branches(bool shown) {
  Model m;
  m.name = "branches";
  const Value x = add_input(m, "x", 16, InputKind::features);
  const Value a = append(m, "numbers", random_layer(16, 8, 3), {x}, 8);
  const Value b = append(m, "skip", random_layer(16, 8, 4), {x}, 8);
  const Value sum = append(m, "sum", Sum{}, {a, b}, 8);
  m.outputs = {sum};
  if (shown) m.outputs.push_back(a);
  check(m);
  return m;
}

TEST_CASE("of two layers that are only added the second makes up for the first") {
  const Tensor in = correlated_inputs(1500, 16, 5);
  const Span<const Tensor> inputs(&in, 1);
  const Model pair = two_branches(false), apart = two_branches(true);
  QuantizeSettings s;
  s.bits = 3, s.activation_bits = 12;
  const Quantized q = quantize_with_places(pair, calibrate(pair, inputs, 1), s);
  for (const std::string method : {"gptq", "adaround"}) {
    INFO(method);
    const auto error = [&](const Model& m) {
      const Tensor y = infer(round_weights(m, inputs, q, method, false, 1), inputs), exact = infer(m, inputs);
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += std::pow(static_cast<double>(y.data[i] - exact.data[i]), 2);
      return sum;
    };
    CHECK(error(pair) < 0.8 * error(apart));
  }
}
