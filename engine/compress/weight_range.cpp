// A grid search for each weight scale.
// SPDX-License-Identifier: MIT
#include "engine/compress/weight_range.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/layer_walk.h"

namespace quench {
namespace {

// Sum over weights first .. last - 1 of squared errors, each in its column's units.
double rounding_error(const Linear& op, const LayerCodes& codes, std::size_t first, std::size_t last, double scale) {
  const std::size_t columns = codes.column_factor.size();
  const double low = codes.low[first / columns], high = codes.high[first / columns];
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) {
    const double w = op.weight.data[i] * codes.column_factor[i % columns];
    const double d = w - std::clamp(std::floor(w / scale + 0.5), low, high) * scale;
    sum += d * d;
  }
  return sum;
}

}  // namespace

QuantizeSettings with_best_weight_scales(QuantizeSettings s, const Model& m, const Quantized& q) {
  std::vector<double> shares;
  for (int percent = 100; percent >= 20; --percent) shares.push_back(percent / 100.0);
  if (s.power_of_two) shares = {1, 0.5, 0.25};
  for (const CodedLinear& place : q.linears) {
    const Linear& op = std::get<Linear>(m.nodes[place.node].op);
    const LayerCodes codes = layer_codes(q, place);
    const QNode& node = q.program.nodes[place.program_node];
    std::vector<double> scales = std::get<QLinear>(node.op).weight_scale;
    const std::size_t part = op.weight.size() / scales.size(), rows = op.bias.size() / scales.size();
    const double input_scale = q.program.values[index(node.inputs[0])].scale;
    for (std::size_t k = 0; k < scales.size(); ++k) {
      double largest_bias = 0, least = -1, best = scales[k];
      for (std::size_t r = k * rows; r < (k + 1) * rows; ++r)
        largest_bias = std::max(largest_bias, std::fabs(static_cast<double>(op.bias.data[r])));
      for (double share : shares) {
        const double scale = share * scales[k];
        if (share < 1 && largest_bias > input_scale * scale * 1073741824.0) break;  // the bias has 31 bits
        const double error = rounding_error(op, codes, k * part, (k + 1) * part, scale);
        if (least < 0 || error < least) least = error, best = scale;
      }
      scales[k] = best;
    }
    s.layers[m.nodes[place.node].name].weight_scale = scales;
  }
  return s;
}

}  // namespace quench
