// The functions of flows, read as layers of a Model.
// SPDX-License-Identifier: MIT
#include "engine/core/error.h"
#include "engine/model/onnx_flow.h"
#include "engine/model/onnx_reading.h"

namespace quench::onnx {
namespace {

// Columns of x without its log-determinant.
int width_of(const Site& s, const FlowFunction& f) { return width(s, value_input(s, 0)) - (f.carried ? 1 : 0); }

void expect_columns(const Site& s, const FlowFunction& f) {
  expect_attributes(s, {});
  if (width_of(s, f) < 1)
    fail(s.where, ": its input has ", width(s, value_input(s, 0)), " columns; a log-determinant and at least 1 more");
}

void act_norm(const Site& s, const FlowFunction& f) {
  expect_inputs(s, 3, 3);
  expect_columns(s, f);
  const int columns = width_of(s, f);
  ActNorm op{floats(s, 1), floats(s, 2), f.inverse, f.track};
  for (const Tensor* t : {&op.shift, &op.log_scale})
    if (t->shape != std::vector<int>{columns})
      fail(s.where, ": a constant has ", t->size(), " elements and rank ", t->shape.size(), "; a list of ", columns,
           " is expected");
  add_layer(s, std::move(op), {value_input(s, 0)}, columns + (f.track ? 1 : 0));
}

void asinh(const Site& s, const FlowFunction& f) {
  expect_inputs(s, 1, 1);
  expect_columns(s, f);
  const int columns = width_of(s, f);
  add_layer(s, Asinh{columns, f.inverse, f.track}, {value_input(s, 0)}, columns + (f.track ? 1 : 0));
}

void normal_density(const Site& s, const FlowFunction& f) {
  expect_inputs(s, 1, 1);
  expect_columns(s, f);
  add_layer(s, NormalDensity{}, {value_input(s, 0)}, 1);
}

int one_integer(const Site& s, std::size_t k, int least, int most) {
  const Ints v = ints(s, k);
  if (v.size() != 1 || v[0] < least || v[0] > most)
    fail(s.where, ": input ", k, ", '", s.node.inputs[k], "', must be one integer from ", least, " to ", most);
  return static_cast<int>(v[0]);
}

void coupling(const Site& s, const FlowFunction& f) {
  const bool spline = f.base == "SplineCoupling";
  expect_inputs(s, spline ? 8 : 5, spline ? 8 : 5);
  expect_columns(s, f);
  const Value x = value_input(s, 0), parameters = value_input(s, 1);
  Coupling op;
  op.kind = spline ? CouplingKind::spline : f.base == "AffineCoupling" ? CouplingKind::affine : CouplingKind::additive;
  op.inverse = f.inverse, op.track = f.track, op.width = width_of(s, f);
  op.begin = one_integer(s, 2, 0, op.width - 1);
  op.length = one_integer(s, 3, op.begin + 1, op.width) - op.begin;
  if (spline) {
    const Ints parts = ints(s, 7);
    if (parts.empty() || parts[0] < 2 || parts[0] > width(s, parameters))
      fail(s.where, ": '", s.node.inputs[7], "' does not begin with a number of bins from 2");
    op.bins = static_cast<int>(parts[0]);
    op.bound = static_cast<float>(double_constant(*constant_input(s, 5).tensor, s.reading.source, s.where));
    if (ints(s, 6) != spline_shape(op) || parts != spline_parts(op))
      fail(s.where, ": its shape and parts do not belong to ", op.length, " columns of ", op.bins,
           " bins; the file was edited, export it again");
  }
  if (ints(s, 4) != coupling_order(op, f.carried))
    fail(s.where, ": its order does not put columns ", op.begin, " to ", op.begin + op.length - 1,
         " back in their place; the file was edited, export it again");
  const int needed = op.length * parameters_per_column(op);
  if (width(s, parameters) != needed)
    fail(s.where, ": its parameters are ", width(s, parameters), " columns; ", needed, " are needed");
  add_layer(s, op, {x, parameters}, output_width(op));
}

}  // namespace

bool read_flow_node(const Site& s) {
  const std::optional<FlowFunction> f = flow_function(s.node.op_type);
  if (!f) return false;
  if (f->base == "ActNorm")
    act_norm(s, *f);
  else if (f->base == "Asinh")
    asinh(s, *f);
  else if (f->base == "NormalDensity")
    normal_density(s, *f);
  else
    coupling(s, *f);
  return true;
}

}  // namespace quench::onnx
