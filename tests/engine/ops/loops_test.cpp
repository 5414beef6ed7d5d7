// The training's loops: every form that this machine has against plain ones, byte for byte.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/model/forward.h"
#include "engine/tensor/vector_for.h"
#include "engine/train/adam.h"
#include "engine/train/checkpoint.h"
#include "tests/engine/model/gradient_check.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

struct NamedForm {
  std::string name;
  Kernels kernels;
};

const NamedForm all_forms[] = {{"portable", Kernels::portable},
                               {"AVX2", Kernels::avx2},
                               {"AVX-512", Kernels::avx512},
                               {"NEON", Kernels::neon},
                               {"fastest", Kernels::fastest}};

// Calls body in each form of this machine.
void in_every_form(const std::function<void()>& body) {
  for (const NamedForm& form : all_forms) {
    if (!has(form.kernels)) continue;
    const LoopForm here(form.kernels);
    INFO("form ", form.name);
    body();
  }
}

// Odd sizes: alone, below and above a vector, whole vectors and a rest, and more than one range of two threads.
const std::vector<std::vector<int>> shapes{{1, 1}, {1, 15}, {3, 5}, {7, 37}, {64, 25}, {33, 129}, {300, 123}};

// Numbers of every size, with those that are no ordinary ones among them.
Tensor numbers(std::vector<int> shape, std::uint32_t seed, float largest = 4.0f) {
  Tensor t = random_tensor(std::move(shape), seed, -largest, largest);
  const float special[] = {-0.0f,  0.0f,   INFINITY, -INFINITY, NAN,   1e-41f, -1e-41f,
                           -1e-5f, 0.299f, 0.3f,     -90.0f,    3e38f, 88.5f,  -3e38f};
  for (std::size_t i = 0, k = seed; i < t.size(); i += 5, ++k) t.data[i] = special[k % std::size(special)];
  return t;
}

// All of a tensor's bits; a NaN is a NaN, whichever operand it came from.
std::vector<std::uint32_t> bits(const Tensor& t) {
  std::vector<std::uint32_t> all(t.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i] = std::isnan(t.data[i]) ? 0x7fc00000u : detail::bits_as<std::uint32_t>(t.data[i]);
  return all;
}

void check_same(const Tensor& expected, const Tensor& found) {
  REQUIRE(expected.size() == found.size());
  const std::vector<std::uint32_t> a = bits(expected), b = bits(found);
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) {
      INFO("element ", i, " of ", a.size(), ": ", expected.data[i], " ", found.data[i]);
      REQUIRE(a[i] == b[i]);
    }
}

// Element by element through a pointer that no compiler sees through: the plain loop.
using Plain = float (*)(float, float, float);

Tensor plain(Plain f, const Tensor& a, const Tensor& b, const Tensor& c) {
  const Plain volatile hidden = f;
  Tensor y = a;
  for (std::size_t i = 0; i < y.size(); ++i) y.data[i] = hidden(a.data[i], b.data[i], c.data[i]);
  return y;
}

// forward: f(x); backward: slope(x, y, dy).
template <class Activation>
void check_activation(const Activation& op, Plain f, Plain slope) {
  for (const std::vector<int>& shape : shapes) {
    const Tensor x = numbers(shape, 1, 9.0f), dy = numbers(shape, 3);
    const Tensor y = plain(f, x, x, x), dx = plain(slope, x, y, dy);
    in_every_form([&] {
      Tensor found;
      forward(op, x, found, 2);
      check_same(y, found);
      backward(op, x, y, dy, found, 2);
      check_same(dx, found);
    });
  }
}

// One pass forth and back through one op, as one list of tensors.
std::vector<Tensor> passes(const Model& model, const std::vector<Tensor>& inputs, Mode mode, int threads) {
  Tape tape;
  forward(model, inputs, mode, tape, threads);
  const Tensor& y = tape.values[index(model.outputs[0])];
  std::vector<Tensor> all{y}, slopes(inputs.size());
  all.insert(all.end(), tape.saved[0].begin(), tape.saved[0].end());
  Model gradient = zeros_like(model);
  backward(model, tape, numbers({y.rows(), y.columns()}, 9), gradient, slopes, true, threads);
  all.insert(all.end(), slopes.begin(), slopes.end());
  for (const Tensor* t : parameter_tensors(gradient)) all.push_back(*t);
  return all;
}

void check_op(Op op, const std::vector<int>& widths, int output_width, Mode mode, int events = 77) {
  Model model;
  model.name = "one";
  std::vector<Value> inputs;
  std::vector<Tensor> values;
  for (int width : widths) {
    inputs.push_back(add_input(model, "x" + std::to_string(inputs.size()), width, InputKind::features));
    values.push_back(numbers({events, width}, static_cast<std::uint32_t>(width)));
  }
  model.outputs = {append(model, "op", std::move(op), inputs, output_width)};
  std::vector<Tensor> expected;
  {
    const LoopForm here(Kernels::portable);
    expected = passes(model, values, mode, 1);
  }
  in_every_form([&] {
    const std::vector<Tensor> found = passes(model, values, mode, 2);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO("tensor ", i);
      check_same(expected[i], found[i]);
    }
  });
}

}  // namespace

TEST_CASE("loops: activations, forth and back") {
  const auto relu = [](float v, float, float) { return v > 0.0f ? v : 0.0f; };
  check_activation(Relu{}, relu, [](float v, float, float d) { return v > 0.0f ? d : 0.0f; });
  check_activation(
      LeakyRelu{0.2f}, [](float v, float, float) { return (v > 0.0f ? v : 0.0f) + 0.2f * (v < 0.0f ? v : 0.0f); },
      [](float, float y, float d) { return d * (std::signbit(y) ? 0.2f : 1.0f); });
  check_activation(
      LeakyRelu{1e-4f}, [](float v, float, float) { return (v > 0.0f ? v : 0.0f) + 1e-4f * (v < 0.0f ? v : 0.0f); },
      [](float x, float, float d) { return d * (std::signbit(x) ? 1e-4f : 1.0f); });
  check_activation(
      Sigmoid{}, [](float v, float, float) { return sigmoid(v); },
      [](float, float y, float d) { return y * (1.0f - y) * d; });
  check_activation(
      Tanh{}, [](float v, float, float) { return quench::tanh(v); },
      [](float, float y, float d) { return (1.0f - y * y) * d; });
  check_activation(
      Exp{}, [](float v, float, float) { return quench::exp(v); }, [](float, float y, float d) { return y * d; });
  check_activation(
      Softplus{}, [](float v, float, float) { return softplus(v); },
      [](float x, float, float d) { return sigmoid(x) * d; });
}

TEST_CASE("loops: sums and products, in place as well") {
  for (const std::vector<int>& shape : shapes) {
    const Tensor a = numbers(shape, 1), b = numbers(shape, 2);
    const Tensor sum = plain([](float u, float v, float) { return u + v; }, a, b, b);
    const Tensor product = plain([](float u, float v, float) { return u * v; }, a, b, b);
    in_every_form([&] {
      Tensor y;
      forward(Sum{}, a, b, y, 2);
      check_same(sum, y);
      forward(Product{}, a, b, y, 2);
      check_same(product, y);
      y = a;
      forward(Sum{}, y, b, y, 2);
      check_same(sum, y);
    });
  }
}

TEST_CASE("loops: Adam, the running average and masks") {
  for (const std::vector<int>& shape : shapes) {
    const Tensor p = numbers(shape, 1), g = numbers(shape, 2), m = numbers(shape, 3), v = numbers(shape, 4);
    const Tensor first = plain([](float a, float b, float) { return 0.75f * a + 0.25f * b; }, m, g, g);
    const Tensor second = plain([](float a, float b, float) { return 0.5f * a + 0.5f * (b * b); }, v, g, g);
    // Step 1: the rate over 1 - 0.75, and the root of the second moment over the root of 1 - 0.5.
    const Tensor moved = plain(
        [](float x, float a, float b) {
          const float inverse_root = static_cast<float>(1 / std::sqrt(0.5));
          return x - 0.5f * (a / (std::sqrt(b) * inverse_root + 0.0625f));
        },
        p, first, second);
    const Tensor average = plain([](float a, float b, float) { return 0.875f * a + 0.125f * b; }, m, p, p);
    const Tensor masked = plain([](float a, float b, float) { return a * b; }, p, g, g);
    in_every_form([&] {
      Tensor at = p, slope = g, moment = m, square = v;
      adam_step({{&at}, {&slope}, {&moment}, {&square}}, {0.125, 0.75, 0.5, 0.0625}, 1, 2);
      check_same(first, moment);
      check_same(second, square);
      check_same(moved, at);
      check_same(zeros(shape), slope);
      Tensor mean = m, other = p, rest = p, factor = g;
      average_step({&mean}, {&other}, 0.875, 2);
      check_same(average, mean);
      mask_step({&rest}, {&factor}, 2);
      check_same(masked, rest);
    });
  }
}

TEST_CASE("loops: a bias' gradient is one chain over the events") {
  for (const int width : {1, 15, 50, 64, 65, 130, 200}) {
    const Tensor x = zeros({41, 1}), dy = random_tensor({41, width}, 5);
    Tensor sums = random_tensor({width}, 6);
    Linear start = linear(1, width);
    start.bias = sums;
    for (int i = 0; i < dy.rows(); ++i)
      for (int j = 0; j < width; ++j) {
        volatile float sum = sums.data[static_cast<std::size_t>(j)];
        sum = sum + dy.row(i)[j];
        sums.data[static_cast<std::size_t>(j)] = sum;
      }
    in_every_form([&] {
      Linear gradient = start;
      backward(Linear{linear(1, width)}, x, dy, nullptr, &gradient, 1);
      check_same(sums, gradient.bias);
    });
  }
}

TEST_CASE("loops: affine couplings by plain functions") {
  for (const int length : {1, 7, 16, 25, 40})
    for (const int events : {1, 8, 13, 64, 75})
      for (const bool inverse : {false, true}) {
        Coupling op;
        op.begin = 2, op.length = length, op.width = length + 3, op.inverse = inverse, op.track = true;
        const Tensor x = numbers({events, op.width + 1}, 1), p = numbers({events, 2 * length}, 2);
        Tensor expected = x;
        for (int i = 0; i < events; ++i) {
          const auto u = [&](int j) -> float { return quench::tanh(0.5f * p.row(i)[length + j]); };
          volatile float sum = 0;
          for (int j = 0; j < length; ++j) {
            const float at = x.row(i)[2 + j], shift = p.row(i)[j];
            expected.row(i)[2 + j] =
                inverse ? (at - shift) * quench::exp(-2.0f * u(j)) : at * quench::exp(2.0f * u(j)) + shift;
            sum = sum + u(j);
          }
          expected.row(i)[op.width] = x.row(i)[op.width] + (inverse ? -2.0f : 2.0f) * sum;
        }
        in_every_form([&] {
          Tensor y;
          std::vector<Tensor> saved;
          forward(op, x, p, y, saved, 2);
          check_same(expected, y);
        });
      }
}

TEST_CASE("loops: layers forth and back, in every form as in the portable one") {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline})
    for (const bool inverse : {false, true}) {
      Coupling op;
      op.kind = kind, op.begin = 1, op.length = 19, op.width = 23, op.inverse = inverse, op.track = true, op.bins = 4;
      check_op(op, {23, 19 * parameters_per_column(op)}, 24, Mode::training);
    }
  for (const int width : {1, 30, 70}) {
    check_op(batch_norm(width), {width}, width, Mode::training);
    check_op(batch_norm(width), {width}, width, Mode::inference);
    check_op(layer_norm(width), {width}, width, Mode::training);
    check_op(Clamp{-1, 2}, {width}, width, Mode::training);
    check_op(Softmax{{width}}, {width}, width, Mode::training);
    const Tensor mean = random_tensor({3, width}, 1), deviation = random_tensor({3, width}, 2);
    for (const bool inverse : {false, true})
      check_op(ConditionalAffine{mean, deviation, inverse}, {width, 1}, width, Mode::training);
  }
}

TEST_CASE("loops: short trainings have the same bytes in every form") {
  const Events showers = toy_events(200);
  const Preprocessing preprocessing = fit_preprocessing(showers, toy_geometry(), 1);
  const TrainingSet set = training_set(preprocessing, showers, 1);
  const LogEnergy condition{1000};
  GanSettings gan;
  gan.latent = 6, gan.hidden = {40, 50}, gan.critic_hidden = {50, 40}, gan.batch = 64, gan.steps = 3;
  FlowSettings flow;
  flow.couplings = 4, flow.hidden = {16}, flow.batch = 64, flow.steps = 3, flow.warm_up = 2;
  const auto trained = [&] {
    return checkpoint_bytes(train_gan(gan, set, start_gan(gan, preprocessing)), 0) +
           checkpoint_bytes(train_flow(flow, set, start_flow(flow, set, &condition)), 0);
  };
  std::string expected;
  {
    const LoopForm here(Kernels::portable);
    expected = trained();
  }
  in_every_form([&] {
    const bool same = trained() == expected;
    CHECK(same);
  });
}

TEST_CASE("loops: a form that this machine has not got is refused, and each lasts as long as it is asked for") {
  const Kernels before = loop_form();
  CHECK(has(before));
  for (const NamedForm& form : all_forms)
    if (!has(form.kernels)) CHECK_THROWS_AS(LoopForm{form.kernels}, Error);
  {
    const LoopForm here(Kernels::portable);
    CHECK(loop_form() == Kernels::portable);
  }
  CHECK(loop_form() == before);
}
