// The three ways to round, and the bias that each may need.
// SPDX-License-Identifier: MIT
#include "engine/compress/rounding.h"

#include <algorithm>

#include "engine/compress/adaround.h"
#include "engine/compress/gptq.h"
#include "engine/compress/obc.h"
#include "engine/core/error.h"

namespace quench {
namespace {

// The weights that are not 0, for the exact outputs on what the layer reads now.
Linear aimed_where_it_is(const LayerView& view, int threads) {
  const Linear better = aimed(view.op(), view.x, view.exact_y, threads);
  const std::vector<float>& w = view.op().weight.data;
  if (std::count(w.begin(), w.end(), 0.0f) == 0) return better;
  return refitted(better, view.op(), view.x, threads);
}

Linear rounded(const LayerView& view, const std::string& method, int threads) {
  if (method == "nearest") return nearest_codes(view.op(), *view.codes);
  if (method == "gptq") return gptq(aimed_where_it_is(view, threads), *view.codes, view.x, threads);
  if (method == "adaround") return adaround(view, {}, threads);
  fail("rounding ", method, " is unknown; nearest, adaround and gptq exist");
}

}  // namespace

Linear nearest_codes(const Linear& op, const LayerCodes& codes) {
  Linear rounded = op;
  const std::size_t columns = codes.column_factor.size();
  for (std::size_t i = 0; i < op.weight.size(); ++i)
    rounded.weight.data[i] =
        codes.weight(codes.code(op.weight.data[i], i / columns, i % columns), i / columns, i % columns);
  return rounded;
}

Tensor corrected_bias(const Linear& op, const Tensor& x, const Tensor& exact_y) {
  Tensor y, bias = op.bias;
  forward(op, x, y, 1);
  const std::size_t width = bias.size();
  std::vector<double> shift(width);
  for (std::size_t i = 0; i < y.size(); ++i)
    shift[i % width] += static_cast<double>(y.data[i]) - static_cast<double>(exact_y.data[i]);
  for (std::size_t r = 0; r < width; ++r) bias.data[r] -= static_cast<float>(shift[r] / y.rows());
  return bias;
}

Model round_weights(const Model& m, Span<const Tensor> inputs, const Quantized& q, const std::string& method,
                    bool correct_bias, int threads) {
  const auto change = [&](const LayerView& view) {
    Linear op = rounded(view, method, threads);
    if (correct_bias) op.bias = corrected_bias(op, view.x, view.exact_y);
    return op;
  };
  return change_layers(m, inputs, &q, change, threads);
}

QuantizeSettings with_weight_scales(QuantizeSettings s, const Model& m, const Quantized& q) {
  for (const CodedLinear& place : q.linears)
    s.layers[m.nodes[place.node].name].weight_scale =
        std::get<QLinear>(q.program.nodes[place.program_node].op).weight_scale;
  return s;
}

}  // namespace quench
