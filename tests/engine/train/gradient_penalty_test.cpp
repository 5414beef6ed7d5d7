// Gradient penalties of a small critic against a naive version in double and its finite differences.
// SPDX-License-Identifier: MIT
#include "engine/train/gradient_penalty.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

// Features [events, 4] -> 6 (leaky) -> 5 (relu) -> score; a Tanh stands before the first Linear, as a front end.
Model small_critic() {
  Model m;
  m.name = "critic";
  Value h = append(m, "front", Tanh{}, {add_input(m, "x", 4, InputKind::features)}, 4);
  h = append(m, "hidden1", Linear{random_tensor({6, 4}, 1), random_tensor({6}, 2)}, {h}, 6);
  h = append(m, "activation1", LeakyRelu{0.2f}, {h}, 6);
  h = append(m, "hidden2", Linear{random_tensor({5, 6}, 3), random_tensor({5}, 4)}, {h}, 5);
  h = append(m, "activation2", Relu{}, {h}, 5);
  m.outputs = {append(m, "score", Linear{random_tensor({1, 5}, 5, 0.2f, 2.0f), random_tensor({1}, 6)}, {h}, 1)};
  check(m);
  return m;
}

// One layer of the naive critic: rows of weights, and the slope below 0 of what follows.
struct Layer {
  std::vector<std::vector<double>> weight;
  std::vector<double> bias;
  double slope;
};

std::vector<Layer> layers_of(const Model& m) {
  std::vector<Layer> layers;
  for (const Node& node : m.nodes) {
    if (const Linear* l = std::get_if<Linear>(&node.op)) {
      Layer layer{{}, {l->bias.data.begin(), l->bias.data.end()}, 1};
      for (int i = 0; i < l->weight.rows(); ++i)
        layer.weight.emplace_back(l->weight.row(i), l->weight.row(i) + l->weight.columns());
      layers.push_back(layer);
    }
    if (const LeakyRelu* r = std::get_if<LeakyRelu>(&node.op)) layers.back().slope = static_cast<double>(r->slope);
    if (std::holds_alternative<Relu>(node.op) && !layers.empty()) layers.back().slope = 0;
  }
  return layers;
}

// d score / d x by the sum over all paths from the front: the Jacobian grows layer by layer.
std::vector<double> slope_at(const std::vector<Layer>& layers, std::vector<double> x) {
  std::vector<std::vector<double>> jacobian(x.size(), std::vector<double>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) jacobian[i][i] = 1;
  const std::size_t inputs = x.size();
  for (const Layer& layer : layers) {
    std::vector<double> y = layer.bias;
    std::vector<std::vector<double>> next(y.size(), std::vector<double>(inputs));
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (std::size_t k = 0; k < x.size(); ++k) y[o] += layer.weight[o][k] * x[k];
      const double factor = y[o] > 0 ? 1 : layer.slope;
      y[o] *= factor;
      for (std::size_t k = 0; k < x.size(); ++k)
        for (std::size_t i = 0; i < inputs; ++i) next[o][i] += factor * layer.weight[o][k] * jacobian[k][i];
    }
    x = y, jacobian = next;
  }
  return jacobian[0];
}

double naive_penalty(const std::vector<Layer>& layers, Penalty penalty, const Tensor& points) {
  double sum = 0;
  for (int i = 0; i < points.rows(); ++i) {
    double square = 0;
    for (double g : slope_at(layers, {points.row(i), points.row(i) + points.columns()})) square += g * g;
    sum += penalty == Penalty::r1 ? square / 2 : (std::sqrt(square) - 1) * (std::sqrt(square) - 1);
  }
  return sum / points.rows();
}

std::string refusal(const Model& critic) {
  try {
    penalised_chain(critic);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("gradient penalty: value and derivative with respect to every weight, for both penalties") {
  const Model critic = small_critic();
  const Tensor points = random_tensor({9, 4}, 7);
  for (Penalty penalty : {Penalty::wgan_gp, Penalty::r1}) {
    CAPTURE(static_cast<int>(penalty));
    Model gradient = zeros_like(critic);
    PenaltySpace space;
    std::vector<Layer> layers = layers_of(critic);
    const double value = gradient_penalty(critic, penalty, 2.5, points, gradient, space);
    CHECK(value == doctest::Approx(2.5 * naive_penalty(layers, penalty, points)).epsilon(1e-5));
    std::size_t layer = 0;
    int moved = 0;
    for (const Node& node : gradient.nodes) {
      const Linear* g = std::get_if<Linear>(&node.op);
      if (!g) continue;
      for (float b : g->bias.data) CHECK(b == 0.0f);
      for (int o = 0; o < g->weight.rows(); ++o)
        for (int k = 0; k < g->weight.columns(); ++k) {
          double& w = layers[layer].weight[static_cast<std::size_t>(o)][static_cast<std::size_t>(k)];
          const double at = w, h = 1e-6;
          w = at + h;
          const double high = naive_penalty(layers, penalty, points);
          w = at - h;
          const double low = naive_penalty(layers, penalty, points);
          w = at;
          const double slope = static_cast<double>(g->weight.row(o)[k]);
          INFO(node.name, " [", o, ", ", k, "]");
          CHECK(std::fabs(slope - 2.5 * (high - low) / (2 * h)) < 1e-4);
          moved += std::fabs(slope) > 1e-3;
        }
      ++layer;
    }
    CHECK(moved > 40);  // of 59 weights: no layer is left out
  }
}

TEST_CASE("gradient penalty: adds to the gradient; the same bytes for any number of threads; no slope, no direction") {
  const Model critic = small_critic();
  const Tensor points = random_tensor({300, 4}, 8);
  Model once = zeros_like(critic), twice = once, shared = once;
  PenaltySpace space, other;
  gradient_penalty(critic, Penalty::r1, 1, points, once, space, 1);
  gradient_penalty(critic, Penalty::r1, 1, points, shared, other, 3);
  CHECK(once == shared);
  gradient_penalty(critic, Penalty::r1, 1, points, twice, space, 1);
  gradient_penalty(critic, Penalty::r1, 1, points, twice, space, 1);
  std::vector<const float*> buffers;  // after the first call they stay where they are
  const auto take = [&](const PenaltySpace& s) {
    buffers.clear();
    for (const std::vector<Tensor>* list : {&s.value, &s.slope})
      for (const Tensor& t : *list) buffers.push_back(t.data.data());
    for (const Tensor& t : s.pushed) buffers.push_back(t.data.data());
  };
  take(other);
  const std::vector<const float*> before = buffers;
  gradient_penalty(critic, Penalty::wgan_gp, 1, points, shared, other, 3);
  take(other);
  CHECK(before == buffers);
  CHECK(before.size() == 14);
  const float a = std::get<Linear>(once.nodes[1].op).weight.data[0];
  CHECK(std::get<Linear>(twice.nodes[1].op).weight.data[0] == doctest::Approx(2 * a));
  Model flat = zeros_like(critic), gradient = flat;
  CHECK(gradient_penalty(flat, Penalty::wgan_gp, 10, points, gradient, space) == 10);
  CHECK(gradient == flat);
  CHECK(gradient_penalty(critic, Penalty::none, 10, points, gradient, space) == 0);
}

TEST_CASE("points between real and generated features lie on the lines between them") {
  const Tensor features = random_tensor({2000, 3}, 9);
  Tensor points, again;
  between(features, 5, 100, points);
  REQUIRE(points.shape == std::vector<int>{1000, 3});
  double sum = 0, squares = 0;
  for (int i = 0; i < 1000; ++i) {
    const float *real = features.row(i), *fake = features.row(1000 + i), *p = points.row(i);
    double u = 0, size = 0;
    for (int j = 0; j < 3; ++j) {
      const double d = static_cast<double>(real[j]) - static_cast<double>(fake[j]);
      u += d * (static_cast<double>(p[j]) - static_cast<double>(fake[j])), size += d * d;
    }
    u /= size, sum += u, squares += u * u;
    for (int j = 0; j < 3; ++j)
      CHECK(std::fabs(static_cast<double>(p[j]) - u * static_cast<double>(real[j]) -
                      (1 - u) * static_cast<double>(fake[j])) < 1e-5);
  }
  CHECK(sum / 1000 == doctest::Approx(0.5).epsilon(0.06));
  CHECK(squares / 1000 == doctest::Approx(1.0 / 3).epsilon(0.1));
  between(features, 5, 101, again);
  CHECK(again.row(0)[0] != points.row(0)[0]);
}

TEST_CASE("gradient penalty: critics that are no chain of Linear, Relu and LeakyRelu are refused by name") {
  CHECK(penalised_chain(small_critic()) == 1);
  Model m = small_critic();
  m.nodes[4].op = Tanh{};
  CHECK(refusal(m) ==
        "model critic: node activation2 (Tanh) stands behind the first Linear; train.penalty knows the second "
        "derivatives of Linear, Relu and LeakyRelu");
  m = small_critic();
  m.nodes[2].op = batch_norm(6);
  CHECK(refusal(m).find("node activation1 (BatchNorm)") != std::string::npos);
  m = small_critic();
  m.nodes[3].inputs = {m.nodes[1].output};
  CHECK(refusal(m) ==
        "model critic: node hidden2 does not read activation1; train.penalty needs a chain from the first Linear on");
  m = small_critic();
  m.nodes.pop_back();
  CHECK(refusal(m) == "model critic: ends in 5 values; train.penalty needs a chain that ends in one score");
  m.nodes.resize(1);
  CHECK(refusal(m) == "model critic: has no Linear node; train.penalty needs one");
  CHECK(penalty_named("none") == Penalty::none);
  CHECK(penalty_named("wgan-gp") == Penalty::wgan_gp);
  CHECK(penalty_named("r1") == Penalty::r1);
  CHECK_THROWS_WITH_AS(penalty_named("r2"), "train.penalty: \"r2\" is not known; choose none, wgan-gp or r1", Error);
}
