// Float ops: values worked by hand, and every gradient against finite differences.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"
#include "engine/model/forward.h"
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

Tensor run_op(const Model& model, std::vector<Tensor> inputs, Mode mode = Mode::inference) {
  Tape tape;
  forward(model, inputs, mode, tape);
  return tape.values[index(model.outputs[0])];
}

void check_close(const Tensor& a, const std::vector<double>& b, double tolerance = 1e-6) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < b.size(); ++i) {
    INFO("element ", i);
    CHECK(static_cast<double>(a.data[i]) == doctest::Approx(b[i]).epsilon(tolerance));
  }
}

// Numbers on both sides of zero, none near it: a Relu is smooth there.
Tensor away_from_zero(std::vector<int> shape, std::uint32_t seed) {
  Tensor t = random_tensor(std::move(shape), seed);
  for (float& x : t.data) x += x < 0 ? -0.3f : 0.3f;
  return t;
}

Linear random_linear(int inputs, int outputs, std::uint32_t seed) {
  return {random_tensor({outputs, inputs}, seed), random_tensor({outputs}, seed + 1)};
}

BatchNorm random_batch_norm(int width) {
  BatchNorm op = batch_norm(width);
  op.gamma = random_tensor({width}, 1, 0.5f, 1.5f);
  op.beta = random_tensor({width}, 2);
  op.mean = random_tensor({width}, 3);
  op.variance = random_tensor({width}, 4, 0.5f, 2.0f);
  return op;
}

ConditionalAffine random_affine(int degree, int width, bool inverse) {
  return {random_tensor({degree + 1, width}, 5), random_tensor({degree + 1, width}, 6, -0.5f, 0.5f), inverse};
}

}  // namespace

TEST_CASE("linear: y = W x + b by hand") {
  const Model model = one_op(Linear{{{2, 3}, {1, 2, 3, -1, 0, 4}}, {{2}, {10, 20}}}, {3}, 2);
  check_close(run_op(model, {{{2, 3}, {1, 0, -1, 2, 1, 0.5f}}}), {8, 15, 15.5, 20});
}

TEST_CASE("linear: gradients") {
  check_gradients(one_op(random_linear(5, 4, 10), {5}, 4), {random_tensor({7, 5}, 11)}, Mode::inference);
}

TEST_CASE("batch norm: training uses the batch, inference the running statistics") {
  BatchNorm op = batch_norm(1);
  op.gamma.data = {2}, op.beta.data = {1}, op.mean.data = {1}, op.variance.data = {4}, op.epsilon = 0;
  Model model = one_op(op, {1}, 1);
  const Tensor x{{4, 1}, {1, 3, 5, 7}};  // mean 4, variance 5, unbiased 20 / 3
  check_close(run_op(model, {x}), {1, 3, 5, 7});
  const double r = std::sqrt(5.0);
  Tape tape;
  const std::vector<Tensor> inputs{x};
  forward(model, inputs, Mode::training, tape);
  check_close(tape.values[1], {1 - 6 / r, 1 - 2 / r, 1 + 2 / r, 1 + 6 / r});
  update_state(model, tape);
  const BatchNorm& after = std::get<BatchNorm>(model.nodes[0].op);
  check_close(after.mean, {0.9 * 1 + 0.1 * 4});
  check_close(after.variance, {0.9 * 4 + 0.1 * 20 / 3});
}

TEST_CASE("batch norm: gradients, in both modes, wider than a block of columns and longer than a part of the sum") {
  check_gradients(one_op(random_batch_norm(3), {3}, 3), {random_tensor({6, 3}, 12)}, Mode::training);
  check_gradients(one_op(random_batch_norm(3), {3}, 3), {random_tensor({6, 3}, 12)}, Mode::inference);
  check_gradients(one_op(random_batch_norm(67), {67}, 67), {random_tensor({35, 67}, 13)}, Mode::training);
}

TEST_CASE("activations: values") {
  const Tensor x{{1, 4}, {-2, -0.1f, 0, 3}};
  check_close(run_op(one_op(Relu{}, {4}, 4), {x}), {0, 0, 0, 3});
  check_close(run_op(one_op(LeakyRelu{0.25f}, {4}, 4), {x}), {-0.5, -0.025, 0, 3});
  check_close(run_op(one_op(Sigmoid{}, {4}, 4), {x}),
              {1 / (1 + std::exp(2.0)), 1 / (1 + std::exp(0.1)), 0.5, 1 / (1 + std::exp(-3.0))});
  check_close(run_op(one_op(Tanh{}, {4}, 4), {x}), {std::tanh(-2.0), std::tanh(-0.1), 0, std::tanh(3.0)});
  check_close(run_op(one_op(Exp{}, {4}, 4), {x}), {std::exp(-2.0), std::exp(-0.1), 1, std::exp(3.0)});
  check_close(run_op(one_op(Softplus{}, {4}, 4), {x}),
              {std::log1p(std::exp(-2.0)), std::log1p(std::exp(-0.1)), std::log(2.0), std::log1p(std::exp(3.0))});
  const Tensor far{{1, 2}, {-500, 500}};  // nothing overflows
  CHECK(std::isfinite(run_op(one_op(Exp{}, {2}, 2), {far}).data[1]));
  CHECK(run_op(one_op(Softplus{}, {2}, 2), {far}).data[1] == 500);
}

TEST_CASE("activations: gradients") {
  for (const Op& op : {Op(Relu{}), Op(LeakyRelu{0.2f}), Op(Sigmoid{}), Op(Tanh{}), Op(Exp{}), Op(Softplus{})}) {
    INFO(type_name(op));
    check_gradients(one_op(op, {4}, 4), {away_from_zero({5, 4}, 14)}, Mode::inference);
  }
}

TEST_CASE("concat and slice: values and gradients") {
  const Tensor a{{2, 1}, {1, 2}}, b{{2, 2}, {3, 4, 5, 6}};
  check_close(run_op(one_op(Concat{}, {1, 2}, 3), {a, b}), {1, 3, 4, 2, 5, 6});
  check_close(run_op(one_op(Slice{1, 2}, {3}, 2), {Tensor{{2, 3}, {1, 2, 3, 4, 5, 6}}}), {2, 3, 5, 6});
  check_gradients(one_op(Concat{}, {1, 2, 3}, 6),
                  {random_tensor({3, 1}, 1), random_tensor({3, 2}, 2), random_tensor({3, 3}, 3)}, Mode::inference);
  check_gradients(one_op(Slice{1, 2}, {4}, 2), {random_tensor({3, 4}, 1)}, Mode::inference);
}

TEST_CASE("permute: values, its inverse, and gradients") {
  const Permute op{{2, 0, 3, 1}};
  const Tensor x{{2, 4}, {10, 20, 30, 40, 1, 2, 3, 4}};
  const Tensor y = run_op(one_op(op, {4}, 4), {x});
  check_close(y, {30, 10, 40, 20, 3, 1, 4, 2});
  check_close(run_op(one_op(Permute{{1, 3, 0, 2}}, {4}, 4), {y}), {10, 20, 30, 40, 1, 2, 3, 4});
  check_gradients(one_op(op, {4}, 4), {random_tensor({3, 4}, 1)}, Mode::inference);
  for (const std::vector<int>& order : {std::vector<int>{0, 1}, {0, 1, 1}, {0, 1, 3}, {0, -1, 2}, {0, 1, 2, 3}})
    CHECK_THROWS_WITH_AS(one_op(Permute{order}, {3}, 3), doctest::Contains("must list each of 0 .. 2 once"), Error);
}

TEST_CASE("sum and product: values, gradients, and one value as both operands") {
  const Tensor a{{2, 2}, {1, -2, 3, 4}}, b{{2, 2}, {10, 20, -30, 0.5f}};
  check_close(run_op(one_op(Sum{}, {2, 2}, 2), {a, b}), {11, 18, -27, 4.5});
  check_close(run_op(one_op(Product{}, {2, 2}, 2), {a, b}), {10, -40, -90, 2});
  for (const Op& op : {Op(Sum{}), Op(Product{})}) {
    INFO(type_name(op));
    check_gradients(one_op(op, {3, 3}, 3), {random_tensor({4, 3}, 1), random_tensor({4, 3}, 2)}, Mode::inference);
    Model twice;
    twice.name = "twice";
    const Value x = add_input(twice, "x", 3, InputKind::features);
    twice.outputs = {append(twice, "op", op, {x, x}, 3)};
    check_gradients(twice, {random_tensor({4, 3}, 3)}, Mode::inference);
    CHECK_THROWS_WITH_AS(one_op(op, {3, 2}, 3), doctest::Contains("the second input is 2 wide; it must be 3"), Error);
    CHECK_THROWS_WITH_AS(one_op(op, {3}, 3), doctest::Contains("has 1 inputs; it takes 2"), Error);
  }
}

TEST_CASE("clamp: values, gradients inside and outside, and bounds that are none") {
  const Clamp op{-0.5f, 1.5f};
  const Tensor x{{1, 5}, {-3, -0.5f, 0.25f, 1.5f, 9}};
  const Model model = one_op(op, {5}, 5);
  check_close(run_op(model, {x}), {-0.5, -0.5, 0.25, 1.5, 1.5});
  Tape tape;
  forward(model, std::vector<Tensor>{x}, Mode::inference, tape);
  Model gradient = model;
  std::vector<Tensor> dx(1);
  backward(model, tape, Tensor{{1, 5}, {1, 2, 3, 4, 5}}, gradient, dx);
  check_close(dx[0], {0, 2, 3, 4, 0});
  check_gradients(model, {Tensor{{2, 5}, {-3, -0.3f, 0.2f, 1, 9, 0.6f, -1, 2, 0, 1.2f}}}, Mode::inference);
  for (const Clamp& wrong : {Clamp{1, 1}, Clamp{2, 1}, Clamp{0, INFINITY}, Clamp{NAN, 1}})
    CHECK_THROWS_WITH_AS(one_op(wrong, {1}, 1), doctest::Contains("must be finite, the first below"), Error);
}

TEST_CASE("softmax: groups by hand, sums of one, large numbers, gradients") {
  const Tensor x{{2, 5}, {0, static_cast<float>(std::log(3.0)), 7, 1, 1, 1000, -1000, 0, -800, 800}};
  const Tensor y = run_op(one_op(Softmax{{2, 1, 2}}, {5}, 5), {x});
  check_close(y, {0.25, 0.75, 1, 0.5, 0.5, 1, 0, 1, 0, 1});
  for (const std::vector<int>& groups : {std::vector<int>{6}, {1, 5}, {2, 3, 1}})
    check_gradients(one_op(Softmax{groups}, {6}, 6), {random_tensor({4, 6}, 5)}, Mode::inference);
  check_gradients(one_op(Softmax{{37, 3}}, {40}, 40), {random_tensor({3, 40}, 6)}, Mode::inference);
  CHECK_THROWS_WITH_AS(one_op(Softmax{{2, 2}}, {5}, 5), doctest::Contains("groups hold 4 columns, the input has 5"),
                       Error);
  CHECK_THROWS_WITH_AS(one_op(Softmax{{6, -1}}, {5}, 5), doctest::Contains("a group has -1 columns"), Error);
}

TEST_CASE("layer norm: by hand, gradients narrower and wider than a block of columns, any number of threads") {
  LayerNorm op = layer_norm(4);
  op.gamma.data = {2, 1, 1, -1}, op.beta.data = {1, 0, 0.5f, 0}, op.epsilon = 1e-12f;
  const double r = std::sqrt(5.0);  // of 1, 3, 5, 7: mean 4, variance 5
  check_close(run_op(one_op(op, {4}, 4), {Tensor{{1, 4}, {1, 3, 5, 7}}}), {1 - 6 / r, -1 / r, 0.5 + 1 / r, -3 / r});
  CHECK(std::isfinite(run_op(one_op(layer_norm(3), {3}, 3), {Tensor{{1, 3}, {5, 5, 5}}}).data[0]));
  for (const auto& [events, width] : {std::pair(6, 4), std::pair(35, 67)}) {
    LayerNorm wide = layer_norm(width);
    wide.gamma = random_tensor({width}, 1, 0.5f, 1.5f), wide.beta = random_tensor({width}, 2);
    const Model model = one_op(wide, {width}, width);
    const Tensor x = random_tensor({events, width}, 3, -2.0f, 2.0f), dy = random_tensor({events, width}, 4);
    check_gradients(model, {x}, Mode::training);
    Tape one, three;
    Model gradient_one = zeros_like(model), gradient_three = zeros_like(model);
    forward(model, std::vector<Tensor>{x}, Mode::training, one, 1);
    forward(model, std::vector<Tensor>{x}, Mode::training, three, 3);
    backward(model, one, dy, gradient_one, {}, true, 1);
    backward(model, three, dy, gradient_three, {}, true, 3);
    CHECK(gradient_one == gradient_three);
    CHECK(one.values[1] == three.values[1]);
  }
  LayerNorm wrong = layer_norm(4);
  wrong.epsilon = 0;
  CHECK_THROWS_WITH_AS(one_op(wrong, {4}, 4), doctest::Contains("epsilon 0 must be finite and above 0"), Error);
  CHECK_THROWS_WITH_AS(one_op(layer_norm(4), {3}, 3), doctest::Contains("gamma holds 4 numbers; it must be [3]"),
                       Error);
}

TEST_CASE("log energy: decades above and below the reference, and the slope") {
  const Model model = one_op(LogEnergy{10000.0}, {1}, 1);
  check_close(run_op(model, {Tensor{{4, 1}, {1000, 10000, 100000, 20000}}}), {-1, 0, 1, 0.30102999566});
  check_gradients(one_op(LogEnergy{2.0}, {1}, 1), {random_tensor({4, 1}, 3, 1.0f, 3.0f)}, Mode::inference);
}

TEST_CASE("conditional affine: by hand, its inverse, and gradients") {
  ConditionalAffine op{
      {{2, 2}, {1, 2, 0.5f, -1}}, {{2, 2}, {0, 0.5f, 1, 0}}, false};  // mu 1 + c / 2, 2 - c; ln sigma c, 1/2
  const Tensor x{{1, 2}, {2, -1}}, c{{1, 1}, {0.5f}};
  const Tensor y = run_op(one_op(op, {2, 1}, 2), {x, c});
  check_close(y, {1.25 + std::exp(0.5) * 2, 1.5 - std::exp(0.5)});
  op.inverse = true;
  check_close(run_op(one_op(op, {2, 1}, 2), {y, c}), {2, -1});
  for (bool inverse : {false, true})
    for (int degree : {0, 1, 3})
      check_gradients(one_op(random_affine(degree, 3, inverse), {3, 1}, 3),
                      {random_tensor({4, 3}, 7), random_tensor({4, 1}, 8)}, Mode::inference);
}

TEST_CASE("stick breaking: by hand") {
  // Two layers of 2 and 1 voxels, E = 100, total 80; the first layer takes 1/4 of it, its first voxel 3/5 of that.
  StickBreaking op{{2, 1}, false};
  const auto logit = [](double p) { return static_cast<float>(std::log(p / (1 - p))); };
  const Tensor s{{1, 3}, {static_cast<float>(std::log(0.8)), logit(0.25), logit(0.6)}}, energy{{1, 1}, {100}};
  check_close(run_op(one_op(op, {3, 1}, 3), {s, energy}), {12, 8, 60});
  op.logarithmic = true;
  check_close(run_op(one_op(op, {3, 1}, 3), {s, energy}), {std::log(12.0), std::log(8.0), std::log(60.0)});
  check_close(stick_breaking_numbers(op, Tensor{{1, 3}, {12, 8, 60}}, energy),
              {std::log(0.8), std::log(1.0 / 3), std::log(1.5)});
}

TEST_CASE("stick breaking: both ways over ten orders of magnitude") {
  const StickBreaking op{{5, 1, 7, 3, 4}, false};
  Tensor voxels = random_tensor({50, 20}, 21, -12.0f, 11.0f);
  for (float& v : voxels.data) v = std::exp(v);
  const Tensor energy = random_tensor({50, 1}, 22, 1000.0f, 100000.0f);
  const Tensor s = stick_breaking_numbers(op, voxels, energy);
  for (bool logarithmic : {false, true}) {
    const Tensor back = run_op(one_op(StickBreaking{op.layer_voxels, logarithmic}, {20, 1}, 20), {s, energy});
    for (std::size_t i = 0; i < voxels.size(); ++i) {
      const double value =
          logarithmic ? std::exp(static_cast<double>(back.data[i])) : static_cast<double>(back.data[i]);
      CHECK(value == doctest::Approx(static_cast<double>(voxels.data[i])).epsilon(1e-5));
    }
  }
}

TEST_CASE("stick breaking: parts sum to the whole, and extreme logits stay finite") {
  const StickBreaking op{{3, 2}, false};
  const Tensor s{{3, 5}, {0, 80, -80, 90, 40, -1, -80, 80, -90, -60, 0.1f, 500, -500, 500, -500}};
  const Tensor energy{{3, 1}, {1000, 1000, 1000}};
  const Tensor y = run_op(one_op(op, {5, 1}, 5), {s, energy});
  const Tensor log_y = run_op(one_op(StickBreaking{{3, 2}, true}, {5, 1}, 5), {s, energy});
  for (int i = 0; i < 3; ++i) {
    double sum = 0;
    for (int j = 0; j < 5; ++j) {
      sum += static_cast<double>(y.row(i)[j]);
      CHECK(y.row(i)[j] >= 0);
      CHECK(std::isfinite(log_y.row(i)[j]));
    }
    CHECK(sum == doctest::Approx(1000 * std::exp(static_cast<double>(s.row(i)[0]))).epsilon(1e-6));
  }
}

TEST_CASE("stick breaking: gradients in both forms, with layers of one voxel and a single layer") {
  for (const std::vector<int>& layers : {std::vector<int>{3, 1, 2}, std::vector<int>{4}, std::vector<int>{1, 1, 1}}) {
    int width = 0;
    for (int n : layers) width += n;
    const std::vector<Tensor> inputs{random_tensor({4, width}, 31, -2.0f, 2.0f), random_tensor({4, 1}, 32, 1.0f, 3.0f)};
    for (bool logarithmic : {false, true})
      check_gradients(one_op(StickBreaking{layers, logarithmic}, {width, 1}, width), inputs, Mode::inference);
  }
}

TEST_CASE("stick breaking: an empty voxel has no logarithm") {
  CHECK_THROWS_WITH_AS(
      stick_breaking_numbers({{2}, false}, Tensor{{1, 2}, {1, 0}}, Tensor{{1, 1}, {10}}),
      "stick breaking: event 0 voxel 1 holds 0 MeV; energies must be positive (zeros are filled below the "
      "threshold first)",
      Error);
}

TEST_CASE("softmax split: by hand") {
  // Two layers of 2 and 1 voxels, E = 100, total 100 * 1.6 / 2; a quarter of it in the first layer, 3/5 of that in its
  // first voxel. The logits of a group may all be shifted.
  const SoftmaxSplit op{{2, 1}};
  const float third = static_cast<float>(std::log(3.0)), ratio = static_cast<float>(std::log(1.5));
  const Tensor s{{2, 6}, {0, 0, third, ratio, 0, 9, 0, -50, third - 50, ratio + 80, 80, -200}};
  const Tensor energy{{2, 1}, {100, 1000}};
  CHECK(heads_width(op) == 6);
  check_close(run_op(one_op(op, {6, 1}, 3), {s, energy}), {12, 8, 60, 120, 80, 600}, 1e-5);
}

TEST_CASE("softmax split: parts sum to the whole, and extreme logits stay finite") {
  const Tensor s{{2, 8}, {500, -500, 500, 90, -90, 0, 500, -500, -80, 3, 3, -500, -500, -500, 0, 1}};
  const Tensor energy{{2, 1}, {1000, 4e6f}};
  const Tensor y = run_op(one_op(SoftmaxSplit{{3, 2}, 1.25}, {8, 1}, 5), {s, energy});
  for (int i = 0; i < 2; ++i) {
    double sum = 0;
    for (int j = 0; j < 5; ++j) {
      CHECK(y.row(i)[j] >= 0);
      sum += static_cast<double>(y.row(i)[j]);
    }
    const double whole = i == 0 ? 1250 : 5e6 / (1 + std::exp(80.0));
    CHECK(sum == doctest::Approx(whole).epsilon(1e-5));
  }
}

TEST_CASE("softmax split: gradients, with layers of one voxel and a single layer") {
  for (const std::vector<int>& layers : {std::vector<int>{3, 1, 2}, std::vector<int>{4}, std::vector<int>{1, 1, 1}}) {
    const SoftmaxSplit op{layers, 1.6};
    const int width = heads_width(op), voxels = width - 1 - static_cast<int>(layers.size());
    check_gradients(one_op(op, {width, 1}, voxels),
                    {random_tensor({4, width}, 31, -2.0f, 2.0f), random_tensor({4, 1}, 32, 1.0f, 3.0f)},
                    Mode::inference);
  }
}

TEST_CASE("softmax split: what does not fit is refused") {
  CHECK_THROWS_WITH_AS(one_op(SoftmaxSplit{{2, 1}}, {5, 1}, 3),
                       doctest::Contains("2 layers of 3 voxels need 6 columns, the input has 5"), Error);
  CHECK_THROWS_WITH_AS(one_op(SoftmaxSplit{{3, 0}}, {6, 1}, 3), doctest::Contains("a layer has 0 voxels"), Error);
  CHECK_THROWS_WITH_AS(one_op(SoftmaxSplit{{}}, {1, 1}, 1), doctest::Contains("0 layers of 0 voxels"), Error);
  CHECK_THROWS_WITH_AS(one_op(SoftmaxSplit{{2, 1}, -1}, {6, 1}, 3), doctest::Contains("the largest total, -1"), Error);
}

TEST_CASE("threshold: below is empty, at the threshold is kept") {
  check_close(run_op(one_op(Threshold{5.0}, {3}, 3), {Tensor{{1, 3}, {4.999f, 5, 7}}}), {0, 5, 7});
}
