// Nodes of the standard ONNX operators that move, combine or bound columns, as layers of a Model.
// SPDX-License-Identifier: MIT
#include "engine/core/error.h"
#include "engine/model/onnx_reading.h"

// Operators: https://onnx.ai/onnx/operators/. Values have rank 2, so the axes 1 and -1 are the same one.
namespace quench::onnx {

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
