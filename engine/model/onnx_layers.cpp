// Nodes of the standard ONNX operators as layers of a Model.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "engine/core/error.h"
#include "engine/model/onnx_facts.h"
#include "engine/model/onnx_reading.h"

// Operators: https://onnx.ai/onnx/operators/. Values have rank 2, so the axes 1 and -1 are the same one.
namespace quench::onnx {
namespace {

void expect_width_axis(const Site& s, std::int64_t axis) {
  if (axis != 1 && axis != -1) fail(s.where, ": axis is ", axis, "; only the columns, axis 1 or -1, can be used");
}

void scale(const Site& s, Tensor& t, float factor, const char* name) {
  for (float& v : t.data) {
    v *= factor;
    if (!std::isfinite(v)) fail(s.where, ": ", name, " = ", factor, " times its weights does not fit float32");
  }
}

// Checks weight [inputs, outputs] (or its transpose) against the value, and gives it as [outputs, inputs].
Tensor matrix(const Site& s, std::size_t k, bool transposed, int inputs) {
  Tensor t = floats(s, k);
  if (t.shape.size() != 2)
    fail(s.where, ": weight '", s.node.inputs[k], "' has rank ", t.shape.size(), ", a matrix is expected");
  const int rows = t.shape[transposed ? 1 : 0];
  if (rows != inputs)
    fail(s.where, ": weight '", s.node.inputs[k], "' takes ", rows, " columns, value '", s.node.inputs[0], "' has ",
         inputs);
  if (transposed) return t;
  Tensor w = zeros({t.shape[1], t.shape[0]});
  for (int i = 0; i < t.rows(); ++i)
    for (int j = 0; j < t.columns(); ++j) w.row(j)[i] = t.row(i)[j];
  return w;
}

void gemm(const Site& s) {
  expect_inputs(s, 2, 3);
  expect_attributes(s, {"alpha", "beta", "transA", "transB"});
  if (int_attribute(s, "transA").value_or(0) != 0)
    fail(s.where, ": transA = 1 would mix events; export it with transA = 0");
  const Value x = value_input(s, 0);
  Linear op{matrix(s, 1, int_attribute(s, "transB").value_or(0) != 0, width(s, x)), {}};
  scale(s, op.weight, float_attribute(s, "alpha").value_or(1.0f), "alpha");
  const int outputs = op.weight.shape[0];
  op.bias = has_input(s, 2) ? row(s, 2, outputs) : zeros({outputs});
  scale(s, op.bias, float_attribute(s, "beta").value_or(1.0f), "beta");
  add_layer(s, std::move(op), {x}, outputs);
}

void matmul(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {});
  const Value x = value_input(s, 0);
  Linear op{matrix(s, 1, false, width(s, x)), {}};
  const int outputs = op.weight.shape[0];
  op.bias = zeros({outputs});
  add_layer(s, std::move(op), {x}, outputs);
  const std::vector<Node>& nodes = s.reading.model.nodes;
  s.reading.without_bias[nodes.back().output] = nodes.size() - 1;
}

// A constant added to a MatMul that nothing else reads is its bias.
void add(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {});
  const std::size_t constant = is_constant(s, 1) ? 1 : 0;
  Reading& r = s.reading;
  const std::string& input = s.node.inputs[1 - constant];
  const Value v = value_input(s, 1 - constant);
  const auto product = r.without_bias.find(v);
  ModelValue& value = r.model.values[index(v)];
  if (!is_constant(s, constant) || product == r.without_bias.end() || value.name != input || r.uses[input] != 1)
    fail(s.where, ": quench reads Add only as the constant bias of a MatMul whose result nothing else uses");
  std::get<Linear>(r.model.nodes[product->second].op).bias = row(s, constant, value.width);
  r.without_bias.erase(product);
  if (s.node.outputs[0].empty()) return;
  r.values.erase(input);
  value.name = s.node.outputs[0];
  r.values[value.name] = v;
}

void batch_normalization(const Site& s) {
  expect_inputs(s, 5, 5);
  expect_attributes(s, {"epsilon", "momentum", "training_mode", "spatial"});
  if (int_attribute(s, "training_mode").value_or(0) != 0)
    fail(s.where, ": training_mode is 1; export the network in evaluation mode (model.eval())");
  const Value x = value_input(s, 0);
  const int columns = width(s, x);
  BatchNorm op;
  Tensor* const fields[] = {&op.gamma, &op.beta, &op.mean, &op.variance};
  for (std::size_t k = 0; k < 4; ++k) {
    *fields[k] = floats(s, k + 1);
    if (fields[k]->shape != std::vector<int>{columns})
      fail(s.where, ": constant '", s.node.inputs[k + 1], "' has ", fields[k]->size(), " elements and rank ",
           fields[k]->shape.size(), ", value '", s.node.inputs[0], "' has ", columns, " columns");
  }
  op.epsilon = float_attribute(s, "epsilon").value_or(1e-5f);
  for (int j = 0; j < columns; ++j)
    if (const float v = op.variance.data[static_cast<std::size_t>(j)]; !(v >= 0 && v + op.epsilon > 0))
      fail(s.where, ": variance ", j, " is ", v, " with epsilon ", op.epsilon, "; their sum must be positive");
  op.momentum = momentum_of(float_attribute(s, "momentum").value_or(0.9f));
  add_layer(s, std::move(op), {x}, columns);
}

template <class Activation>
void activation(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {});
  const Value x = value_input(s, 0);
  add_layer(s, Activation{}, {x}, width(s, x));
}

void leaky_relu(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {"alpha"});
  const Value x = value_input(s, 0);
  add_layer(s, LeakyRelu{float_attribute(s, "alpha").value_or(0.01f)}, {x}, width(s, x));
}

void concat(const Site& s) {
  expect_inputs(s, 1, std::numeric_limits<std::size_t>::max());
  expect_attributes(s, {"axis"});
  expect_width_axis(s, int_attribute(s, "axis").value_or(1));
  std::vector<Value> inputs;
  std::int64_t total = 0;
  for (std::size_t k = 0; k < s.node.inputs.size(); ++k) {
    inputs.push_back(value_input(s, k));
    total += width(s, inputs.back());
  }
  add_layer(s, Concat{}, std::move(inputs), total);
}

// The columns [begin, end) that Slice means by start and end: negative ones count from the end, too large ones are cut.
Slice columns_between(const Site& s, std::int64_t start, std::int64_t end, std::int64_t columns) {
  auto place = [&](std::int64_t v) { return std::min(std::max(v < 0 ? v + columns : v, std::int64_t{0}), columns); };
  const std::int64_t begin = place(start), length = place(end) - begin;
  if (length < 1) fail(s.where, ": columns ", start, " to ", end, " of ", columns, " are none");
  return {static_cast<int>(begin), static_cast<int>(length)};
}

void expect_all_events(const Site& s, std::int64_t start, std::int64_t end) {
  const std::int64_t events = s.reading.events;
  const std::int64_t open_end = events >= 0 ? events : std::numeric_limits<std::int32_t>::max();
  if (start != 0 || end < open_end)
    fail(s.where, ": takes the events ", start, " to ", end, "; only columns can be cut");
}

void slice(const Site& s) {
  const bool by_attributes = s.reading.opset < 10;
  using Ints = std::vector<std::int64_t>;
  expect_inputs(s, by_attributes ? 1 : 3, by_attributes ? 1 : 5);
  if (by_attributes)
    expect_attributes(s, {"starts", "ends", "axes"});
  else
    expect_attributes(s, {});
  auto list = [&](const char* name, std::size_t k, const Ints& missing) {
    return by_attributes ? ints_attribute(s, name).value_or(missing) : has_input(s, k) ? ints(s, k) : missing;
  };
  const Ints starts = list("starts", 1, {}), ends = list("ends", 2, {});
  Ints axes{0, 1};
  axes.resize(std::min(axes.size(), starts.size()));
  axes = list("axes", 3, axes);
  const Ints steps = by_attributes ? Ints(starts.size(), 1) : list("steps", 4, Ints(starts.size(), 1));
  if (starts.empty() || starts.size() != ends.size() || starts.size() != axes.size() || starts.size() != steps.size())
    fail(s.where, ": has ", starts.size(), " starts, ", ends.size(), " ends, ", axes.size(), " axes and ", steps.size(),
         " steps; as many of each are expected");
  const Value x = value_input(s, 0);
  std::optional<Slice> columns;
  for (std::size_t k = 0; k < starts.size(); ++k) {
    if (steps[k] != 1) fail(s.where, ": step is ", steps[k], "; only neighbouring columns, step 1, can be taken");
    if (axes[k] == 0 || axes[k] == -2) {
      expect_all_events(s, starts[k], ends[k]);
      continue;
    }
    expect_width_axis(s, axes[k]);
    if (columns) fail(s.where, ": cuts the columns twice");
    columns = columns_between(s, starts[k], ends[k], width(s, x));
  }
  if (columns)
    add_layer(s, *columns, {x}, columns->length);
  else
    pass_through(s);
}

// The widths Split gives when it is told none: equal ones, since opset 18 with a smaller last one.
std::vector<std::int64_t> equal_parts(const Site& s, std::int64_t columns) {
  const auto parts = static_cast<std::int64_t>(s.node.outputs.size());
  const std::int64_t each = (columns + parts - 1) / parts;
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), each);
  sizes.back() = columns - each * (parts - 1);
  if (sizes.back() < 1 || (s.reading.opset < 18 && sizes.back() != each))
    fail(s.where, ": ", columns, " columns cannot be split into ", parts, " equal parts");
  return sizes;
}

void split(const Site& s) {
  const bool by_attribute = s.reading.opset < 13;
  expect_inputs(s, 1, by_attribute ? 1 : 2);
  expect_attributes(s, {"axis", "split", "num_outputs"});
  const std::int64_t axis = int_attribute(s, "axis").value_or(0);
  expect_width_axis(s, axis);
  const Value x = value_input(s, 0);
  std::vector<std::int64_t> sizes;
  if (by_attribute)
    sizes = ints_attribute(s, "split").value_or(sizes);
  else if (has_input(s, 1))
    sizes = ints(s, 1);
  if (sizes.empty()) sizes = equal_parts(s, width(s, x));
  std::int64_t begin = 0;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    if (sizes.size() != s.node.outputs.size() || sizes[k] < 1 || sizes[k] > width(s, x) - begin) break;
    const Slice part{static_cast<int>(begin), static_cast<int>(sizes[k])};
    if (!s.node.outputs[k].empty()) add_part(s, "_" + std::to_string(k), s.node.outputs[k], part, x, sizes[k]);
    begin += sizes[k];
  }
  if (begin != width(s, x))
    fail(s.where, ": ", sizes.size(), " part sizes for ", s.node.outputs.size(), " outputs do not add up to the ",
         width(s, x), " columns of '", s.node.inputs[0], "'");
}

void identity(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {});
  pass_through(s);
}

void dropout(const Site& s) {
  expect_inputs(s, 1, s.reading.opset < 12 ? 1 : 3);
  expect_attributes(s, {"ratio", "seed"});
  if (has_input(s, 2) && ints(s, 2) != std::vector<std::int64_t>{0})
    fail(s.where, ": training_mode is on; export the network in evaluation mode (model.eval())");
  pass_through(s);
}

void flatten(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {"axis"});
  value_input(s, 0);
  expect_width_axis(s, int_attribute(s, "axis").value_or(1));
  pass_through(s);
}

void reshape(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {"allowzero"});
  const std::int64_t columns = width(s, value_input(s, 0)), events = s.reading.events;
  const bool zero_copies = int_attribute(s, "allowzero").value_or(0) == 0;
  Shape shape = sizes(s, 1);
  bool same = shape.size() == 2;
  if (same) {
    if (zero_copies && shape[1] == 0) shape[1] = columns;
    const bool events_copied = !shape[0] || (zero_copies && shape[0] == 0) || (events >= 0 && shape[0] == events);
    same = (events_copied && (shape[1] == columns || shape[1] == -1)) || (shape[0] == -1 && shape[1] == columns);
  }
  if (!same) fail(s.where, ": does not leave [events, ", columns, "] as it is; quench has no other shapes");
  pass_through(s);
}

// Weights are transposed; values would mix events with columns.
void transpose(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {"perm"});
  Constant c = constant_input(s, 0);
  const std::vector<std::int64_t> flip{1, 0}, keep{0, 1};
  const std::vector<std::int64_t> perm = ints_attribute(s, "perm").value_or(flip);
  if (c.tensor->dims.size() != 2 || (perm != flip && perm != keep)) fail(s.where, ": only a matrix can be transposed");
  c.transposed = c.transposed != (perm == flip);
  s.reading.constants.emplace(s.node.outputs[0], c);
}

void constant(const Site& s) {
  expect_inputs(s, 0, 0);
  expect_attributes(s, {"value", "value_float", "value_floats", "value_int", "value_ints"});
  if (s.node.attributes.size() != 1) fail(s.where, ": has ", s.node.attributes.size(), " attributes, 1 is expected");
  const OnnxAttribute& a = s.node.attributes[0];
  OnnxTensor t;
  if (a.name == "value") {
    if (a.tensors.empty()) fail(s.where, ": attribute value holds no tensor");
    t = a.tensors[0];
  } else if (a.name == "value_float" || a.name == "value_floats") {
    t.type = OnnxType::float32;
    t.floats = a.name == "value_float" ? std::vector<float>{a.f} : a.floats;
    if (a.name == "value_floats") t.dims = {static_cast<std::int64_t>(t.floats.size())};
  } else {
    t.type = OnnxType::int64;
    t.ints = a.name == "value_int" ? std::vector<std::int64_t>{a.i} : a.ints;
    if (a.name == "value_ints") t.dims = {static_cast<std::int64_t>(t.ints.size())};
  }
  t.name = s.node.outputs[0];
  s.reading.numbers.push_back(std::move(t));
  s.reading.constants.emplace(s.node.outputs[0], Constant{&s.reading.numbers.back()});
}

// Columns in another order, each once: what quench writes for a Permute.
void gather(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {"axis"});
  expect_width_axis(s, int_attribute(s, "axis").value_or(0));
  const Value x = value_input(s, 0);
  Permute op;
  for (const std::int64_t column : ints(s, 1)) {
    if (column < 0 || column >= width(s, x))
      fail(s.where, ": takes column ", column, " of ", width(s, x),
           "; quench reads Gather as another order of columns");
    op.order.push_back(static_cast<int>(column));
  }
  if (static_cast<int>(op.order.size()) != width(s, x))
    fail(s.where, ": takes ", op.order.size(), " of ", width(s, x),
         " columns; quench reads Gather as another order of all of them");
  add_layer(s, std::move(op), {x}, width(s, x));
}

struct Operator {
  const char* op_type;
  void (*read)(const Site&);
};

constexpr Operator operators[] = {
    {"Gemm", gemm},
    {"MatMul", matmul},
    {"Add", add},
    {"BatchNormalization", batch_normalization},
    {"Relu", activation<Relu>},
    {"LeakyRelu", leaky_relu},
    {"Sigmoid", activation<Sigmoid>},
    {"Tanh", activation<Tanh>},
    {"Concat", concat},
    {"Slice", slice},
    {"Split", split},
    {"Identity", identity},
    {"Dropout", dropout},
    {"Flatten", flatten},
    {"Reshape", reshape},
    {"Transpose", transpose},
    {"Constant", constant},
    {"Gather", gather},
};

}  // namespace

void read_node(const Site& s) {
  std::string known;
  for (const Operator& o : operators) {
    if (s.node.op_type == o.op_type) return o.read(s);
    known += (known.empty() ? "" : ", ") + std::string(o.op_type);
  }
  fail(s.where, ": quench has no such operator; it reads ", known);
}

}  // namespace quench::onnx
