// Magnitude pruning per layer or over all layers, and the way to the other rules.
// SPDX-License-Identifier: MIT
#include "engine/compress/prune.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/layer_walk.h"
#include "engine/compress/masks.h"
#include "engine/compress/neurons.h"
#include "engine/compress/obc.h"
#include "engine/core/error.h"

namespace quench {
namespace {

void drop_smallest(std::vector<float*> weights, double fraction) {
  const auto count = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(weights.size()) + 0.5));
  std::stable_sort(weights.begin(), weights.end(),
                   [](const float* a, const float* b) { return std::fabs(*a) < std::fabs(*b); });
  for (std::size_t i = 0; i < count; ++i) *weights[i] = 0;
}

void check_layers(const Model& m, double fraction, PruneScope scope) {
  for (const Node& node : m.nodes) {
    const auto* op = std::get_if<Linear>(&node.op);
    if (op && std::all_of(op->weight.data.begin(), op->weight.data.end(), [](float w) { return w == 0; }))
      fail("prune: sparsity ", fraction, " removes all ", op->weight.data.size(), " weights of layer ", node.name,
           scope == PruneScope::global ? "; ask for less, or prune every layer alone" : "; ask for less");
  }
}

void check_fraction(double fraction) {
  if (!(fraction >= 0 && fraction < 1)) fail("prune: sparsity ", fraction, " is outside 0 .. 1 (1 excluded)");
}

Linear pruned_by_magnitude(Linear op, double fraction) {
  std::vector<float*> weights;
  for (float& w : op.weight.data) weights.push_back(&w);
  drop_smallest(weights, fraction);
  return op;
}

Linear pruned(const LayerView& view, const PruneSettings& s, int threads) {
  const Linear& op = view.op();
  const double sparsity = sparsity_of(s, view.node.name);
  if (s.method == "magnitude") return pruned_by_magnitude(op, sparsity);
  if (s.method == "wanda") return prune_wanda(op, view.x, sparsity);
  if (s.method == "obc") return prune_obc(aimed(op, view.x, view.exact_y, threads), view.x, sparsity, threads);
  if (s.method == "n:m") return refitted(op, prune_n_of_m(op, view.x, s.keep, s.of), view.x, threads);
  if (s.method == "blocks") return refitted(op, prune_blocks(op, sparsity), view.x, threads);
  fail("prune: method ", s.method, " is unknown; magnitude, wanda, obc, n:m, blocks and neurons exist");
}

}  // namespace

Model prune(Model m, double fraction, PruneScope scope) {
  check_fraction(fraction);
  std::vector<float*> all;
  for (Node& node : m.nodes) {
    auto* op = std::get_if<Linear>(&node.op);
    if (!op) continue;
    std::vector<float*> own;
    for (float& w : op->weight.data) own.push_back(&w);
    if (scope == PruneScope::layer) drop_smallest(own, fraction);
    all.insert(all.end(), own.begin(), own.end());
  }
  if (scope == PruneScope::global) drop_smallest(all, fraction);
  check_layers(m, fraction, scope);
  return m;
}

double sparsity_of(const PruneSettings& s, const std::string& layer) {
  const auto own = s.layers.find(layer);
  return own == s.layers.end() ? s.sparsity : own->second;
}

void check_settings(const Model& m, const PruneSettings& s) {
  check_fraction(s.sparsity);
  for (const auto& [name, fraction] : s.layers) {
    check_fraction(fraction);
    if (std::none_of(m.nodes.begin(), m.nodes.end(),
                     [&name = name](const Node& n) { return n.name == name && std::holds_alternative<Linear>(n.op); }))
      fail("prune: there is no Linear layer ", name, " in model ", m.name);
  }
}

Model prune(const Model& m, const PruneSettings& s, Span<const Tensor> inputs, int threads) {
  check_settings(m, s);
  if (s.sparsity == 0 && s.layers.empty()) return m;
  if (s.method == "magnitude" && s.layers.empty()) return prune(m, s.sparsity, s.scope);
  if (s.method == "neurons") return remove_neurons(m, inputs, s.sparsity, Importance::energy, threads);
  const Model sparse = change_layers(
      m, inputs, nullptr, [&](const LayerView& view) { return pruned(view, s, threads); }, threads);
  check_layers(sparse, s.sparsity, s.scope);
  return sparse;
}

double cubic_sparsity(double first, double last, double step, double steps) {
  const double left = step < steps ? 1 - step / steps : 0;
  return last + (first - last) * left * left * left;
}

double sparsity(const Model& m) {
  std::size_t zero = 0, all = 0;
  for (const Node& node : m.nodes)
    if (const auto* op = std::get_if<Linear>(&node.op)) {
      zero += static_cast<std::size_t>(std::count(op->weight.data.begin(), op->weight.data.end(), 0.0f));
      all += op->weight.data.size();
    }
  return all ? static_cast<double>(zero) / static_cast<double>(all) : 0;
}

}  // namespace quench
