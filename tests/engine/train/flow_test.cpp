// Flows: both directions, the log-determinant against the numerical Jacobian, training, checkpoints.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/noise.h"
#include "engine/train/adam.h"
#include "engine/train/checkpoint.h"
#include "engine/train/flow.h"
#include "tests/engine/model/gradient_check.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

FlowSettings small_settings(CouplingKind kind) {
  FlowSettings s;
  s.coupling = kind, s.couplings = 4, s.hidden = {16}, s.bins = 5, s.bound = 3;
  s.batch = 64, s.steps = 40, s.checkpoint_every = 7, s.warm_up = 5;
  return s;
}

TrainingSet toy_set(int events = 700) {
  const Events showers = toy_events(events);
  return training_set(fit_preprocessing(showers, toy_geometry(), 1), showers, 1);
}

const LogEnergy condition{1000};

// The first number bends the second and scales the third: no Gaussian.
TrainingSet bent_set(int events) {
  TrainingSet set{random_tensor({events, 3}, 5, -1.7f, 1.7f), zeros({events, 1})};
  for (int i = 0; i < events; ++i) {
    float* x = set.numbers.row(i);
    x[1] = 0.5f * x[1] + x[0] * x[0] - 1;
    x[2] *= 0.2f + 0.4f * std::fabs(x[0]);
    set.energies.data[static_cast<std::size_t>(i)] = 1000;
  }
  return set;
}

// A flow far from the identity; a spline as steep as these floats can undo.
Model bent_flow(FlowSettings s, int width) {
  Model m = flow_density(s, width, &condition);
  const float reach = s.coupling == CouplingKind::spline ? 0.2f : 0.4f;
  std::uint32_t k = 100;
  for_each_parameter(
      m, [&](std::size_t, const std::string&, Tensor& t) { t = random_tensor(t.shape, k++, -reach, reach); });
  return m;
}

// Without kinks, so that differences say something.
void smoothed(Model& m) {
  for (Node& node : m.nodes)
    if (std::holds_alternative<Relu>(node.op) || std::holds_alternative<LeakyRelu>(node.op)) node.op = Tanh{};
}

Tensor energies(int count) {
  Tensor e = zeros({count, 1});
  for (int i = 0; i < count; ++i) e.data[static_cast<std::size_t>(i)] = 200.0f + 91.0f * static_cast<float>(i % 100);
  return e;
}

// What the density direction calls z and the log-determinant: the input of its last node.
Tensor before_density(const Model& m, const std::vector<Tensor>& inputs) {
  Tape tape;
  forward(m, inputs, Mode::inference, tape);
  return tape.values[index(m.nodes.back().inputs[0])];
}

double determinant(std::vector<std::vector<double>> a) {
  double product = 1;
  for (std::size_t c = 0; c < a.size(); ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c; r < a.size(); ++r)
      if (std::fabs(a[r][c]) > std::fabs(a[pivot][c])) pivot = r;
    std::swap(a[c], a[pivot]);
    product *= a[c][c];
    for (std::size_t r = c + 1; r < a.size(); ++r)
      for (std::size_t k = a.size(); k-- > c;) a[r][k] -= a[r][c] / a[c][c] * a[c][k];
  }
  return std::fabs(product);
}

template <class F>
void for_each_flow(F&& f) {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline})
    for (const bool norms : {false, true})
      for (const int first_step : {0, 2}) {
        FlowSettings s = small_settings(kind);
        s.act_norm = norms, s.first_step = first_step, s.couplings = 4, s.activation = "leaky-relu";
        INFO(std::string(coupling_name(kind)), ", act_norm ", norms, ", first step ", first_step);
        f(s);
      }
}

FlowState run(const FlowSettings& s, const TrainingSet& data, const FlowControl& control = {}, int threads = 1) {
  return train_flow(s, data, start_flow(s, data, &condition), control, threads);
}

}  // namespace

TEST_CASE("flow: sampling undoes density to 1e-5") {
  for_each_flow([](const FlowSettings& s) {
    const Model density = bent_flow(s, 6), sampling = flow_sampling(density);
    const Tensor x = random_tensor({300, 6}, 4, -2.5f, 2.5f), e = energies(300);
    const Tensor z = before_density(density, {x, e});
    REQUIRE(z.columns() == 7);
    Tensor latent = zeros({300, 6});
    for (int i = 0; i < 300; ++i) std::copy_n(z.row(i), 6, latent.row(i));
    const Tensor again = infer(sampling, std::vector<Tensor>{latent, e});
    float largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::fabs(again.data[i] - x.data[i]));
    CHECK(largest <= 1e-5f);
  });
}

TEST_CASE("flow: the log-determinant is that of the numerical Jacobian") {
  for_each_flow([](const FlowSettings& s) {
    Model density = bent_flow(s, 5);
    smoothed(density);
    for (std::uint32_t event = 0; event < 4; ++event) {
      const Tensor x = random_tensor({1, 5}, 20 + event, -1.2f, 1.2f), e = energies(1);
      const float h = 1.0f / 256;  // exact in floats
      std::vector<std::vector<double>> jacobian(5, std::vector<double>(5));
      for (std::size_t j = 0; j < 5; ++j) {
        const auto at = [&](float steps) {
          Tensor moved = x;
          moved.data[j] += steps * h;
          return before_density(density, {moved, e});
        };
        const Tensor p1 = at(1), m1 = at(-1), p2 = at(2), m2 = at(-2);
        const auto rise = [](const Tensor& a, const Tensor& b, std::size_t i) {
          return static_cast<double>(a.data[i]) - static_cast<double>(b.data[i]);
        };
        for (std::size_t i = 0; i < 5; ++i) jacobian[i][j] = (8 * rise(p1, m1, i) - rise(p2, m2, i)) / (12.0 / 256);
      }
      const double expected = std::log(determinant(jacobian));
      CHECK(static_cast<double>(before_density(density, {x, e}).data[5]) ==
            doctest::Approx(expected).epsilon(2e-3).scale(1));
    }
  });
}

TEST_CASE("flow: gradients of the log density with respect to every weight") {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine}) {  // splines have knots: ops suite
    FlowSettings s = small_settings(kind);
    s.hidden = {4}, s.couplings = 2, s.act_norm = true;
    Model m = bent_flow(s, 4);
    smoothed(m);
    check_gradients(m, {random_tensor({6, 4}, 2), energies(6)}, Mode::training, 5e-3);
  }
}

TEST_CASE("flow: training raises the log density of data it has not seen") {
  const TrainingSet data = bent_set(3000);
  FlowSettings s = small_settings(CouplingKind::affine);
  s.steps = 300, s.validation.events = 500, s.validation.every = 50;
  const FlowState start = start_flow(s, data, &condition);
  const Tensor tail = rows_of(data.numbers, 2500, 500), tail_energies = rows_of(data.energies, 2500, 500);
  const MeanError before = mean_log_density(start.density, tail, tail_energies);
  const FlowState end = run(s, data);
  const MeanError after = mean_log_density(trained_flow(end), tail, tail_energies);
  CHECK(after.mean > before.mean + 3 * (before.error + after.error));
  CHECK(end.best.value == doctest::Approx(after.mean));
  CHECK(end.best.step > 0);
}

TEST_CASE("flow: the training ends early when the validation no longer improves") {
  const TrainingSet data = toy_set(120);  // few events, so that it learns them by heart
  FlowSettings s = small_settings(CouplingKind::affine);
  s.hidden = {64}, s.steps = 4000, s.validation.events = 40, s.validation.every = 20, s.validation.patience = 3;
  s.learning_rate = 1e-2;
  const FlowState end = run(s, data);
  CHECK(ended(s, end));
  CHECK(end.step < 4000);
  CHECK(end.step == end.best.step + 60);
}

TEST_CASE("flow: the same bytes for any number of threads, and after any interruption") {
  const TrainingSet data = toy_set();
  for (const CouplingKind kind : {CouplingKind::affine, CouplingKind::spline}) {
    FlowSettings s = small_settings(kind);
    s.act_norm = true, s.validation.events = 100, s.validation.every = 9;
    const std::uint64_t hash = flow_hash(s, data);
    const std::string whole = checkpoint_bytes(run(s, data), hash);
    for (const int threads : {2, 3}) CHECK(checkpoint_bytes(run(s, data, {}, threads), hash) == whole);
    for (const std::int64_t stop_at : {1, 9, 23}) {
      std::atomic<bool> stop{false};
      std::string saved;
      FlowControl control;
      control.stop = &stop;
      control.progress = [&](const FlowProgress& p) { stop = p.step >= stop_at - 1; };
      control.checkpoint = [&](const FlowState& state) { saved = checkpoint_bytes(state, hash); };
      run(s, data, control);
      FlowState again = read_checkpoint(saved, start_flow(s, data, &condition), hash, "memory");
      CHECK(again.step == std::max<std::int64_t>(stop_at, 2));
      CHECK(checkpoint_bytes(train_flow(s, data, again), hash) == whole);
    }
  }
}

TEST_CASE("flow: settings that cannot work are refused") {
  const auto refusal = [](FlowSettings s, int width) {
    try {
      flow_density(s, width, nullptr);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  FlowSettings s = small_settings(CouplingKind::affine);
  CHECK(refusal(s, 1).find("at least 2") != std::string::npos);
  s.first_step = 4;
  CHECK(refusal(s, 5).find("steps of 4 and 1 columns") != std::string::npos);
  Model not_a_flow;
  not_a_flow.name = "mlp";
  not_a_flow.outputs = {append(not_a_flow, "l", linear(2, 2), {add_input(not_a_flow, "x", 2, InputKind::features)}, 2)};
  CHECK_THROWS_AS(flow_sampling(not_a_flow), Error);
}
