// Sensitivities follow the layers' own errors; allocations are the hull that brute force finds.
// SPDX-License-Identifier: MIT
#include "engine/compress/sensitivity.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "engine/model/forward.h"
#include "engine/train/start.h"

using namespace quench;

namespace {

Model two_layers() {
  Model m;
  Value h = add_input(m, "x", 10, InputKind::features);
  h = append(m, "first", linear(10, 20), {h}, 20);
  h = append(m, "relu", Relu{}, {h}, 20);
  m.outputs = {append(m, "second", linear(20, 4), {h}, 4)};
  draw_weights(m, 3, 0);
  check(m);
  return m;
}

}  // namespace

TEST_CASE("a coarsened layer: the asked zeros, few different values in a row") {
  const Linear op = std::get<Linear>(two_layers().nodes[0].op), coarse = coarsened(op, {3, 0.5});
  int zeros = 0;
  for (float w : coarse.weight.data) zeros += w == 0;
  CHECK(zeros >= 100);
  for (int r = 0; r < 20; ++r) {
    double step = 0;
    for (int k = 0; k < 10; ++k) {
      const double w = std::fabs(static_cast<double>(coarse.weight.row(r)[k]));
      if (w > 0 && (step == 0 || w < step)) step = w;
    }
    for (int k = 0; k < 10 && step > 0; ++k) {
      const double code = static_cast<double>(coarse.weight.row(r)[k]) / step;
      CHECK(code * 6 == doctest::Approx(std::round(code * 6)).epsilon(1e-5));  // the smallest may be code 1, 2 or 3
      CHECK(std::fabs(code) < 3.01);
    }
  }
  CHECK(coarsened(op, {16, 0}).weight.data[7] == doctest::Approx(op.weight.data[7]).epsilon(1e-3));
}

TEST_CASE("sensitivity: the error of a layer alone, more for fewer bits and more zeros") {
  const Model m = two_layers();
  Tensor x = zeros({300, 10});
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& v : x.data) v = normal(random);
  const auto cost = [](const Linear& op, LayerChoice c) {
    return static_cast<std::int64_t>(op.weight.size()) * c.bits;
  };
  const std::vector<LayerChoice> choices{{8, 0}, {4, 0}, {2, 0}, {8, 0.8}};
  const std::vector<LayerSensitivity> all = sensitivity(m, Span<const Tensor>(&x, 1), choices, cost, 2);
  REQUIRE(all.size() == 2);
  CHECK(all[0].layer == "first");
  CHECK(all[1].layer == "second");
  for (const LayerSensitivity& layer : all) {
    CHECK(layer.options[0].error < layer.options[1].error);
    CHECK(layer.options[1].error < layer.options[2].error);
    CHECK(layer.options[0].error < layer.options[3].error);
  }
  CHECK(all[1].options[1].cost == 80 * 4);
  Model changed = m;
  Linear& op = std::get<Linear>(changed.nodes[2].op);
  op = coarsened(op, choices[2]);
  const Tensor a = infer(m, Span<const Tensor>(&x, 1)), b = infer(changed, Span<const Tensor>(&x, 1));
  double difference = 0, square = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (a.data[i] - b.data[i]) * (a.data[i] - b.data[i]), square += a.data[i] * a.data[i];
  }
  CHECK(all[1].options[2].error == doctest::Approx(difference / square).epsilon(1e-4));
}

TEST_CASE("sensitivity of widths: the error of fewer neurons, none where they are silent") {
  Model m = two_layers();
  Linear& reader = std::get<Linear>(m.nodes[2].op);
  for (int r = 0; r < 4; ++r)
    for (int j : {2, 5, 11, 19}) reader.weight.row(r)[j] = 0;
  Tensor x = zeros({300, 10});
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& v : x.data) v = normal(random);
  const std::vector<WidthSensitivity> all = width_sensitivity(m, Span<const Tensor>(&x, 1), 2);
  REQUIRE(all.size() == 1);
  CHECK(all[0].layer == "first");
  REQUIRE(all[0].options.size() == 20);
  for (int k = 0; k < 20; ++k) CHECK(all[0].options[static_cast<std::size_t>(k)].neurons == 20 - k);
  CHECK(all[0].options[0].error == 0);
  CHECK(all[0].options[4].error < 1e-12);  // sums in another order
  CHECK(all[0].options[5].error > 1e-4);
  CHECK(all[0].options[19].error > all[0].options[10].error);
}

TEST_CASE("narrowed widths: neurons go where they are missed least for what they cost, down to the limit") {
  const auto cost = [](const std::vector<int>& w) { return static_cast<std::int64_t>(10 * w[0] + w[0] * w[1]); };
  const std::vector<WidthSensitivity> layers{{"a", {{4, 0}, {3, 0.2}, {2, 0.5}}}, {"b", {{6, 0}, {4, 0.03}, {2, 0.3}}}};
  const auto neurons = [&](std::int64_t limit) {
    std::vector<int> all;
    for (const WidthOption& o : narrowed(layers, cost, limit)) all.push_back(o.neurons);
    return all;
  };
  CHECK(neurons(64) == std::vector<int>{4, 6});
  CHECK(neurons(63) == std::vector<int>{4, 4});  // .03 / 8 is less than .2 / 16
  CHECK(neurons(56) == std::vector<int>{4, 4});
  CHECK(neurons(55) == std::vector<int>{3, 4});  // .2 / 14 is less than .27 / 8
  CHECK(neurons(41) == std::vector<int>{2, 4});  // .3 / 14 is less than .27 / 6
  CHECK(neurons(1) == std::vector<int>{2, 2});
  CHECK(narrowed(layers, cost, 55)[0].error == 0.2);
}

TEST_CASE("allocations: no combination has less error for no more cost on the way of any slope") {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<LayerSensitivity> layers(3);
    for (LayerSensitivity& layer : layers)
      for (int k = 0; k < 5; ++k)
        layer.options.push_back({{8, 0}, uniform(random), static_cast<std::int64_t>(1 + 100 * uniform(random))});
    const std::vector<Allocation> found = allocations(layers);
    std::vector<Allocation> every;
    for (std::size_t a = 0; a < 5; ++a)
      for (std::size_t b = 0; b < 5; ++b)
        for (std::size_t c = 0; c < 5; ++c) {
          const LayerOption &x = layers[0].options[a], &y = layers[1].options[b], &z = layers[2].options[c];
          every.push_back({{a, b, c}, x.error + y.error + z.error, x.cost + y.cost + z.cost});
        }
    const auto least = [&](double weight) {  // of error + weight * cost, by brute force
      double best = 1e300;
      for (const Allocation& e : every) best = std::min(best, e.error + weight * static_cast<double>(e.cost));
      return best;
    };
    for (double weight : {0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 1.0, 100.0}) {
      double best = 1e300;
      for (const Allocation& e : found) best = std::min(best, e.error + weight * static_cast<double>(e.cost));
      CHECK(best == doctest::Approx(least(weight)).epsilon(1e-9));
    }
    for (std::size_t i = 1; i < found.size(); ++i) {
      CHECK(found[i].cost < found[i - 1].cost);
      CHECK(found[i].error >= found[i - 1].error);
    }
  }
}
