// Layers of flows: values by hand, gradients, inverses and log-determinants.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/ops/spline.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

// A model of one op on features inputs of these widths.
Model one_op(Op op, std::vector<int> input_widths, int output_width) {
  Model model;
  model.name = "one";
  std::vector<Value> inputs;
  for (int width : input_widths)
    inputs.push_back(add_input(model, "x" + std::to_string(inputs.size()), width, InputKind::features));
  model.outputs = {append(model, "op", std::move(op), inputs, output_width)};
  check(model);
  return model;
}

Tensor run_op(const Model& model, std::vector<Tensor> inputs) {
  Tape tape;
  forward(model, inputs, Mode::inference, tape);
  return tape.values[index(model.outputs[0])];
}

Coupling coupling(CouplingKind kind, bool inverse, bool track) {
  Coupling op;
  op.kind = kind, op.begin = 1, op.length = 3, op.width = 5, op.inverse = inverse, op.track = track;
  op.bins = 4, op.bound = 2;
  return op;
}

}  // namespace

TEST_CASE("permute: by hand, and back") {
  const Model m = one_op(Permute{{2, 0, 1}}, {3}, 3);
  CHECK(run_op(m, {{{2, 3}, {1, 2, 3, 4, 5, 6}}}).data == std::vector<float>{3, 1, 2, 6, 4, 5});
  check_gradients(m, {random_tensor({4, 3}, 1)}, Mode::inference);
}

TEST_CASE("coupling: additive and affine by hand") {
  Coupling op = coupling(CouplingKind::additive, false, true);
  op.begin = 0, op.length = 1, op.width = 2;
  CHECK(run_op(one_op(op, {2, 1}, 3), {{{1, 2}, {3, 4}}, {{1, 1}, {10}}}).data == std::vector<float>{13, 4, 0});
  op.kind = CouplingKind::affine;  // raw 2: s = 2 tanh 1
  const Tensor y = run_op(one_op(op, {3, 2}, 3), {{{1, 3}, {3, 4, 0.25f}}, {{1, 2}, {10, 2}}});
  const double s = 2 * std::tanh(1.0);
  CHECK(static_cast<double>(y.data[0]) == doctest::Approx(3 * std::exp(s) + 10).epsilon(1e-6));
  CHECK(y.data[1] == 4.0f);
  CHECK(static_cast<double>(y.data[2]) == doctest::Approx(0.25 + s).epsilon(1e-6));
}

TEST_CASE("coupling: gradients of every kind, both ways, with and without the log-determinant") {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline})
    for (const bool inverse : {false, true})
      for (const bool track : {false, true})
        for (const bool carried : {false, true}) {
          if (carried && !track) continue;
          const std::string which = coupling_name(kind);
          INFO(which, inverse, track, carried);
          const Coupling op = coupling(kind, inverse, track);
          const int parameters = op.length * parameters_per_column(op);
          Tensor x = random_tensor({3, carried ? 6 : 5}, 7, -0.1f, 0.1f);
          for (int i = 0; i < 3; ++i)  // the middle of a bin: the slope bends at the knots
            for (int j = 1; j < 4; ++j) x.row(i)[j] += static_cast<float>((i + j) % 4) - 1.5f;
          check_gradients(one_op(op, {x.columns(), parameters}, output_width(op)),
                          {x, random_tensor({3, parameters}, 8, -0.4f, 0.4f)}, Mode::inference, 6e-3, 2);
        }
}

TEST_CASE("coupling: the inverse undoes it, and its log-determinant") {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline}) {
    const std::string which = coupling_name(kind);
    INFO(which);
    const Coupling there = coupling(kind, false, true), back = coupling(kind, true, true);
    const int parameters = there.length * parameters_per_column(there);
    const Tensor x = random_tensor({500, 5}, 9, -3, 3), p = random_tensor({500, parameters}, 10);
    const Tensor y = run_op(one_op(there, {5, parameters}, 6), {x, p});
    const Tensor again = run_op(one_op(back, {6, parameters}, 6), {y, p});
    for (int i = 0; i < x.rows(); ++i) {
      for (int j = 0; j < 5; ++j) CHECK(std::fabs(again.row(i)[j] - x.row(i)[j]) <= 1e-5f);
      CHECK(std::fabs(again.row(i)[5]) <= 3e-5f);
    }
  }
}

TEST_CASE("spline: all-zero parameters are the identity; the slope is positive and 1 at the ends") {
  const float zero[11] = {};
  const Spline identity{4, 2, zero};
  for (float x = -2.5f; x < 2.6f; x += 0.125f) {
    CHECK(spline(identity, x).y == doctest::Approx(x).epsilon(1e-6));
    CHECK(std::fabs(spline(identity, x).log_slope) < 1e-5f);
  }
  const Tensor raw = random_tensor({11}, 3, -3, 3);
  const Spline bent{4, 2, raw.data.data()};
  CHECK(std::fabs(spline(bent, -1.99999f).log_slope) < 1e-2f);
  CHECK(std::fabs(spline(bent, 1.99999f).log_slope) < 1e-2f);
  float before = -2;
  for (float x = -1.99f; x < 2; x += 0.01f) {
    const float y = spline(bent, x).y;
    CHECK(y > before);
    before = y;
  }
}

TEST_CASE("act norm: gradients both ways, start from data") {
  for (const bool inverse : {false, true})
    for (const bool track : {false, true}) {
      ActNorm op{random_tensor({3}, 1), random_tensor({3}, 2), inverse, track};
      const int out = track ? 4 : 3;
      check_gradients(one_op(op, {3}, out), {random_tensor({5, 3}, 3)}, Mode::inference);
      if (track) check_gradients(one_op(op, {4}, out), {random_tensor({5, 4}, 4)}, Mode::inference);
    }
  ActNorm op = act_norm(2, false);
  const Tensor x{{4, 2}, {1, 10, 3, 10, 5, 30, 7, 30}};
  start_from(op, x);
  const Tensor y = run_op(one_op(op, {2}, 2), {x});
  for (int j = 0; j < 2; ++j) {
    double mean = 0, square = 0;
    for (int i = 0; i < 4; ++i) {
      const double v = y.row(i)[j];
      mean += v / 4, square += v * v / 4;
    }
    CHECK(std::fabs(mean) < 1e-6);
    CHECK(square == doctest::Approx(1).epsilon(1e-5));
  }
}

TEST_CASE("asinh: values, log-determinant, gradients both ways, there and back") {
  for (const bool inverse : {false, true})
    for (const bool track : {false, true}) {
      const Asinh op{3, inverse, track};
      const int out = track ? 4 : 3;
      check_gradients(one_op(op, {3}, out), {random_tensor({5, 3}, 3, -2.5f, 2.5f)}, Mode::inference);
      if (track) check_gradients(one_op(op, {4}, out), {random_tensor({5, 4}, 4, -2.5f, 2.5f)}, Mode::inference);
    }
  const Tensor x{{2, 3}, {0.5f, -2000, 7, 1e-6f, 30, 1}};  // the last column: the log-determinant so far
  const Tensor y = run_op(one_op(Asinh{2, false, true}, {3}, 3), {x});
  for (int i = 0; i < 2; ++i) {
    double log_determinant = static_cast<double>(x.row(i)[2]);
    for (int j = 0; j < 2; ++j) {
      const double v = static_cast<double>(x.row(i)[j]);
      CHECK(static_cast<double>(y.row(i)[j]) == doctest::Approx(std::asinh(v)).epsilon(1e-6));
      log_determinant -= 0.5 * std::log1p(v * v);
    }
    CHECK(static_cast<double>(y.row(i)[2]) == doctest::Approx(log_determinant).epsilon(1e-6));
  }
  const Tensor back = run_op(one_op(Asinh{2, true, true}, {3}, 3), {y});
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(back.data[i] == doctest::Approx(x.data[i]).epsilon(1e-5));
}

TEST_CASE("normal density: by hand, gradients") {
  const Model m = one_op(NormalDensity{}, {3}, 1);
  const double expected = 0.5 - 0.5 * (1 + 4) - std::log(2 * 3.14159265358979);
  CHECK(static_cast<double>(run_op(m, {{{1, 3}, {1, -2, 0.5f}}}).data[0]) == doctest::Approx(expected).epsilon(1e-6));
  check_gradients(m, {random_tensor({4, 3}, 5)}, Mode::inference);
}

TEST_CASE("spread: by hand, gradients") {
  const Model m = one_op(Spread{{{2}, {0.5f, 2}}}, {2, 2}, 2);
  CHECK(run_op(m, {{{1, 2}, {1, 2}}, {{1, 2}, {4, -1}}}).data == std::vector<float>{3, 0});
  check_gradients(m, {random_tensor({4, 2}, 1), random_tensor({4, 2}, 2)}, Mode::inference);
}

TEST_CASE("flow layers that do not fit are refused with the numbers") {
  const auto refusal = [](Op op, std::vector<int> widths, int output) {
    try {
      one_op(std::move(op), std::move(widths), output);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refusal(Permute{{0, 0, 1}}, {3}, 3).find("each of 0 .. 2 once") != std::string::npos);
  CHECK(refusal(coupling(CouplingKind::affine, false, false), {5, 5}, 5).find("5 wide; it must be 6") !=
        std::string::npos);
  Coupling op = coupling(CouplingKind::spline, false, false);
  op.bins = 33;
  CHECK(refusal(op, {5, 3 * 98}, 5).find("33 bins") != std::string::npos);
  op = coupling(CouplingKind::additive, false, false), op.begin = 3;
  CHECK(refusal(op, {5, 3}, 5).find("columns 3 .. 5 of 5") != std::string::npos);
}
