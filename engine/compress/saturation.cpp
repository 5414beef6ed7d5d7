// Beside quantisation: what a fixed-point format cannot hold, and the float size that ratios are taken to.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/compress/layer_walk.h"
#include "engine/compress/quantize.h"

namespace quench {

namespace {

struct Fixed {
  int width, integer;
  double scale() const { return std::exp2(integer - width); }
  double high() const { return (std::exp2(width - 1) - 1) * scale(); }
  std::string name() const { return "ap_fixed<" + std::to_string(width) + ", " + std::to_string(integer) + ">"; }
};

Fixed format_of(const std::string& layer, const QuantizeSettings& s) {
  const auto own = s.layers.find(layer);
  if (own != s.layers.end() && own->second.fixed_width) return {own->second.fixed_width, own->second.fixed_integer};
  return {s.fixed_width, s.fixed_integer};
}

}  // namespace

std::vector<std::string> saturation(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s) {
  std::vector<std::string> found;
  for (const Node& node : m.nodes) {
    const auto* op = std::get_if<Linear>(&node.op);
    const Fixed f = format_of(node.name, s);
    if (!op || !f.width) continue;
    const auto note = [&](const std::string& what, double low, double high) {
      if (low >= -f.high() - f.scale() && high <= f.high()) return;
      found.push_back(what + " of layer " + node.name + " reach " + std::to_string(low) + " .. " +
                      std::to_string(high) + ", " + f.name() + " holds " + std::to_string(-f.high() - f.scale()) +
                      " .. " + std::to_string(f.high()) + ": they saturate");
    };
    const auto [low, high] = std::minmax_element(op->weight.data.begin(), op->weight.data.end());
    note("weights", *low, *high);
    const Range& range = ranges[index(node.output)];
    const bool cut = slope_behind(m, node.output) == 0;  // by a ReLU, whose output is what has the format
    note("outputs", cut ? std::max(range.low, 0.0f) : range.low, range.high);
    const double largest = std::max(std::fabs(*low), std::fabs(*high));
    if (largest > 0 && largest < f.scale() / 2)
      found.push_back("weights of layer " + node.name + " reach " + std::to_string(largest) +
                      ", less than half a step of " + f.name() + ", " + std::to_string(f.scale()) + ": all become 0");
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
