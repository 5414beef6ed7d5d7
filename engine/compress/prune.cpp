// Magnitude pruning per layer or over all layers.
// SPDX-License-Identifier: MIT
#include "engine/compress/prune.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"

namespace quench {
namespace {

void drop_smallest(std::vector<float*> weights, double fraction) {
  const auto count = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(weights.size()) + 0.5));
  std::stable_sort(weights.begin(), weights.end(),
                   [](const float* a, const float* b) { return std::fabs(*a) < std::fabs(*b); });
  for (std::size_t i = 0; i < count; ++i) *weights[i] = 0;
}

}  // namespace

Model prune(Model m, double fraction, PruneScope scope) {
  if (!(fraction >= 0 && fraction < 1)) fail("prune: sparsity ", fraction, " is outside 0 .. 1 (1 excluded)");
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
  for (const Node& node : m.nodes) {
    const auto* op = std::get_if<Linear>(&node.op);
    if (op && std::all_of(op->weight.data.begin(), op->weight.data.end(), [](float w) { return w == 0; }))
      fail("prune: sparsity ", fraction, " removes all ", op->weight.data.size(), " weights of layer ", node.name,
           "; ask for less, or prune per layer");
  }
  return m;
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
