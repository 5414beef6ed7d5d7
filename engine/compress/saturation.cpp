// Beside quantisation: what a fixed-point format cannot hold, and the float size that ratios are taken to.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/compress/quantize.h"

namespace quench {

std::vector<std::string> saturation(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s) {
  std::vector<std::string> found;
  if (!s.fixed_width) return found;
  const double scale = std::exp2(s.fixed_integer - s.fixed_width), high = (std::exp2(s.fixed_width - 1) - 1) * scale;
  const auto note = [&](const std::string& what, double low, double largest) {
    if (low >= -high - scale && largest <= high) return;
    found.push_back(what + " reach " + std::to_string(low) + " .. " + std::to_string(largest) + ", ap_fixed<" +
                    std::to_string(s.fixed_width) + ", " + std::to_string(s.fixed_integer) + "> holds " +
                    std::to_string(-high - scale) + " .. " + std::to_string(high) + ": they saturate");
  };
  for (const Node& node : m.nodes) {
    const auto* op = std::get_if<Linear>(&node.op);
    if (!op) continue;
    const auto [low, largest] = std::minmax_element(op->weight.data.begin(), op->weight.data.end());
    note("weights of layer " + node.name, *low, *largest);
    note("outputs of layer " + node.name, ranges[index(node.output)].low, ranges[index(node.output)].high);
  }
  return found;
}

std::int64_t dense_float_bits(const Model& m) {
  std::int64_t bits = 0;
  for (const Node& node : m.nodes)
    if (const auto* op = std::get_if<Linear>(&node.op))
      bits += 32 * static_cast<std::int64_t>(op->weight.data.size() + op->bias.data.size());
  return bits;
}

}  // namespace quench
