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
