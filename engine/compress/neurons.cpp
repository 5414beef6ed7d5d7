// Finds hidden layers and cuts their rows and columns.
// SPDX-License-Identifier: MIT
#include "engine/compress/neurons.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/compress/fold.h"
#include "engine/compress/layer_walk.h"
#include "engine/compress/masks.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"

namespace quench {
namespace {

struct HiddenLayer {
  std::size_t linear = 0;            // node
  std::vector<Value> values;         // of its neurons, from the Linear's output to what the readers read
  std::vector<std::size_t> readers;  // nodes, Linears all
};

bool elementwise(const Op& op) {
  return std::holds_alternative<Relu>(op) || std::holds_alternative<LeakyRelu>(op) ||
         std::holds_alternative<Sigmoid>(op) || std::holds_alternative<Tanh>(op) || std::holds_alternative<Exp>(op) ||
         std::holds_alternative<Softplus>(op) || std::holds_alternative<Clamp>(op);
}

// Without readers: the Linear at this node is no hidden layer.
HiddenLayer hidden_layer(const Model& m, std::size_t linear) {
  HiddenLayer layer{linear, {m.nodes[linear].output}, {}};
  for (;;) {
    const Value v = layer.values.back();
    const std::vector<std::size_t> readers = consumers(m, v);
    if (std::count(m.outputs.begin(), m.outputs.end(), v)) return layer;
    if (readers.size() == 1 && elementwise(m.nodes[readers[0]].op)) {
      layer.values.push_back(m.nodes[readers[0]].output);
      continue;
    }
    if (std::all_of(readers.begin(), readers.end(),
                    [&](std::size_t n) { return std::holds_alternative<Linear>(m.nodes[n].op); }))
      layer.readers = readers;
    return layer;
  }
}

Tensor transposed(const Tensor& t) {
  Tensor turned = zeros({t.columns(), t.rows()});
  for (int r = 0; r < t.rows(); ++r)
    for (int k = 0; k < t.columns(); ++k) turned.row(k)[r] = t.row(r)[k];
  return turned;
}

std::vector<double> importances(const Model& m, const HiddenLayer& layer, const Tensor& given, Importance by) {
  const auto& op = std::get<Linear>(m.nodes[layer.linear].op);
  std::vector<double> score = by == Importance::energy ? column_norms(given) : column_norms(transposed(op.weight));
  for (std::size_t j = 0; j < score.size(); ++j) {
    if (by == Importance::weights) score[j] = std::hypot(score[j], static_cast<double>(op.bias.data[j]));
    double outgoing = 0;
    for (std::size_t n : layer.readers) {
      const Tensor& w = std::get<Linear>(m.nodes[n].op).weight;
      for (int r = 0; r < w.rows(); ++r)
        outgoing += static_cast<double>(w.row(r)[j]) * static_cast<double>(w.row(r)[j]);
    }
    score[j] *= std::sqrt(outgoing);
  }
  return score;
}

Tensor chosen_rows(const Tensor& t, const std::vector<int>& rows) {
  const int width = t.shape.size() > 1 ? t.columns() : 1;
  Tensor part{t.shape, {}};
  part.shape[0] = static_cast<int>(rows.size());
  for (int r : rows)
    part.data.insert(part.data.end(), &t.data[static_cast<std::size_t>(r * width)],
                     &t.data[static_cast<std::size_t>(r * width)] + width);
  return part;
}

}  // namespace

std::vector<LayerWidth> hidden_widths(const Model& m) {
  std::vector<LayerWidth> all;
  for (std::size_t i = 0; i < m.nodes.size(); ++i)
    if (const Linear* op = std::get_if<Linear>(&m.nodes[i].op); op && !hidden_layer(m, i).readers.empty())
      all.push_back({m.nodes[i].name, op->weight.rows()});
  return all;
}

Model remove_neurons(Model m, Span<const Tensor> inputs, double fraction, Importance by, int threads) {
  std::vector<LayerWidth> left = hidden_widths(m);
  for (LayerWidth& w : left) {
    const int gone = static_cast<int>(std::floor(fraction * w.neurons + 0.5));
    if (gone == w.neurons)
      fail("prune: sparsity ", fraction, " removes all ", gone, " neurons of layer ", w.layer, "; ask for less");
    w.neurons -= gone;
  }
  return keep_neurons(std::move(m), inputs, left, by, threads);
}

Model keep_neurons(Model m, Span<const Tensor> inputs, const std::vector<LayerWidth>& widths, Importance by,
                   int threads) {
  Tape tape;
  if (by == Importance::energy) forward(m, fitting_events(inputs), Mode::inference, tape, threads);
  tape.values.resize(m.values.size());
  for (const LayerWidth& w : widths) {
    const auto node = std::find_if(m.nodes.begin(), m.nodes.end(), [&](const Node& n) { return n.name == w.layer; });
    const auto i = static_cast<std::size_t>(node - m.nodes.begin());
    const HiddenLayer layer = hidden_layer(m, i);
    const std::vector<double> score = importances(m, layer, tape.values[index(layer.values.back())], by);
    std::vector<int> kept(score.size());
    std::iota(kept.begin(), kept.end(), 0);
    std::stable_sort(kept.begin(), kept.end(), [&](int a, int b) {
      return score[static_cast<std::size_t>(a)] < score[static_cast<std::size_t>(b)];
    });
    kept.erase(kept.begin(), kept.end() - w.neurons);
    std::sort(kept.begin(), kept.end());
    Linear& op = std::get<Linear>(m.nodes[i].op);
    op = {chosen_rows(op.weight, kept), chosen_rows(op.bias, kept)};
    for (std::size_t n : layer.readers) {
      Tensor& weight = std::get<Linear>(m.nodes[n].op).weight;
      weight = transposed(chosen_rows(transposed(weight), kept));
    }
    for (Value v : layer.values) m.values[index(v)].width = static_cast<int>(kept.size());
  }
  check(m);
  return m;
}

}  // namespace quench
