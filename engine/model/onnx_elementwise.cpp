// Nodes of the standard ONNX operators that move, combine or bound columns, as layers of a Model.
// SPDX-License-Identifier: MIT
#include <limits>

#include "engine/core/error.h"
#include "engine/model/onnx_reading.h"

// Operators: https://onnx.ai/onnx/operators/. Values have rank 2, so the axes 1 and -1 are the same one.
namespace quench::onnx {
namespace {

template <class Combination>
void combine(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {});
  const Value a = value_input(s, 0), b = value_input(s, 1);
  if (width(s, a) != width(s, b))
    fail(s.where, ": value '", s.node.inputs[0], "' has ", width(s, a), " columns, value '", s.node.inputs[1], "' has ",
         width(s, b), "; quench combines values of one width");
  add_layer(s, Combination{}, {a, b}, width(s, a));
}

}  // namespace

void read_sum(const Site& s) { combine<Sum>(s); }
void read_product(const Site& s) { combine<Product>(s); }

// A bound that is left out is the largest float.
void read_clip(const Site& s) {
  const bool by_attributes = s.reading.opset < 11;
  expect_inputs(s, 1, by_attributes ? 1 : 3);
  if (by_attributes)
    expect_attributes(s, {"min", "max"});
  else
    expect_attributes(s, {});
  const auto bound = [&](const char* name, std::size_t k, float missing) {
    if (by_attributes) return float_attribute(s, name).value_or(missing);
    if (!has_input(s, k)) return missing;
    const Tensor t = floats(s, k);
    if (t.size() != 1)
      fail(s.where, ": ", name, " '", s.node.inputs[k], "' has ", t.size(), " elements, 1 is expected");
    return t.data[0];
  };
  const Value x = value_input(s, 0);
  Clamp op;
  op.low = bound("min", 1, std::numeric_limits<float>::lowest());
  op.high = bound("max", 2, std::numeric_limits<float>::max());
  if (!(op.low < op.high)) fail(s.where, ": min is ", op.low, " and max ", op.high, "; min must be below max");
  add_layer(s, op, {x}, width(s, x));
}

void read_softmax(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {"axis"});
  const Value x = value_input(s, 0);
  expect_width_axis(s, int_attribute(s, "axis").value_or(1));
  add_layer(s, Softmax{{width(s, x)}}, {x}, width(s, x));
}

void read_layer_normalization(const Site& s) {
  expect_inputs(s, 2, 3);
  expect_attributes(s, {"axis", "epsilon", "stash_type"});
  const Value x = value_input(s, 0);
  expect_width_axis(s, int_attribute(s, "axis").value_or(-1));
  LayerNorm op = layer_norm(width(s, x));
  op.gamma = row(s, 1, width(s, x));
  if (has_input(s, 2)) op.beta = row(s, 2, width(s, x));
  op.epsilon = float_attribute(s, "epsilon").value_or(1e-5f);
  if (!(op.epsilon > 0)) fail(s.where, ": epsilon is ", op.epsilon, "; it must be above 0");
  add_layer(s, std::move(op), {x}, width(s, x));
}

void read_gather(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {"axis"});
  const Value x = value_input(s, 0);
  expect_width_axis(s, int_attribute(s, "axis").value_or(0));
  if (is_constant(s, 1) && constant_input(s, 1).tensor->dims.size() != 1)
    fail(s.where, ": indices '", s.node.inputs[1], "' have rank ", constant_input(s, 1).tensor->dims.size(),
         "; a list, rank 1, is expected");
  const std::int64_t columns = width(s, x);
  Permute op;
  for (const std::int64_t k : ints(s, 1)) {
    if (k < -columns || k >= columns) fail(s.where, ": takes column ", k, " of ", columns);
    op.order.push_back(static_cast<int>(k < 0 ? k + columns : k));
  }
  if (static_cast<std::int64_t>(op.order.size()) != columns || !is_permutation(op.order))
    fail(s.where, ": takes ", op.order.size(), " columns of ", columns,
         "; quench reads Gather only where it takes every column once, use Slice and Concat for others");
  add_layer(s, std::move(op), {x}, columns);
}

}  // namespace quench::onnx
