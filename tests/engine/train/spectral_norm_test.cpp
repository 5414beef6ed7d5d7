// Spectral normalisation: the largest singular value, and the gradient through it against differences.
// SPDX-License-Identifier: MIT
#include "engine/train/spectral_norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <variant>
#include <vector>

#include "engine/model/forward.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

Model two_layers(Tensor first, Tensor second) {
  Model m;
  const int inputs = first.columns(), hidden = first.rows(), outputs = second.rows();
  Value h = add_input(m, "x", inputs, InputKind::features);
  h = append(m, "hidden", Linear{std::move(first), random_tensor({hidden}, 3)}, {h}, hidden);
  h = append(m, "activation", LeakyRelu{0.2f}, {h}, hidden);
  m.outputs = {append(m, "score", Linear{std::move(second), random_tensor({outputs}, 4)}, {h}, outputs)};
  check(m);
  return m;
}

const Tensor& weight(const Model& m, std::size_t node) { return std::get<Linear>(m.nodes[node].op).weight; }

}  // namespace

TEST_CASE("spectral norm: sigma of matrices whose singular values are known") {
  // Rotations of diag(3, 1) and of (5, 0): singular values 3 and 5.
  const float c = 0.6f, s = 0.8f;
  const Model m = two_layers({{2, 2}, {3 * c, -s, 3 * s, c}}, {{1, 2}, {3, 4}});
  std::vector<Tensor> u = start_spectral(m, 7);
  REQUIRE(u.size() == 2);
  CHECK(u[0].shape == std::vector<int>{1, 2});
  SpectralSpace space;
  iterate_spectral(m, u, space);
  CHECK(space.sigma[0] == doctest::Approx(3).epsilon(1e-6));
  CHECK(space.sigma[1] == doctest::Approx(5).epsilon(1e-6));
  CHECK(std::fabs(u[0].data[0]) == doctest::Approx(0.6));
  CHECK(weight(space.normalised, 0).data[0] == doctest::Approx(0.6));
  CHECK(weight(space.normalised, 2).data[1] == doctest::Approx(0.8));
  CHECK(std::get<Linear>(space.normalised.nodes[0].op).bias == std::get<Linear>(m.nodes[0].op).bias);
  Model larger = m;
  for (float& w : std::get<Linear>(larger.nodes[0].op).weight.data) w *= 2;
  const std::vector<Tensor> kept = u;
  refresh_spectral(larger, u, space);
  CHECK(space.sigma[0] == doctest::Approx(6));
  CHECK(u == kept);
}

TEST_CASE("spectral norm: one iteration moves u towards the first singular vector; a zero matrix stays zero") {
  Model m = two_layers(random_tensor({6, 8}, 11), zeros({1, 6}));
  std::vector<Tensor> u{random_tensor({1, 6}, 12), random_tensor({1, 1}, 13)};
  SpectralSpace space;
  double last = 0;
  for (int i = 0; i < 6; ++i) {
    iterate_spectral(m, u, space);
    CHECK(space.sigma[0] >= last);
    last = space.sigma[0];
  }
  const std::vector<Tensor> long_run = start_spectral(m, 5);
  SpectralSpace exact;
  std::vector<Tensor> v = long_run;
  iterate_spectral(m, v, exact);
  CHECK(last == doctest::Approx(exact.sigma[0]).epsilon(0.05));
  for (float w : weight(space.normalised, 2).data) CHECK(w == 0.0f);
}

TEST_CASE("spectral norm: the gradient through W / sigma(W), u and v fixed, against differences") {
  Model m = two_layers(random_tensor({5, 4}, 21), random_tensor({2, 5}, 22));
  std::vector<Tensor> u = start_spectral(m, 9);
  SpectralSpace space;
  iterate_spectral(m, u, space);
  const std::vector<Tensor> inputs{random_tensor({6, 4}, 23)};
  const Tensor dy = random_tensor({6, 2}, 24);
  Tape tape;
  // One layer is linear in its normalised weights while the kinks stay: differences in double of the formula itself.
  forward(space.normalised, inputs, Mode::training, tape);
  Model gradient = zeros_like(m);
  backward(space.normalised, tape, dy, gradient, {}, true);
  const Model plain = gradient;  // d loss / d (W / sigma)
  spectral_gradient(u, space, gradient);
  std::size_t k = 0;
  for (std::size_t node : {std::size_t{0}, std::size_t{2}}) {
    const Tensor &w = weight(m, node), &g = weight(plain, node), &through = weight(gradient, node);
    std::vector<double> at(w.data.begin(), w.data.end());
    const auto linearised = [&] {  // sum of G o W / (u^T W v)
      double sigma = 0, sum = 0;
      for (int r = 0; r < w.rows(); ++r)
        for (int j = 0; j < w.columns(); ++j) {
          const std::size_t i = static_cast<std::size_t>(r * w.columns() + j);
          sigma += static_cast<double>(u[k].data[static_cast<std::size_t>(r)]) * at[i] *
                   static_cast<double>(space.v[k].data[static_cast<std::size_t>(j)]);
          sum += static_cast<double>(g.data[i]) * at[i];
        }
      return sum / sigma;
    };
    bool moved = false;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double value = at[i], h = 1e-5;
      at[i] = value + h;
      const double high = linearised();
      at[i] = value - h;
      const double low = linearised();
      at[i] = value;
      INFO("node ", node, " weight ", i);
      CHECK(std::fabs((high - low) / (2 * h) - static_cast<double>(through.data[i])) < 1e-5);
      moved = moved || std::fabs(through.data[i] - g.data[i] / static_cast<float>(space.sigma[k])) > 1e-2f;
    }
    CHECK(moved);  // the term of sigma matters here
    CHECK(std::get<Linear>(gradient.nodes[node].op).bias == std::get<Linear>(plain.nodes[node].op).bias);
    ++k;
  }
  // And end to end in float: a small step along the gradient changes the loss as it says.
  const auto loss = [&](const Model& model) {
    SpectralSpace other = space;
    refresh_spectral(model, u, other);
    forward(other.normalised, inputs, Mode::training, tape);
    const Tensor& y = tape.values[index(model.outputs[0])];
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y.data[i]) * static_cast<double>(dy.data[i]);
    return sum;
  };
  double square = 0;
  Model high = m, low = m;
  for (std::size_t node : {std::size_t{0}, std::size_t{2}})
    for (std::size_t i = 0; i < weight(m, node).size(); ++i) {
      const float g = weight(gradient, node).data[i], step = 0.002f;
      square += static_cast<double>(g) * static_cast<double>(g);
      std::get<Linear>(high.nodes[node].op).weight.data[i] += step * g;
      std::get<Linear>(low.nodes[node].op).weight.data[i] -= step * g;
    }
  CHECK((loss(high) - loss(low)) / 0.004 == doctest::Approx(square).epsilon(0.01));
}
