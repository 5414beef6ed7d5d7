// Linears changed one after the other, each seeing what the layers before it have become.
// SPDX-License-Identifier: MIT
#pragma once
#include <functional>
#include <vector>

#include "engine/compress/quantize.h"
#include "engine/core/span.h"
#include "engine/model/model.h"

namespace quench {

// The grid that the integers put a Linear's weights on: code * scale[row] / column_factor[column], where low <= code <=
// high.
struct LayerCodes {
  std::vector<double> scale, column_factor;  // [rows], [columns]
  std::vector<double> low, high;             // [rows]

  double code(float weight, std::size_t row, std::size_t column) const;  // of the nearest point
  float weight(double code, std::size_t row, std::size_t column) const;
};

// A Linear on the calibration events.
struct LayerView {
  const Node& node;
  const Tensor &exact_x, &exact_y;  // what it read and gave in the model as it was: [events, inputs], [events, outputs]
  const Tensor& x;                  // what it reads now, rounded to codes where the integers hold codes
  const LayerCodes* codes;          // null: weights and values are floats
  float slope;                      // below zero, of the activation that alone reads it: 0 of a Relu, 1 without any

  const Linear& op() const { return std::get<Linear>(node.op); }
};

// The first 4096 events at most: what fits layers; more cost memory and change nothing.
std::vector<Tensor> fitting_events(Span<const Tensor> inputs);

// The model with change(view) in the place of each Linear, in execution order, on the fitting events. Of two Linears
// that are only added the second has exact_y that makes up for the first's error. codes: of quantising this model;
// null: everything stays in floats.
Model change_layers(Model, Span<const Tensor> inputs, const Quantized* codes,
                    const std::function<Linear(const LayerView&)>& change, int threads);

LayerCodes layer_codes(const Quantized&, const CodedLinear&);

// Slope below zero of the Relu or LeakyRelu that alone reads this value; 1 when something else does.
float slope_behind(const Model&, Value);

}  // namespace quench
