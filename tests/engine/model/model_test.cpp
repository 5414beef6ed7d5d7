// Model: building, checking, comparing, forward and backward through a whole graph.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cstring>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

// A critic in miniature: numbers and energy -> log voxels, standardised, beside the numbers and the condition -> one
// score. Two values are read twice, so gradients meet.
Model critic_like(int hidden, bool layer_norm = false) {
  Model m;
  m.name = "critic";
  const Value x = add_input(m, "x", 4, InputKind::features);
  const Value energy = add_input(m, "energy", 1, InputKind::incident_energy);
  const Value c = append(m, "condition", LogEnergy{2.0}, {energy}, 1);
  const ConditionalAffine numbers{random_tensor({3, 4}, 1), random_tensor({3, 4}, 2, -0.3f, 0.3f), false};
  const Value s = append(m, "numbers", numbers, {x, c}, 4);
  const Value logs = append(m, "logs", StickBreaking{{3, 1}, true}, {s, energy}, 4);
  const ConditionalAffine inverse{random_tensor({2, 4}, 3), random_tensor({2, 4}, 4, -0.3f, 0.3f), true};
  const Value standard = append(m, "standard", inverse, {logs, c}, 4);
  const Value joined = append(m, "joined", Concat{}, {standard, x, c}, 9);
  Value h = append(m, "linear1", Linear{random_tensor({hidden, 9}, 5), random_tensor({hidden}, 6)}, {joined}, hidden);
  BatchNorm norm = batch_norm(hidden);
  norm.mean = random_tensor({hidden}, 9);
  h = append(m, "norm1", norm, {h}, hidden);
  if (layer_norm)
    h = append(m, "norm2", LayerNorm{random_tensor({hidden}, 40), random_tensor({hidden}, 41)}, {h}, hidden);
  h = append(m, "tanh1", Tanh{}, {h}, hidden);
  h = append(m, "slice1", Slice{1, hidden - 1}, {h}, hidden - 1);
  h = append(m, "leaky", LeakyRelu{0.5f}, {append(m, "sigmoid", Sigmoid{}, {h}, hidden - 1)}, hidden - 1);
  m.outputs = {append(m, "score", Linear{random_tensor({1, hidden - 1}, 7), random_tensor({1}, 8)}, {h}, 1)};
  return m;
}

std::vector<Tensor> critic_inputs(int events) {
  return {random_tensor({events, 4}, 20), random_tensor({events, 1}, 21, 1.0f, 3.0f)};
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && std::memcmp(a.data.data(), b.data.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("gradients through a graph whose values are read more than once, in both modes") {
  Model m = critic_like(5);
  check(m);
  check_gradients(m, critic_inputs(6), Mode::training);
  check_gradients(m, critic_inputs(6), Mode::inference);
}

TEST_CASE("backward adds to the gradient, and leaves it alone when asked to") {
  const Model m = critic_like(5);
  const std::vector<Tensor> inputs = critic_inputs(6);
  Tape tape;
  forward(m, inputs, Mode::training, tape);
  const Tensor dy = random_tensor({6, 1}, 30);
  Model once = zeros_like(m), twice = zeros_like(m), none = zeros_like(m);
  backward(m, tape, dy, once, {});
  backward(m, tape, dy, twice, {});
  CHECK(once == twice);
  backward(m, tape, dy, twice, {});
  std::vector<Tensor*> doubled;
  for_each_parameter(twice, [&](std::size_t, const std::string&, Tensor& t) { doubled.push_back(&t); });
  std::size_t k = 0;
  for_each_parameter(once, [&](std::size_t, const std::string& name, Tensor& t) {
    INFO(name);
    for (std::size_t i = 0; i < t.size(); ++i)
      CHECK(doubled[k]->data[i] == doctest::Approx(2 * t.data[i]).epsilon(1e-4));
    ++k;
  });
  std::vector<Tensor> input_gradient(1);
  backward(m, tape, dy, none, input_gradient, false);
  CHECK(none == zeros_like(m));
  CHECK(input_gradient[0].shape == std::vector<int>{6, 4});
}

TEST_CASE("forward and backward give the same bytes for any number of threads") {
  Model m = critic_like(300);
  const std::vector<Tensor> inputs = critic_inputs(700);
  const Tensor dy = random_tensor({700, 1}, 31);
  Tape one, three;
  Model gradient_one = zeros_like(m), gradient_three = zeros_like(m);
  forward(m, inputs, Mode::training, one, 1);
  forward(m, inputs, Mode::training, three, 3);
  backward(m, one, dy, gradient_one, {}, true, 1);
  backward(m, three, dy, gradient_three, {}, true, 3);
  for (std::size_t v = 0; v < m.values.size(); ++v) CHECK(same_bytes(one.values[v], three.values[v]));
  CHECK(gradient_one == gradient_three);
  CHECK_FALSE(gradient_one == zeros_like(m));
}

TEST_CASE("shards: the bytes of one tape, for any number of threads") {
  for (const Mode mode : {Mode::inference, Mode::training}) {
    const Model m = critic_like(150, true);
    const std::vector<Tensor> inputs = critic_inputs(701);
    const Tensor dy = random_tensor({701, 1}, 77);
    Tape tape;
    Model gradient = zeros_like(m);
    std::vector<Tensor> input_gradients(2);
    forward(m, inputs, mode, tape);
    backward(m, tape, dy, gradient, input_gradients);
    for (const int threads : {1, 2, 3, 5}) {
      Shards shards;
      Model again = zeros_like(m);
      std::vector<Tensor> slopes(2);
      forward(m, inputs, mode, shards, threads);
      backward(m, shards, dy, again, slopes, true, threads);
      const std::size_t expected = mode == Mode::training ? 1 : threads == 1 ? 2 : static_cast<std::size_t>(threads);
      CHECK(shards.begin.size() == expected + 1);
      CHECK(same_bytes(shards.output, tape.values[index(m.outputs[0])]));
      CHECK(again == gradient);
      for (std::size_t i = 0; i < 2; ++i) CHECK(same_bytes(slopes[i], input_gradients[i]));
    }
  }
}

TEST_CASE("shards run a Linear and its activation at once: the bytes of one after the other") {
  Model m;
  Value h = add_input(m, "x", 7, InputKind::features);
  const Op activations[] = {Relu{}, LeakyRelu{0.2f}, LeakyRelu{1e-30f}, LeakyRelu{-0.5f}, Relu{}};
  for (int i = 0; i < 5; ++i) {
    const std::string name = std::to_string(i);
    const std::uint32_t seed = static_cast<std::uint32_t>(50 + 2 * i);
    const Linear op{random_tensor({40, i ? 40 : 7}, seed), random_tensor({40}, seed + 1)};
    const Value before = append(m, "linear" + name, op, {h}, 40);
    h = append(m, "activation" + name, activations[i], {before}, 40);
    if (i == 4) h = append(m, "sum", Sum{}, {h, before}, 40);  // a second reader
  }
  m.outputs = {append(m, "last", Linear{random_tensor({3, 40}, 70), random_tensor({3}, 71)}, {h}, 3)};
  check(m);
  const std::vector<Tensor> inputs{random_tensor({300, 7}, 72)};
  const Tensor dy = random_tensor({300, 3}, 73);
  Tape tape;
  Model gradient = zeros_like(m);
  std::vector<Tensor> slopes(1);
  forward(m, inputs, Mode::training, tape);
  backward(m, tape, dy, gradient, slopes);
  for (const int threads : {1, 2}) {
    Shards shards;
    Model again = zeros_like(m);
    std::vector<Tensor> other(1);
    forward(m, inputs, Mode::training, shards, threads);
    backward(m, shards, dy, again, other, true, threads);
    CHECK(shards.tapes[0].fused == std::vector<char>{0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(same_bytes(shards.output, tape.values[index(m.outputs[0])]));
    CHECK(again == gradient);
    CHECK(same_bytes(other[0], slopes[0]));
  }
}

TEST_CASE("infer goes through batches of 1024 and gives what forward gives") {
  const Model m = critic_like(5);
  const std::vector<Tensor> inputs = critic_inputs(2500);
  Tape tape;
  forward(m, inputs, Mode::inference, tape);
  CHECK(same_bytes(infer(m, inputs, 2), tape.values[index(m.outputs[0])]));
}

TEST_CASE("equality sees every part of a model") {
  const Model m = critic_like(5);
  CHECK(m == critic_like(5));
  CHECK_FALSE(m == critic_like(6));
  const auto changed = [&](auto&& change) {
    Model other = m;
    change(other);
    return !(other == m);
  };
  CHECK(changed([](Model& o) { o.name = "other"; }));
  CHECK(changed([](Model& o) { o.facts.maximum_energy_mev = 7; }));
  CHECK(changed([](Model& o) { o.values[3].name = "v"; }));
  CHECK(changed([](Model& o) { o.inputs[0].kind = InputKind::latent; }));
  CHECK(changed([](Model& o) { std::get<LogEnergy>(o.nodes[0].op).reference_mev = 3; }));
  CHECK(changed([](Model& o) { std::get<ConditionalAffine>(o.nodes[1].op).inverse = true; }));
  CHECK(changed([](Model& o) { std::get<StickBreaking>(o.nodes[2].op).logarithmic = false; }));
  CHECK(changed([](Model& o) { std::get<Linear>(o.nodes[5].op).weight.data[3] += 1; }));
  CHECK(changed([](Model& o) { std::get<BatchNorm>(o.nodes[6].op).variance.data[0] = 2; }));
  CHECK(changed([](Model& o) { o.nodes[7].op = Sigmoid{}; }));
}

TEST_CASE("check names the node and the numbers") {
  const auto message = [](auto&& spoil) -> std::string {
    Model m = critic_like(5);
    spoil(m);
    try {
      check(m);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  CHECK(message([](Model&) {}) == "no error");
  CHECK(message([](Model& m) { std::get<Linear>(m.nodes[5].op) = linear(8, 5); }) ==
        "model: node linear1 (Linear): the input is 9 wide; it must be 8");
  CHECK(message([](Model& m) { std::get<Linear>(m.nodes[5].op).bias = zeros({4}); }) ==
        "model: node linear1 (Linear): bias holds 4 numbers; it must be [5]");
  CHECK(message([](Model& m) {
          m.nodes[8].op = Slice{3, 4};
        }) == "model: node slice1 (Slice): columns 3 .. 6 of an input with 5 columns");
  CHECK(message([](Model& m) {
          std::get<StickBreaking>(m.nodes[2].op).layer_voxels = {3, 2};
        }) == "model: node logs (StickBreaking): layers hold 5 voxels, the input has 4 columns");
  CHECK(message([](Model& m) { std::swap(m.nodes[0], m.nodes[1]); }) ==
        "model: node numbers reads condition.out before it is made (a cycle, or nodes out of order)");
  CHECK(message([](Model& m) { m.nodes[7].name = "norm1"; }) ==
        "model: two nodes are named norm1; names must be unique");
  CHECK(message([](Model& m) { m.values[3].name = "x"; }) == "model: two values are named x; names must be unique");
  CHECK(message([](Model& m) { m.nodes[7].inputs.push_back(Value{0}); }) ==
        "model: node tanh1 (Tanh) has 2 inputs; it takes 1");
  CHECK(message([](Model& m) { m.nodes[7].inputs[0] = Value{99}; }) == "model: node tanh1 reads value 99 of 14");
  CHECK(message([](Model& m) { m.outputs.clear(); }) == "model: critic has no output");
}

TEST_CASE("forward refuses inputs of the wrong shape") {
  const Model m = critic_like(5);
  Tape tape;
  std::vector<Tensor> inputs = critic_inputs(6);
  inputs[1] = zeros({5, 1});
  CHECK_THROWS_WITH_AS(forward(m, inputs, Mode::inference, tape),
                       "model critic: input energy is [5, 1]; it must be [6, 1]", Error);
  inputs.pop_back();
  CHECK_THROWS_WITH_AS(forward(m, inputs, Mode::inference, tape), "model critic: given 1 inputs; it has 2", Error);
}
