// Pruning rules against hand-worked cases, brute force and least squares; patterns hold, neurons really leave.
// SPDX-License-Identifier: MIT
#include "engine/compress/prune.h"

#include <doctest/doctest.h>

#include "engine/compress/masks.h"
#include "engine/compress/neurons.h"
#include "engine/compress/obc.h"
#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/model/onnx.h"
#include "tests/engine/compress/correlated.h"

using namespace quench;

namespace {

Linear row(std::vector<float> weight) {
  const int columns = static_cast<int>(weight.size());
  return {{{1, columns}, std::move(weight)}, {{1}, {0}}};
}

// (w - v)^T H (w - v) for the columns `kept` of w, the others 0, at its minimum: a naive solution of the normal
// equations. Returns the weights and the error.
std::pair<std::vector<double>, double> best_with(const Linear& op, const std::vector<double>& h, unsigned kept) {
  const std::size_t n = op.weight.size();
  std::vector<std::size_t> columns;
  for (std::size_t k = 0; k < n; ++k)
    if (kept >> k & 1) columns.push_back(k);
  std::vector<double> a, b;
  for (std::size_t i : columns) {
    b.push_back(0);
    for (std::size_t j : columns) a.push_back(h[i * n + j]);
    for (std::size_t k = 0; k < n; ++k) b.back() += h[i * n + k] * static_cast<double>(op.weight.data[k]);
  }
  const std::vector<double> x = naive_solution(a, b);
  std::vector<double> w(n);
  for (std::size_t i = 0; i < columns.size(); ++i) w[columns[i]] = x[i];
  double error = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      error += (w[i] - static_cast<double>(op.weight.data[i])) * h[i * n + j] *
               (w[j] - static_cast<double>(op.weight.data[j]));
  return {w, error};
}

std::size_t zeros_in(const std::vector<float>& v) {
  return static_cast<std::size_t>(std::count(v.begin(), v.end(), 0.0f));
}

}  // namespace

TEST_CASE("the curvature is x^T x with a hundredth of its mean diagonal added") {
  const std::vector<double> h = curvature({{2, 2}, {1, 2, 3, 4}}, 1);  // [10 14; 14 20], mean 15
  CHECK(h[0] == doctest::Approx(10.15));
  CHECK(h[1] == 14);
  CHECK(h[3] == doctest::Approx(20.15));
  CHECK(curvature(zeros({3, 2}), 1) == std::vector<double>{1, 0, 0, 1});
}

TEST_CASE("OBC against brute force over all choices, each solved by least squares") {
  int best = 0;
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    const Tensor x = correlated_inputs(60, 7, seed, 3, 0.5f);
    const Linear op{random_tensor({1, 7}, seed + 100), {{1}, {0}}};
    const std::vector<double> h = curvature(x, 1);
    for (std::size_t removed : {1u, 3u}) {
      const Linear sparse = prune_obc(op, x, static_cast<double>(removed) / 7, 1);
      REQUIRE(zeros_in(sparse.weight.data) == removed);
      unsigned kept = 0;
      for (unsigned k = 0; k < 7; ++k) kept |= (sparse.weight.data[k] != 0 ? 1u : 0u) << k;
      const auto [weights, error] = best_with(op, h, kept);
      for (std::size_t k = 0; k < 7; ++k)
        CHECK(static_cast<double>(sparse.weight.data[k]) == doctest::Approx(weights[k]).epsilon(1e-5));
      double least = error;
      for (unsigned choice = 0; choice < 128; ++choice)
        if (std::size_t{7} - removed == static_cast<std::size_t>(__builtin_popcount(choice)))
          least = std::min(least, best_with(op, h, choice).second);
      if (removed == 1) CHECK(error == doctest::Approx(least));  // one weight: the greedy choice is the best
      CHECK(error < 3 * least + 1e-12);
      best += error == doctest::Approx(least);
    }
  }
  CHECK(best >= 12);  // of 16
}

TEST_CASE("OBC takes from rows what costs least, and beats scores without a solution") {
  const Linear op = random_layer(32, 16, 5);
  const Tensor x = correlated_inputs(500, 32, 9);
  Linear uneven = op;
  for (int k = 0; k < 32; ++k) uneven.weight.row(0)[k] *= 0.01f;
  const Linear sparse = prune_obc(uneven, x, 0.5, 1);
  CHECK(zeros_in(sparse.weight.data) == 256);
  CHECK(zeros_in({sparse.weight.row(0), sparse.weight.row(1)}) > 28);
  CHECK(prune_obc(uneven, x, 0.5, 3).weight == sparse.weight);
  Model m;
  m.name = "one";
  m.outputs = {append(m, "fc", op, {add_input(m, "x", 32, InputKind::features)}, 16)};
  for (double sparsity : {0.5, 0.8}) {
    const double obc = output_error(op, prune_obc(op, x, sparsity, 1), x);
    const double wanda = output_error(op, prune_wanda(op, x, sparsity), x);
    const double magnitude = output_error(op, std::get<Linear>(prune(m, sparsity, PruneScope::layer).nodes[0].op), x);
    CHECK(obc < 0.5 * wanda);
    CHECK(obc < 0.5 * magnitude);
    const Linear made_up_for = refitted(op, prune_wanda(op, x, sparsity), x, 1);
    CHECK(output_error(op, made_up_for, x) < 0.7 * wanda);
    // A row that loses nothing is the dense one, whatever the weights were that told which stay.
    Linear stay = made_up_for;
    for (int k = 0; k < stay.weight.columns(); ++k) stay.weight.row(1)[k] = 7;
    const Linear again = refitted(op, stay, x, 1);
    for (int k = 0; k < op.weight.columns(); ++k) {
      CHECK(again.weight.row(1)[k] == op.weight.row(1)[k]);
      CHECK(again.weight.row(0)[k] == made_up_for.weight.row(0)[k]);
    }
  }
}

TEST_CASE("Wanda by hand: weights times what their columns carry") {
  const Tensor x{{2, 4}, {3, 1, 0, 1, 4, 0, 2, 1}};  // norms 5, 1, 2, sqrt 2
  CHECK(column_norms(x) == std::vector<double>{5, 1, 2, std::sqrt(2.0)});
  // Scores 5, 4, 4.2, 2.8: half goes.
  CHECK(prune_wanda(row({1, 4, -2.1f, 2}), x, 0.5).weight.data == std::vector<float>{1, 0, -2.1f, 0});
  const Linear two{{{2, 4}, {1, 4, -2.1f, 2, 0.001f, 0, 0, 0.002f}}, {{2}, {0, 0}}};  // every row loses the same
  CHECK(prune_wanda(two, x, 0.25).weight.data == std::vector<float>{1, 4, -2.1f, 0, 0.001f, 0, 0, 0.002f});
}

TEST_CASE("N:M by hand and everywhere") {
  const Tensor ones{{1, 6}, {1, 1, 1, 1, 1, 1}};
  CHECK(prune_n_of_m(row({1, -4, 3, 2, 5, 6}), ones, 2, 4).weight.data == std::vector<float>{0, -4, 3, 0, 5, 6});
  CHECK(prune_n_of_m(row({1, -4, 3, 2, 5, 6}), ones, 1, 3).weight.data == std::vector<float>{0, -4, 0, 0, 0, 6});
  const Model m = relu_network({18, 24, 16, 5}, 2);
  const Tensor x = correlated_inputs(300, 18, 4);
  for (const auto& [keep, of] : {std::pair(2, 4), std::pair(4, 8), std::pair(1, 5)}) {
    PruneSettings s;
    s.method = "n:m", s.keep = keep, s.of = of, s.sparsity = 1 - static_cast<double>(keep) / of;
    const Model sparse = prune(m, s, Span<const Tensor>(&x, 1), 1);
    for (const Node& node : sparse.nodes)
      if (const auto* op = std::get_if<Linear>(&node.op))
        for (int r = 0; r < op->weight.rows(); ++r)
          for (int k = 0; k < op->weight.columns(); k += of) {
            const int end = std::min(k + of, op->weight.columns());
            const std::vector<float> group(op->weight.row(r) + k, op->weight.row(r) + end);
            CHECK(group.size() - zeros_in(group) == static_cast<std::size_t>(std::min(keep, end - k)));
          }
  }
}

TEST_CASE("blocks of four by hand: the smallest mean squares go, a short last block is one too") {
  // Mean squares 1, 4, 2.5 | 9, 0.25, 16: half of six blocks.
  const Linear op{{{2, 10}, {1, 1, 1, 1, 2, 2, -2, 2, 1, 2, 3, 3, 3, 3, 1, 0, 0, 0, 4, 4}}, {{2}, {0, 0}}};
  CHECK(prune_blocks(op, 0.5).weight.data ==
        std::vector<float>{0, 0, 0, 0, 2, 2, -2, 2, 0, 0, 3, 3, 3, 3, 0, 0, 0, 0, 4, 4});
}

TEST_CASE("removed neurons: the outputs of a smaller model are those of one whose neurons give nothing") {
  const Model m = relu_network({9, 20, 12, 4}, 8);
  const Tensor in = correlated_inputs(200, 9, 6);
  const Span<const Tensor> inputs(&in, 1);
  for (Importance by : {Importance::weights, Importance::energy}) {
    const Model small = remove_neurons(m, inputs, 0.4, by, 1);
    CHECK(std::get<Linear>(small.nodes[0].op).weight.shape == std::vector<int>{12, 9});
    CHECK(std::get<Linear>(small.nodes[2].op).weight.shape == std::vector<int>{7, 12});
    CHECK(std::get<Linear>(small.nodes[4].op).weight.shape == std::vector<int>{4, 7});
    // Which stay is read off the biases, which differ; importances of the first layer by hand.
    Model silent = m;
    const Tensor hidden = [&] {
      Model first = m;
      first.outputs = {m.nodes[1].output};
      return infer(first, inputs);
    }();
    double most_gone = 0, least_kept = 1e9;
    for (std::size_t layer : {0u, 2u}) {
      const std::vector<float>& left = std::get<Linear>(small.nodes[layer].op).bias.data;
      const Linear& op = std::get<Linear>(m.nodes[layer].op);
      Tensor& next = std::get<Linear>(silent.nodes[layer + 2].op).weight;
      for (int j = 0; j < op.weight.rows(); ++j) {
        const float bias = op.bias.data[static_cast<std::size_t>(j)];
        const bool stays = std::count(left.begin(), left.end(), bias) == 1;
        if (layer == 0) {
          double in_norm = static_cast<double>(bias) * static_cast<double>(bias), energy = 0, out_norm = 0;
          for (int k = 0; k < 9; ++k) in_norm += std::pow(static_cast<double>(op.weight.row(j)[k]), 2);
          for (int e = 0; e < 200; ++e) energy += std::pow(static_cast<double>(hidden.row(e)[j]), 2);
          for (int r = 0; r < 12; ++r)
            out_norm += std::pow(static_cast<double>(std::get<Linear>(m.nodes[2].op).weight.row(r)[j]), 2);
          const double importance = (by == Importance::weights ? in_norm : energy) * out_norm;
          (stays ? least_kept : most_gone) = stays ? std::min(least_kept, importance) : std::max(most_gone, importance);
        }
        if (stays) continue;
        for (int r = 0; r < next.rows(); ++r) next.row(r)[j] = 0;
      }
    }
    CHECK(most_gone < least_kept);
    CHECK(infer(small, inputs).data == infer(silent, inputs).data);
    CHECK(read_onnx(onnx_bytes(small), "small.onnx") == small);
  }
  CHECK_THROWS_WITH_AS(remove_neurons(m, inputs, 0.99, Importance::weights, 1),
                       "prune: sparsity 0.99 removes all 20 neurons of layer fc1; ask for less", Error);
  Model shown = m;  // a hidden layer that is an output stays whole
  shown.outputs.push_back(m.nodes[1].output);
  CHECK(std::get<Linear>(remove_neurons(shown, inputs, 0.4, Importance::weights, 1).nodes[0].op).weight.rows() == 20);
}

TEST_CASE("kept neurons: so many of each layer that is named, and those that removing would leave") {
  const Model m = relu_network({9, 20, 12, 4}, 8);
  const Tensor in = correlated_inputs(200, 9, 6);
  const Span<const Tensor> inputs(&in, 1);
  const std::vector<LayerWidth> widths = hidden_widths(m);
  REQUIRE(widths.size() == 2);
  CHECK(widths[0].layer == m.nodes[0].name);
  CHECK(widths[0].neurons == 20);
  CHECK(widths[1].neurons == 12);
  const Model one = keep_neurons(m, inputs, {{m.nodes[2].name, 5}}, Importance::energy, 1);
  CHECK(hidden_widths(one)[0].neurons == 20);
  CHECK(hidden_widths(one)[1].neurons == 5);
  CHECK(keep_neurons(m, inputs, {{m.nodes[0].name, 12}, {m.nodes[2].name, 7}}, Importance::energy, 1) ==
        remove_neurons(m, inputs, 0.4, Importance::energy, 1));
}

TEST_CASE("zeros of every rule survive the file and quantisation") {
  const Model m = relu_network({12, 24, 24, 6}, 5);
  const Tensor in = correlated_inputs(400, 12, 3);
  const Span<const Tensor> inputs(&in, 1);
  for (const std::string method : {"magnitude", "wanda", "obc", "n:m", "blocks"}) {
    INFO(method);
    PruneSettings s;
    s.method = method, s.sparsity = 0.5;
    const Model sparse = prune(m, s, inputs, 1);
    CHECK(sparsity(sparse) == doctest::Approx(0.5).epsilon(0.05));
    CHECK(prune(m, s, inputs, 3) == sparse);
    const Model read = read_onnx(onnx_bytes(sparse), "sparse.onnx");
    const Quantized q = quantize_with_places(read, calibrate(read, inputs, 1), {});
    for (const CodedLinear& place : q.linears) {
      const auto& codes = std::get<QLinear>(q.program.nodes[place.program_node].op).weight;
      const auto& weights = std::get<Linear>(sparse.nodes[place.node].op).weight.data;
      CHECK(std::get<Linear>(read.nodes[place.node].op).weight.data == weights);
      for (std::size_t i = 0; i < weights.size(); ++i)
        if (weights[i] == 0) REQUIRE(codes[i] == 0);
    }
  }
  PruneSettings s;
  for (const std::string method : {"magnitude", "wanda", "obc", "blocks"}) {  // one layer has zeros of its own
    INFO(method);
    s.method = method, s.sparsity = 0.25, s.layers = {{"fc1", 0.75}};
    const Model sparse = prune(m, s, inputs, 1);
    const auto zeros = [&](const std::string& layer) {
      const auto node =
          std::find_if(sparse.nodes.begin(), sparse.nodes.end(), [&](const Node& n) { return n.name == layer; });
      const std::vector<float>& w = std::get<Linear>(node->op).weight.data;
      return static_cast<double>(std::count(w.begin(), w.end(), 0.0f)) / static_cast<double>(w.size());
    };
    CHECK(zeros("fc1") == doctest::Approx(0.75).epsilon(0.01));
    CHECK(zeros("fc2") == doctest::Approx(0.25).epsilon(0.01));
  }
  s.layers.clear();
  s.method = "luck", s.sparsity = 0.5;
  CHECK_THROWS_WITH_AS(prune(m, s, inputs, 1), doctest::Contains("prune: method luck is unknown"), Error);
  s.method = "obc", s.sparsity = 0.9999;
  CHECK_THROWS_WITH_AS(prune(m, s, inputs, 1), doctest::Contains("removes all 288 weights of layer fc1"), Error);
}

TEST_CASE("the cubic schedule by hand") {
  CHECK(cubic_sparsity(0, 0.8, 0, 100) == 0);
  CHECK(cubic_sparsity(0, 0.8, 50, 100) == doctest::Approx(0.7));  // 0.8 - 0.8 / 8
  CHECK(cubic_sparsity(0.2, 0.8, 75, 100) == doctest::Approx(0.8 - 0.6 / 64));
  CHECK(cubic_sparsity(0, 0.8, 100, 100) == 0.8);
  CHECK(cubic_sparsity(0, 0.8, 1e6, 100) == 0.8);
  CHECK(cubic_sparsity(0, 0.8, 0, 0) == 0.8);
}
