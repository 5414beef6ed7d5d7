// Sweeps over the pairs of Linears until nothing changes.
// SPDX-License-Identifier: MIT
#include "engine/compress/equalise.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/fold.h"

namespace quench {
namespace {

// The Linear that alone reads node `first`'s output, directly or behind a positively homogeneous activation.
Linear* next_linear(Model& m, std::size_t first) {
  for (std::size_t i = first;;) {
    const Value v = m.nodes[i].output;
    const std::vector<std::size_t> readers = consumers(m, v);
    if (readers.size() != 1 || std::count(m.outputs.begin(), m.outputs.end(), v)) return nullptr;
    i = readers[0];
    if (Linear* next = std::get_if<Linear>(&m.nodes[i].op)) return next;
    if (!std::holds_alternative<Relu>(m.nodes[i].op) && !std::holds_alternative<LeakyRelu>(m.nodes[i].op))
      return nullptr;
  }
}

// Returns whether a channel moved.
bool equalise(Linear& a, Linear& b) {
  bool moved = false;
  for (int i = 0; i < a.weight.rows(); ++i) {
    float r1 = 0, r2 = 0;
    for (int k = 0; k < a.weight.columns(); ++k) r1 = std::max(r1, std::fabs(a.weight.row(i)[k]));
    for (int r = 0; r < b.weight.rows(); ++r) r2 = std::max(r2, std::fabs(b.weight.row(r)[i]));
    if (r1 == 0 || r2 == 0) continue;
    const int exponent = static_cast<int>(std::floor(0.5 * std::log2(r1 / r2) + 0.5));
    moved = moved || exponent != 0;
    for (int k = 0; k < a.weight.columns(); ++k) a.weight.row(i)[k] = std::ldexp(a.weight.row(i)[k], -exponent);
    a.bias.data[static_cast<std::size_t>(i)] = std::ldexp(a.bias.data[static_cast<std::size_t>(i)], -exponent);
    for (int r = 0; r < b.weight.rows(); ++r) b.weight.row(r)[i] = std::ldexp(b.weight.row(r)[i], exponent);
  }
  return moved;
}

}  // namespace

Model equalise(Model m) {
  bool moved = true;
  for (int sweep = 0; moved && sweep < 20; ++sweep) {
    moved = false;
    for (std::size_t i = 0; i < m.nodes.size(); ++i)
      if (Linear* a = std::get_if<Linear>(&m.nodes[i].op))
        if (Linear* b = next_linear(m, i)) moved = equalise(*a, *b) || moved;
  }
  return m;
}

}  // namespace quench
