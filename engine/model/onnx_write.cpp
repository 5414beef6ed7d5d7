// Writes a Model as an ONNX file: one node per layer, quench's own layers as functions, the facts as metadata.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <set>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/version.h"
#include "engine/model/onnx.h"
#include "engine/model/onnx_encode.h"
#include "engine/model/onnx_facts.h"
#include "engine/model/onnx_flow.h"
#include "engine/model/onnx_functions.h"
#include "engine/model/protobuf.h"

namespace quench {
namespace {

using onnx::attribute;

constexpr std::int64_t ir_version = 8;  // the first with functions

// A graph as it grows. Initialisers share one set of names with the values.
struct Graph {
  std::string nodes, initializers;
  std::set<std::string> names;
  std::set<std::string> functions;  // of the domain "quench", those used
};

std::string unused_name(Graph& g, std::string name) {
  while (!g.names.insert(name).second) name += '_';
  return name;
}

// One node of the Model on its way into the graph.
struct Step {
  Graph& graph;
  const Node& node;
  onnx::Names inputs;
  std::string output;
  int input_width = 0;  // of the first input
};

void add_node(Step& s, const char* op_type, const std::vector<std::string>& attributes = {}) {
  protobuf::put_bytes(s.graph.nodes, 1, onnx::node(s.node.name, op_type, s.inputs, {s.output}, attributes));
}

void add_function(Step& s, const char* name, const std::vector<std::string>& attributes = {}) {
  s.graph.functions.insert(name);
  protobuf::put_bytes(s.graph.nodes, 1, onnx::node(s.node.name, name, s.inputs, {s.output}, attributes, "quench"));
}

// Adds an initialiser "<node>.<field>" and makes it the node's next input. `content` is what onnx::tensor takes after
// the name.
template <class... Content>
void add_constant(Step& s, const char* field, const Content&... content) {
  s.inputs.push_back(unused_name(s.graph, s.node.name + "." + field));
  protobuf::put_bytes(s.graph.initializers, 5, onnx::tensor(s.inputs.back(), content...));
}

void add_weights(Step& s, const char* field, const Tensor& t) {
  for (std::size_t i = 0; i < t.size(); ++i)
    if (!std::isfinite(t.data[i]))
      fail("model: node '", s.node.name, "': ", field, " has element ", i, " = ", t.data[i],
           "; every weight must be finite, train again with a smaller learning rate");
  add_constant(s, field, t);
}

void expect_finite(const Step& s, const char* field, double v) {
  if (!std::isfinite(v)) fail("model: node '", s.node.name, "': ", field, " is ", v, "; it must be finite");
}

void write(Step& s, const Linear& op) {
  add_weights(s, "weight", op.weight);
  add_weights(s, "bias", op.bias);
  add_node(s, "Gemm", {attribute("transB", std::int64_t{1})});
}

void write(Step& s, const BatchNorm& op) {
  add_weights(s, "gamma", op.gamma);
  add_weights(s, "beta", op.beta);
  add_weights(s, "mean", op.mean);
  add_weights(s, "variance", op.variance);
  for (const float v : op.variance.data)
    if (!(v >= 0 && v + op.epsilon > 0) || !std::isfinite(op.epsilon))
      fail("model: node '", s.node.name, "': variance ", v, " with epsilon ", op.epsilon,
           "; their sum must be positive");
  // ONNX weighs the old statistics, quench (as PyTorch) the new ones.
  add_node(s, "BatchNormalization",
           {attribute("epsilon", op.epsilon), attribute("momentum", onnx::kept_share(op.momentum))});
}

void write(Step& s, const Relu&) { add_node(s, "Relu"); }
void write(Step& s, const LeakyRelu& op) {
  expect_finite(s, "slope", static_cast<double>(op.slope));
  add_node(s, "LeakyRelu", {attribute("alpha", op.slope)});
}
void write(Step& s, const Sigmoid&) { add_node(s, "Sigmoid"); }
void write(Step& s, const Tanh&) { add_node(s, "Tanh"); }
void write(Step& s, const Concat&) { add_node(s, "Concat", {attribute("axis", std::int64_t{1})}); }

using Ints = std::vector<std::int64_t>;

void write(Step& s, const Slice& op) {
  add_constant(s, "begin", Ints{1}, Ints{op.begin});
  add_constant(s, "end", Ints{1}, Ints{std::int64_t{op.begin} + op.length});
  add_constant(s, "axis", Ints{1}, Ints{1});
  add_node(s, "Slice");
}

void write(Step& s, const LogEnergy& op) {
  expect_finite(s, "reference_mev", op.reference_mev);
  add_constant(s, "reference_mev", op.reference_mev);
  add_function(s, "LogEnergy");
}

void write(Step& s, const ConditionalAffine& op) {
  Tensor exponents = zeros({1, op.mean.rows()});
  for (std::size_t i = 0; i < exponents.size(); ++i) exponents.data[i] = static_cast<float>(i);
  add_constant(s, "exponents", exponents);
  add_weights(s, "mean", op.mean);
  add_weights(s, "log_deviation", op.log_deviation);
  add_function(s, op.inverse ? "ConditionalAffineInverse" : "ConditionalAffine");
}

void write(Step& s, const StickBreaking& op) {
  const onnx::StickTables t = onnx::stick_tables(op.layer_voxels);
  const Ints voxels{static_cast<std::int64_t>(t.voxel_part.size())};
  add_constant(s, "stick", Ints{t.groups, t.parts}, t.stick);
  add_constant(s, "layer_part", voxels, t.layer_part);
  add_constant(s, "voxel_part", voxels, t.voxel_part);
  add_function(s, op.logarithmic ? "StickBreakingLog" : "StickBreaking",
               {attribute("layer_voxels", Ints{op.layer_voxels.begin(), op.layer_voxels.end()})});
}

void write(Step& s, const SoftmaxSplit& op) {
  const onnx::ShareTables t = onnx::share_tables(op.layer_voxels);
  const Ints voxels{static_cast<std::int64_t>(t.voxel_part.size())};
  add_constant(s, "total_scale", op.total_scale);
  add_constant(s, "member", Ints{t.groups.groups, t.groups.parts}, t.groups.member);
  add_constant(s, "layer_part", voxels, t.layer_part);
  add_constant(s, "voxel_part", voxels, t.voxel_part);
  add_function(s, "SoftmaxSplit", {attribute("layer_voxels", Ints{op.layer_voxels.begin(), op.layer_voxels.end()})});
}

void write(Step& s, const Threshold& op) {
  expect_finite(s, "mev", op.mev);
  add_constant(s, "mev", op.mev);
  add_function(s, "Threshold");
}

void write(Step& s, const Permute& op) {
  const Ints columns{static_cast<std::int64_t>(op.order.size())};
  add_constant(s, "order", columns, Ints{op.order.begin(), op.order.end()});
  add_node(s, "Gather", {attribute("axis", std::int64_t{1})});
}

void write(Step& s, const Sum&) { add_node(s, "Add"); }
void write(Step& s, const Product&) { add_node(s, "Mul"); }

void write(Step& s, const Clamp& op) {
  add_constant(s, "min", Tensor{{}, {op.low}});
  add_constant(s, "max", Tensor{{}, {op.high}});
  add_node(s, "Clip");
}

void write(Step& s, const Exp&) { add_node(s, "Exp"); }
void write(Step& s, const Softplus&) { add_node(s, "Softplus"); }

void write(Step& s, const Softmax& op) {
  if (op.group_sizes.size() == 1) return add_node(s, "Softmax", {attribute("axis", std::int64_t{1})});
  const onnx::GroupTables t = onnx::group_tables(op.group_sizes);
  add_constant(s, "member", Ints{t.groups, t.parts}, t.member);
  add_constant(s, "place", Ints{static_cast<std::int64_t>(t.place.size())}, t.place);
  add_function(s, "GroupSoftmax", {attribute("group_sizes", Ints{op.group_sizes.begin(), op.group_sizes.end()})});
}

void write(Step& s, const LayerNorm& op) {
  add_weights(s, "gamma", op.gamma);
  add_weights(s, "beta", op.beta);
  add_node(s, "LayerNormalization", {attribute("axis", std::int64_t{1}), attribute("epsilon", op.epsilon)});
}

void write(Step& s, const Spread& op) {
  add_weights(s, "deviation", op.deviation);
  add_function(s, "Spread");
}

// Whether x brings a log-determinant follows from the widths.
void add_flow_function(Step& s, const char* base, bool inverse, bool track, bool carried) {
  add_function(s, onnx::flow_name({base, inverse, track, carried}).c_str());
}

void write(Step& s, const Coupling& op) {
  const bool spline = op.kind == CouplingKind::spline, carried = s.input_width > op.width;
  const Ints order = onnx::coupling_order(op, carried);
  add_constant(s, "begin", Ints{1}, Ints{op.begin});
  add_constant(s, "end", Ints{1}, Ints{std::int64_t{op.begin} + op.length});
  add_constant(s, "order", Ints{static_cast<std::int64_t>(order.size())}, order);
  if (spline) {
    expect_finite(s, "bound", static_cast<double>(op.bound));
    add_constant(s, "bound", static_cast<double>(op.bound));
    add_constant(s, "shape", Ints{3}, onnx::spline_shape(op));
    add_constant(s, "parts", Ints{3}, onnx::spline_parts(op));
  }
  const bool affine = op.kind == CouplingKind::affine;
  add_flow_function(s,
                    spline   ? "SplineCoupling"
                    : affine ? "AffineCoupling"
                             : "AdditiveCoupling",
                    op.inverse, op.track, carried);
}

void write(Step& s, const ActNorm& op) {
  add_weights(s, "shift", op.shift);
  add_weights(s, "log_scale", op.log_scale);
  add_flow_function(s, "ActNorm", op.inverse, op.track, s.input_width > static_cast<int>(op.shift.size()));
}

void write(Step& s, const NormalDensity&) { add_function(s, "NormalDensity"); }

void write(Step& s, const Asinh& op) { add_flow_function(s, "Asinh", op.inverse, op.track, s.input_width > op.width); }

const ModelValue& value_of(const Model& model, Value v) { return model.values[index(v)]; }

std::string graph_message(const Model& model, Graph& g) {
  for (const ModelValue& v : model.values) g.names.insert(v.name);
  if (model.values.size() != model.inputs.size() + model.nodes.size())
    fail("model ", model.name, ": has ", model.values.size(), " values, of which ",
         model.inputs.size() + model.nodes.size(), " are an input or made by a node");
  for (const Node& n : model.nodes) {
    if (n.name.empty()) fail("model ", model.name, ": a node has no name; every node needs one");
    Step s{g, n, {}, value_of(model, n.output).name, 0};
    if (!n.inputs.empty()) s.input_width = value_of(model, n.inputs[0]).width;
    for (const Value v : n.inputs) s.inputs.push_back(value_of(model, v).name);
    std::visit([&](const auto& op) { write(s, op); }, n.op);
  }
  std::string m = g.nodes;
  protobuf::put_bytes(m, 2, model.name);
  m += g.initializers;
  std::set<Value> borders(model.outputs.begin(), model.outputs.end());
  auto put_value = [&](std::uint32_t field, Value v) {
    protobuf::put_bytes(m, field, onnx::value_info(value_of(model, v).name, value_of(model, v).width));
  };
  for (const ModelInput& input : model.inputs) put_value(11, input.value);
  for (const Value v : model.outputs) put_value(12, v);
  for (const Node& n : model.nodes)
    if (borders.count(n.output) == 0) put_value(13, n.output);
  return m;
}

}  // namespace

std::string onnx_bytes(const Model& model) {
  check(model);
  if (model.name.empty()) fail("model: has no name");
  onnx::check_facts(model.facts, "model " + model.name);
  Graph g;
  const std::string graph = graph_message(model, g);
  std::string m;
  m.reserve(graph.size() + 8192);
  protobuf::put_int(m, 1, ir_version);
  protobuf::put_bytes(m, 2, "quench");
  protobuf::put_bytes(m, 3, version);
  protobuf::put_bytes(m, 7, graph);
  protobuf::put_bytes(m, 8, onnx::opset("", onnx::standard_opset));
  if (!g.functions.empty()) protobuf::put_bytes(m, 8, onnx::opset("quench", 1));
  for (const auto& [key, value] : onnx::facts_of(model)) protobuf::put_bytes(m, 14, onnx::entry(key, value));
  for (const std::string& name : g.functions) protobuf::put_bytes(m, 25, onnx::function(name));
  return m;
}

void save_model(const Model& model, const std::string& path) { write_file(path, onnx_bytes(model)); }

}  // namespace quench
