// Tests of pruning and rounding in one pass: its least squares, its zeros, and that it beats one after the other.
// SPDX-License-Identifier: MIT
#include "engine/compress/joint.h"

#include <doctest/doctest.h>

#include "engine/compress/gptq.h"
#include "engine/compress/obc.h"
#include "engine/compress/rounding.h"
#include "engine/compress/weight_range.h"
#include "engine/core/error.h"
#include "tests/engine/compress/correlated.h"

using namespace quench;

namespace {

Quantized places(const Model& m, Span<const Tensor> inputs, int bits) {
  QuantizeSettings s;
  s.bits = bits;
  const std::vector<Range> ranges = calibrate(m, inputs, 1);
  return quantize_with_places(m, ranges, with_best_weight_scales(s, m, quantize_with_places(m, ranges, s)));
}

double difference(const Model& a, const Model& b, Span<const Tensor> inputs) {
  const Tensor ya = infer(a, inputs), yb = infer(b, inputs);
  double sum = 0;
  for (std::size_t i = 0; i < ya.size(); ++i) {
    const double d = static_cast<double>(ya.data[i]) - static_cast<double>(yb.data[i]);
    sum += d * d;
  }
  return sum;
}

}  // namespace

TEST_CASE("aimed weights are the ridge solution around the weights there were") {
  const int inputs = 6, events = 50;
  const Linear op = random_layer(inputs, 3, 5);
  const Tensor x = correlated_inputs(events, inputs, 2), y = random_tensor({events, 3}, 4);
  const Linear solved = aimed(op, x, y, 1);
  Tensor now;
  forward(op, x, now, 1);
  const std::vector<double> h = curvature(x, 1);
  for (int r = 0; r < 3; ++r) {
    std::vector<double> right(inputs);
    for (int e = 0; e < events; ++e)
      for (int k = 0; k < inputs; ++k)
        right[static_cast<std::size_t>(k)] +=
            static_cast<double>(x.row(e)[k]) * (static_cast<double>(y.row(e)[r]) - static_cast<double>(now.row(e)[r]));
    const std::vector<double> change = naive_solution(h, right);
    for (int k = 0; k < inputs; ++k)
      CHECK(static_cast<double>(solved.weight.row(r)[k]) ==
            doctest::Approx(static_cast<double>(op.weight.row(r)[k]) + change[static_cast<std::size_t>(k)]));
  }
  CHECK(solved.bias == op.bias);
  CHECK(aimed(op, x, y, 3).weight == solved.weight);
  CHECK(aimed(op, x, now, 1).weight == op.weight);  // nothing to take back
}

TEST_CASE("pruning that makes up for the layers before loses less than each layer alone") {
  const Model m = relu_network({20, 48, 40, 40, 40}, 3);
  const Tensor fitted = correlated_inputs(1500, 20, 8), unseen = correlated_inputs(1500, 20, 8, 4, 0.31f);
  PruneSettings s;
  s.method = "obc", s.sparsity = 0.7;
  const Model aimed_at = prune(m, s, Span<const Tensor>(&fitted, 1), 1);
  const Model alone = change_layers(
      m, Span<const Tensor>(&fitted, 1), nullptr,
      [&](const LayerView& view) { return prune_obc(view.op(), view.x, s.sparsity, 1); }, 1);
  for (const Tensor* x : {&fitted, &unseen})
    CHECK(difference(m, aimed_at, Span<const Tensor>(x, 1)) < 0.8 * difference(m, alone, Span<const Tensor>(x, 1)));
}

TEST_CASE("one pass has the zeros asked for, lies on the grid, and is better than pruning, then rounding") {
  const Model m = relu_network({20, 48, 40, 40, 40}, 3);
  const Tensor fitted = correlated_inputs(1500, 20, 8), unseen = correlated_inputs(1500, 20, 8, 4, 0.31f);
  const Span<const Tensor> inputs(&fitted, 1);
  PruneSettings s;
  s.method = "obc", s.sparsity = 0.7;
  for (int bits : {2, 3}) {
    INFO(bits, " bits");
    const Model first = prune(m, s, inputs, 1);
    const Model apart = round_weights(first, inputs, places(first, inputs, bits), "gptq", false, 1);
    const Quantized q = places(first, inputs, bits);
    const Model together = prune_and_round(m, s, inputs, q, false, 1);
    CHECK(sparsity(first) == doctest::Approx(0.7).epsilon(0.001));
    CHECK(sparsity(together) >= sparsity(first));
    CHECK(sparsity(together) < sparsity(apart) + 0.01);
    for (const CodedLinear& place : q.linears) {
      const Linear& op = std::get<Linear>(together.nodes[place.node].op);
      CHECK(nearest_codes(op, layer_codes(q, place)).weight == op.weight);
    }
    CHECK(difference(m, together, inputs) < 0.97 * difference(m, apart, inputs));
    CHECK(difference(m, together, Span<const Tensor>(&unseen, 1)) <
          0.97 * difference(m, apart, Span<const Tensor>(&unseen, 1)));
    CHECK(prune_and_round(m, s, inputs, q, false, 3) == together);
  }
  s.layers = {{"fc2", 0.2}};
  const Model own = prune_and_round(m, s, inputs, places(prune(m, s, inputs, 1), inputs, 8), false, 1);
  const std::vector<float>& w = std::get<Linear>(own.nodes[2].op).weight.data;
  CHECK(std::count(w.begin(), w.end(), 0.0f) == 48 * 40 / 5);
  s.layers = {{"fc9", 0.2}};
  CHECK_THROWS_AS(prune_and_round(m, s, inputs, places(m, inputs, 8), false, 1), Error);
}
