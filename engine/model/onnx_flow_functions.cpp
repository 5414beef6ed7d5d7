// Bodies of the flows' layers in standard operators.
// SPDX-License-Identifier: MIT
#include <limits>

#include "engine/core/error.h"
#include "engine/model/onnx_flow.h"

namespace quench::onnx {
namespace {

using Steps = std::vector<std::string>;

constexpr const char* bases[] = {"AdditiveCoupling", "AffineCoupling", "SplineCoupling",
                                 "ActNorm",          "Asinh",          "NormalDensity"};

std::string cast(const std::string& from, const std::string& to, std::int64_t type) {
  return step("Cast", {from}, to, {attribute("to", type)});
}

std::string number(const std::string& name, double value) { return constant(name, tensor("", value)); }
std::string integers(const std::string& name, const Ints& v) {
  return constant(name, tensor("", Ints{static_cast<std::int64_t>(v.size())}, v));
}

void add(Steps& to, const Steps& more) { to.insert(to.end(), more.begin(), more.end()); }

// "columns" without the log-determinant and, where x carries one, "before" [events, 1]; else "before" is 0.
Steps parted(const FlowFunction& f) {
  Steps s{integers("from", {0}), integers("one", {1}), integers("behind", {-1}),
          integers("end", {std::numeric_limits<std::int64_t>::max()})};
  if (f.carried) {
    add(s, {step("Slice", {"x", "from", "behind", "one"}, "columns"),
            step("Slice", {"x", "behind", "end", "one"}, "before")});
  } else {
    add(s, {step("Identity", {"x"}, "columns"), step("Slice", {"x", "from", "one", "one"}, "first"),
            constant("nothing", tensor("", Tensor{{}, {0.0f}})), step("Mul", {"first", "nothing"}, "before")});
  }
  return s;
}

// y from "moved" and, when tracked, "change" [events or 1, 1], for layers that move every column.
Steps joined(const FlowFunction& f) {
  if (!f.track) return {step("Identity", {"moved"}, "y")};
  return {step("Add", {"before", "change"}, "after"),
          step("Concat", {"moved", "after"}, "y", {attribute("axis", std::int64_t{1})})};
}

std::string sum_of_columns(const std::string& from, const std::string& to) {
  return step("ReduceSum", {from, "one"}, to, {attribute("keepdims", std::int64_t{1})});
}

// y = (x + shift) e^log_scale, or back.
Body act_norm(const FlowFunction& f) {
  Body b{{"x", "shift", "log_scale"}, parted(f)};
  const char* scale = f.inverse ? "minus_log_scale" : "log_scale";
  if (f.inverse) b.nodes.push_back(step("Neg", {"log_scale"}, scale));
  b.nodes.push_back(step("Exp", {scale}, "scale"));
  if (f.inverse)
    add(b.nodes, {step("Mul", {"columns", "scale"}, "scaled"), step("Sub", {"scaled", "shift"}, "moved")});
  else
    add(b.nodes, {step("Add", {"columns", "shift"}, "shifted"), step("Mul", {"shifted", "scale"}, "moved")});
  if (f.track) add(b.nodes, {step("ReduceSum", {scale, "from"}, "change", {attribute("keepdims", std::int64_t{1})})});
  add(b.nodes, joined(f));
  return b;
}

// asinh x = sign(x) ln(|x| + sqrt(x^2 + 1)) and sinh x, in double as in the engine.
Body asinh(const FlowFunction& f) {
  Body b{{"x"}, parted(f)};
  add(b.nodes, {cast("columns", "wide", to_double), number("unit", 1), number("half", 0.5)});
  if (f.inverse)
    add(b.nodes, {step("Exp", {"wide"}, "up"), step("Neg", {"wide"}, "minus"), step("Exp", {"minus"}, "down"),
                  step("Sub", {"up", "down"}, "twice"), step("Mul", {"twice", "half"}, "bent"),
                  step("Add", {"up", "down"}, "twice_slope"), step("Mul", {"twice_slope", "half"}, "slope"),
                  step("Log", {"slope"}, "log_slope")});
  else
    add(b.nodes,
        {step("Mul", {"wide", "wide"}, "square"), step("Add", {"square", "unit"}, "more"),
         step("Sqrt", {"more"}, "root"), step("Abs", {"wide"}, "size"), step("Add", {"size", "root"}, "grown"),
         step("Log", {"grown"}, "positive"), step("Sign", {"wide"}, "sign"), step("Mul", {"sign", "positive"}, "bent"),
         step("Log", {"root"}, "log_root"), step("Neg", {"log_root"}, "log_slope")});
  b.nodes.push_back(cast("bent", "moved", to_float));
  if (f.track) add(b.nodes, {sum_of_columns("log_slope", "wide_change"), cast("wide_change", "change", to_float)});
  add(b.nodes, joined(f));
  return b;
}

// ln N(z; 0, 1) + log-determinant, the last column.
Body normal_density() {
  Body b{{"x"}, parted({"", false, true, true})};
  add(b.nodes, {cast("columns", "z", to_double), cast("before", "wide_before", to_double),
                number("log_two_pi", 1.8378770664093453), number("half", 0.5), step("Mul", {"z", "z"}, "square"),
                step("Add", {"square", "log_two_pi"}, "terms"), sum_of_columns("terms", "sum"),
                step("Mul", {"sum", "half"}, "less"), step("Sub", {"wide_before", "less"}, "wide_y"),
                cast("wide_y", "y", to_float)});
  return b;
}

// "part", the columns that move, to "moved" and "change" [events, 1].
Steps additive(bool inverse) {
  return {step(inverse ? "Sub" : "Add", {"part", "parameters"}, "moved"), sum_of_columns("part", "any"),
          constant("zero", tensor("", Tensor{{}, {0.0f}})), step("Mul", {"any", "zero"}, "change")};
}

Steps affine(bool inverse) {
  Steps s{node("split", "Split", {"parameters"}, {"shift", "raw"}, {attribute("axis", std::int64_t{1})}),
          constant("one_half", tensor("", Tensor{{}, {0.5f}})),
          constant("two", tensor("", Tensor{{}, {inverse ? -2.0f : 2.0f}})),
          step("Mul", {"raw", "one_half"}, "halved"),
          step("Tanh", {"halved"}, "bounded"),
          step("Mul", {"bounded", "two"}, "log_scale"),
          step("Exp", {"log_scale"}, "scale"),
          sum_of_columns("log_scale", "change")};
  if (inverse)
    add(s, {step("Sub", {"part", "shift"}, "shifted"), step("Mul", {"shifted", "scale"}, "moved")});
  else
    add(s, {step("Mul", {"part", "scale"}, "scaled"), step("Add", {"scaled", "shift"}, "moved")});
  return s;
}

// Sizes of the bins [events, columns, bins] of raw widths or heights, and where each begins.
Steps bins(const std::string& raw, const std::string& size, const std::string& corner) {
  return {step("Softmax", {raw}, raw + "_share", {attribute("axis", std::int64_t{2})}),
          cast(raw + "_share", raw + "_wide", to_double),
          step("Mul", {raw + "_wide", "factor"}, raw + "_scaled"),
          step("Add", {raw + "_scaled", "least"}, size),
          step("CumSum", {size, "along_bins"}, raw + "_sum", {attribute("exclusive", std::int64_t{1})}),
          step("Sub", {raw + "_sum", "bound"}, corner)};
}

std::string pick(const std::string& from, const std::string& to, const std::string& index = "bin") {
  return step("GatherElements", {from, index}, to, {attribute("axis", std::int64_t{2})});
}

// The point within its bin: theta = (x - corner) / width, or, back, the root of a theta^2 + b theta + c = 0 that has no
// cancellation.
Steps theta(bool inverse) {
  if (!inverse) return {step("Sub", {"at", "x0"}, "above"), step("Div", {"above", "width"}, "theta")};
  return {step("Sub", {"at", "y0"}, "above"),
          step("Sub", {"delta", "slope0"}, "delta_less"),
          step("Mul", {"height", "delta_less"}, "a_first"),
          step("Mul", {"above", "spread"}, "above_spread"),
          step("Add", {"a_first", "above_spread"}, "a_root"),
          step("Mul", {"height", "slope0"}, "b_first"),
          step("Sub", {"b_first", "above_spread"}, "b_root"),
          step("Mul", {"delta", "above"}, "minus_c"),
          step("Mul", {"b_root", "b_root"}, "b_square"),
          step("Mul", {"a_root", "minus_c"}, "a_c"),
          number("four", 4),
          step("Mul", {"a_c", "four"}, "four_a_c"),
          step("Add", {"b_square", "four_a_c"}, "discriminant"),
          number("no_less", 0),
          step("Max", {"discriminant", "no_less"}, "not_negative"),
          step("Sqrt", {"not_negative"}, "square_root"),
          step("Add", {"b_root", "square_root"}, "denominator"),
          step("Mul", {"minus_c", "double"}, "numerator"),
          step("Div", {"numerator", "denominator"}, "theta")};
}

// Rational-quadratic spline: y = y0 + h A / D, dy/dx = delta^2 B / D^2; see engine/ops/spline.cpp.
Steps spline(bool inverse) {
  Steps s{
      step("Reshape", {"parameters", "shape"}, "table"),
      node("cut", "Split", {"table", "parts"}, {"widths", "heights", "slopes"}, {attribute("axis", std::int64_t{2})}),
      integers("bins_axis", {2}),
      constant("along_bins", tensor("", Ints{}, Ints{2})),
      number("double", 2),
      number("smallest", 1e-3),
      number("unit", 1),
      step("Mul", {"bound", "double"}, "whole"),
      step("Mul", {"whole", "smallest"}, "least"),
      step("Gather", {"parts", "from"}, "bins"),
      cast("bins", "wide_bins", to_double),
      step("Mul", {"wide_bins", "least"}, "spent"),
      step("Sub", {"whole", "spent"}, "factor")};
  add(s, bins("widths", "width_of", "x_of"));
  add(s, bins("heights", "height_of", "y_of"));
  add(s, {constant("slope_shift", tensor("", Tensor{{}, {0.5397424f}})),
          step("Add", {"slopes", "slope_shift"}, "shifted_slopes"),
          step("Softplus", {"shifted_slopes"}, "positive_slopes"),
          cast("positive_slopes", "wide_slopes", to_double),
          step("Add", {"wide_slopes", "smallest"}, "inner_slopes"),
          integers("both_ends", {0, 0, 1, 0, 0, 1}),
          step("Squeeze", {"unit"}, "end_slope"),
          step("Pad", {"inner_slopes", "both_ends", "end_slope"}, "slope_of"),
          cast("part", "wide_part", to_double),
          step("Neg", {"bound"}, "minus_bound"),
          step("Min", {"wide_part", "bound"}, "not_above"),
          step("Max", {"not_above", "minus_bound"}, "inside"),
          step("Unsqueeze", {"inside", "bins_axis"}, "at"),
          step("GreaterOrEqual", {"at", inverse ? "y_of" : "x_of"}, "passed"),
          step("Cast", {"passed"}, "passed_number", {attribute("to", std::int64_t{7})}),
          step("ReduceSum", {"passed_number", "bins_axis"}, "next_bin", {attribute("keepdims", std::int64_t{1})}),
          step("Sub", {"next_bin", "one"}, "bin"),
          pick("x_of", "x0"),
          pick("y_of", "y0"),
          pick("width_of", "width"),
          pick("height_of", "height"),
          pick("slope_of", "slope0"),
          pick("slope_of", "slope1", "next_bin"),
          step("Div", {"height", "width"}, "delta"),
          step("Add", {"slope0", "slope1"}, "both_slopes"),
          step("Mul", {"delta", "double"}, "two_delta"),
          step("Sub", {"both_slopes", "two_delta"}, "spread")});
  add(s, theta(inverse));
  add(s,
      {step("Sub", {"unit", "theta"}, "rest"), step("Mul", {"theta", "rest"}, "q"),
       step("Mul", {"theta", "theta"}, "theta2"), step("Mul", {"rest", "rest"}, "rest2"),
       step("Mul", {"delta", "theta2"}, "a1"), step("Mul", {"slope0", "q"}, "a2"), step("Add", {"a1", "a2"}, "A"),
       step("Mul", {"slope1", "theta2"}, "b1"), step("Mul", {"two_delta", "q"}, "b2"),
       step("Mul", {"slope0", "rest2"}, "b3"), step("Add", {"b1", "b2"}, "b12"), step("Add", {"b12", "b3"}, "B"),
       step("Mul", {"spread", "q"}, "d1"), step("Add", {"delta", "d1"}, "D"), step("Mul", {"delta", "delta"}, "delta2"),
       step("Mul", {"delta2", "B"}, "delta2_B"), step("Mul", {"D", "D"}, "D2"),
       step("Div", {"delta2_B", "D2"}, "slope_at"), step("Log", {"slope_at"}, "log_slope_at")});
  if (inverse)
    add(s, {step("Mul", {"theta", "width"}, "along"), step("Add", {"x0", "along"}, "result"),
            step("Neg", {"log_slope_at"}, "log_result")});
  else
    add(s, {step("Mul", {"height", "A"}, "height_A"), step("Div", {"height_A", "D"}, "along"),
            step("Add", {"y0", "along"}, "result"), step("Identity", {"log_slope_at"}, "log_result")});
  // The identity outside.
  add(s,
      {step("Squeeze", {"result", "bins_axis"}, "wide_result"), cast("wide_result", "float_result", to_float),
       step("Squeeze", {"log_result", "bins_axis"}, "wide_log"), cast("wide_log", "float_log", to_float),
       step("Abs", {"wide_part"}, "part_size"), step("Less", {"part_size", "bound"}, "is_inside"),
       step("Where", {"is_inside", "float_result", "part"}, "moved"), constant("flat", tensor("", Tensor{{}, {0.0f}})),
       step("Where", {"is_inside", "float_log", "flat"}, "changes"), sum_of_columns("changes", "change")});
  return s;
}

// The moved columns are cut out, and put in their place by a gather from [x, moved, log-determinant].
Body coupling(const FlowFunction& f) {
  Body b{{"x", "parameters", "begin", "end_column", "order"}, parted(f)};
  if (f.base == "SplineCoupling") b.inputs.insert(b.inputs.end(), {"bound", "shape", "parts"});
  b.nodes.push_back(step("Slice", {"x", "begin", "end_column", "one"}, "part"));
  add(b.nodes, f.base == "AdditiveCoupling" ? additive(f.inverse)
               : f.base == "AffineCoupling" ? affine(f.inverse)
                                            : spline(f.inverse));
  add(b.nodes, {step("Add", {"before", "change"}, "after"),
                step("Concat", {"x", "moved", "after"}, "all", {attribute("axis", std::int64_t{1})}),
                step("Gather", {"all", "order"}, "y", {attribute("axis", std::int64_t{1})})});
  return b;
}

}  // namespace

std::string flow_name(const FlowFunction& f) {
  return f.base + (f.inverse ? "Inverse" : "") + (f.carried ? "Tracked" : f.track ? "Started" : "");
}

std::optional<FlowFunction> flow_function(const std::string& name) {
  if (name == "NormalDensity") return FlowFunction{name, false, true, true};
  for (const char* base : bases)
    for (const bool inverse : {false, true})
      for (const int tracking : {0, 1, 2}) {
        const FlowFunction f{base, inverse, tracking > 0, tracking > 1};
        if (flow_name(f) == name && f.base != "NormalDensity") return f;
      }
  return std::nullopt;
}

Body flow_body(const FlowFunction& f) {
  if (f.base == "ActNorm") return act_norm(f);
  if (f.base == "Asinh") return asinh(f);
  return f.base == "NormalDensity" ? normal_density() : coupling(f);
}

Ints coupling_order(const Coupling& op, bool carried) {
  Ints order;
  const int input = op.width + (carried ? 1 : 0);
  for (int j = 0; j < op.width; ++j)
    order.push_back(j < op.begin || j >= op.begin + op.length ? j : input + j - op.begin);
  if (op.track) order.push_back(input + op.length);
  return order;
}

Ints spline_shape(const Coupling& op) { return {0, op.length, 3 * op.bins - 1}; }
Ints spline_parts(const Coupling& op) { return {op.bins, op.bins, op.bins - 1}; }

}  // namespace quench::onnx
