// Model helpers: building, comparing, checking.
// SPDX-License-Identifier: MIT
#include "engine/model/model.h"

#include <cmath>
#include <set>
#include <utility>

#include "engine/core/error.h"
#include "engine/ops/spline.h"

namespace quench {
namespace {

// What a node is checked against: its name, the widths of its inputs and its output.
struct Site {
  const std::string& node;
  const char* type;
  const std::vector<int>& inputs;
  int output;
};

void expect_inputs(const Site& site, std::size_t count) {
  if (site.inputs.size() != count)
    fail("model: node ", site.node, " (", site.type, ") has ", site.inputs.size(), " inputs; it takes ", count);
}

void expect_width(const Site& site, const char* what, int has, int needs) {
  if (has != needs)
    fail("model: node ", site.node, " (", site.type, "): ", what, " is ", has, " wide; it must be ", needs);
}

void expect_vector(const Site& site, const char* field, const Tensor& tensor, int length) {
  if (tensor.shape.size() != 1 || tensor.shape[0] != length || static_cast<int>(tensor.size()) != length)
    fail("model: node ", site.node, " (", site.type, "): ", field, " holds ", tensor.size(), " numbers; it must be [",
         length, "]");
}

void expect_matrix(const Site& site, const char* field, const Tensor& tensor) {
  if (tensor.shape.size() != 2 || tensor.shape[0] < 1 || tensor.shape[1] < 1 ||
      tensor.size() != static_cast<std::size_t>(tensor.shape[0]) * static_cast<std::size_t>(tensor.shape[1]))
    fail("model: node ", site.node, " (", site.type, "): ", field, " is not a matrix of at least 1 x 1");
}

void expect_same_width(const Site& site) {
  expect_inputs(site, 1);
  expect_width(site, "the output", site.output, site.inputs[0]);
}

void check_op(const Linear& op, const Site& site) {
  expect_inputs(site, 1);
  expect_matrix(site, "weight", op.weight);
  expect_vector(site, "bias", op.bias, op.weight.rows());
  expect_width(site, "the input", site.inputs[0], op.weight.columns());
  expect_width(site, "the output", site.output, op.weight.rows());
}

void check_op(const BatchNorm& op, const Site& site) {
  expect_same_width(site);
  expect_vector(site, "gamma", op.gamma, site.output);
  expect_vector(site, "beta", op.beta, site.output);
  expect_vector(site, "mean", op.mean, site.output);
  expect_vector(site, "variance", op.variance, site.output);
}

void check_op(const Relu&, const Site& site) { expect_same_width(site); }
void check_op(const LeakyRelu&, const Site& site) { expect_same_width(site); }
void check_op(const Sigmoid&, const Site& site) { expect_same_width(site); }
void check_op(const Tanh&, const Site& site) { expect_same_width(site); }
void check_op(const Threshold&, const Site& site) { expect_same_width(site); }

void check_op(const Concat&, const Site& site) {
  if (site.inputs.empty()) fail("model: node ", site.node, " (Concat) has no inputs; it takes at least 1");
  int sum = 0;
  for (int width : site.inputs) sum += width;
  expect_width(site, "the output", site.output, sum);
}

void check_op(const Slice& op, const Site& site) {
  expect_inputs(site, 1);
  if (op.begin < 0 || op.length < 1 || op.begin > site.inputs[0] - op.length)
    fail("model: node ", site.node, " (Slice): columns ", op.begin, " .. ",
         static_cast<long long>(op.begin) + op.length - 1, " of an input with ", site.inputs[0], " columns");
  expect_width(site, "the output", site.output, op.length);
}

void check_op(const LogEnergy& op, const Site& site) {
  expect_inputs(site, 1);
  expect_width(site, "the incident energy", site.inputs[0], 1);
  expect_width(site, "the output", site.output, 1);
  if (!(op.reference_mev > 0))
    fail("model: node ", site.node, " (LogEnergy): reference energy ", op.reference_mev, " is not positive");
}

void check_op(const ConditionalAffine& op, const Site& site) {
  expect_inputs(site, 2);
  expect_matrix(site, "mean", op.mean);
  expect_matrix(site, "log_deviation", op.log_deviation);
  expect_width(site, "the condition", site.inputs[1], 1);
  expect_width(site, "the input", site.inputs[0], op.mean.columns());
  expect_width(site, "the output", site.output, op.mean.columns());
  expect_width(site, "log_deviation", op.log_deviation.columns(), op.mean.columns());
}

// Voxels of all layers; both kinds of split read logits and the incident energy.
long long voxels_of(const std::vector<int>& layer_voxels, const Site& site) {
  expect_inputs(site, 2);
  expect_width(site, "the incident energy", site.inputs[1], 1);
  long long voxels = 0;
  for (int parts : layer_voxels) {
    if (parts < 1)
      fail("model: node ", site.node, " (", site.type, "): a layer has ", parts, " voxels; each needs at least 1");
    voxels += parts;
  }
  return voxels;
}

void check_op(const StickBreaking& op, const Site& site) {
  const long long voxels = voxels_of(op.layer_voxels, site);
  if (voxels != site.inputs[0])
    fail("model: node ", site.node, " (StickBreaking): layers hold ", voxels, " voxels, the input has ", site.inputs[0],
         " columns");
  expect_width(site, "the output", site.output, site.inputs[0]);
}

void check_op(const SoftmaxSplit& op, const Site& site) {
  const long long voxels = voxels_of(op.layer_voxels, site), layers = static_cast<long long>(op.layer_voxels.size());
  if (layers < 1 || 1 + layers + voxels != site.inputs[0])
    fail("model: node ", site.node, " (SoftmaxSplit): ", layers, " layers of ", voxels, " voxels need ",
         1 + layers + voxels, " columns, the input has ", site.inputs[0]);
  if (!(op.total_scale > 0) || !std::isfinite(op.total_scale))
    fail("model: node ", site.node, " (SoftmaxSplit): the largest total, ", op.total_scale,
         " incident energies, must be finite and above 0");
  expect_width(site, "the output", site.output, static_cast<int>(voxels));
}

void check_op(const Permute& op, const Site& site) {
  expect_same_width(site);
  if (static_cast<int>(op.order.size()) != site.output || !is_permutation(op.order))
    fail("model: node ", site.node, " (Permute): its order of ", op.order.size(), " columns must list each of 0 .. ",
         site.output - 1, " once");
}

void expect_two_of_one_width(const Site& site) {
  expect_inputs(site, 2);
  expect_width(site, "the second input", site.inputs[1], site.inputs[0]);
  expect_width(site, "the output", site.output, site.inputs[0]);
}

void check_op(const Sum&, const Site& site) { expect_two_of_one_width(site); }
void check_op(const Product&, const Site& site) { expect_two_of_one_width(site); }

void check_op(const Clamp& op, const Site& site) {
  expect_same_width(site);
  if (!(op.low < op.high) || !std::isfinite(op.low) || !std::isfinite(op.high))
    fail("model: node ", site.node, " (Clamp): the bounds ", op.low, " .. ", op.high,
         " must be finite, the first below the second");
}

void check_op(const Exp&, const Site& site) { expect_same_width(site); }
void check_op(const Softplus&, const Site& site) { expect_same_width(site); }

void check_op(const Softmax& op, const Site& site) {
  expect_same_width(site);
  long long columns = 0;
  for (int size : op.group_sizes) {
    if (size < 1) fail("model: node ", site.node, " (Softmax): a group has ", size, " columns; each needs at least 1");
    columns += size;
  }
  if (columns != site.output)
    fail("model: node ", site.node, " (Softmax): groups hold ", columns, " columns, the input has ", site.output);
}

void check_op(const LayerNorm& op, const Site& site) {
  expect_same_width(site);
  expect_vector(site, "gamma", op.gamma, site.output);
  expect_vector(site, "beta", op.beta, site.output);
  if (!(op.epsilon > 0) || !std::isfinite(op.epsilon))
    fail("model: node ", site.node, " (LayerNorm): epsilon ", op.epsilon, " must be finite and above 0");
}

// The log-determinant may be missing in what comes in.
void expect_carrier(const Site& site, int width, bool track) {
  if (!track || site.inputs[0] != width + 1) expect_width(site, "the input", site.inputs[0], width);
  expect_width(site, "the output", site.output, width + (track ? 1 : 0));
}

void check_op(const Coupling& op, const Site& site) {
  expect_inputs(site, 2);
  expect_carrier(site, op.width, op.track);
  if (op.begin < 0 || op.length < 1 || op.begin > op.width - op.length)
    fail("model: node ", site.node, " (Coupling): columns ", op.begin, " .. ", op.begin + op.length - 1, " of ",
         op.width);
  if (op.kind == CouplingKind::spline && (op.bins < 2 || op.bins > max_spline_bins || !(op.bound > 0)))
    fail("model: node ", site.node, " (Coupling): ", op.bins, " bins on [-", op.bound, ", ", op.bound, "]; 2 to ",
         max_spline_bins, " bins and a positive bound are possible");
  expect_width(site, "the parameters' input", site.inputs[1], op.length * parameters_per_column(op));
}

void check_op(const ActNorm& op, const Site& site) {
  expect_inputs(site, 1);
  const int width = site.output - (op.track ? 1 : 0);
  expect_carrier(site, width, op.track);
  expect_vector(site, "shift", op.shift, width);
  expect_vector(site, "log_scale", op.log_scale, width);
}

void check_op(const Spread& op, const Site& site) {
  expect_two_of_one_width(site);
  expect_vector(site, "deviation", op.deviation, site.output);
}

void check_op(const Asinh& op, const Site& site) {
  expect_inputs(site, 1);
  if (op.width < 1) fail("model: node ", site.node, " (Asinh): ", op.width, " columns; at least 1 is needed");
  expect_carrier(site, op.width, op.track);
}

void check_op(const NormalDensity&, const Site& site) {
  expect_inputs(site, 1);
  if (site.inputs[0] < 2)
    fail("model: node ", site.node, " (NormalDensity): the input is ", site.inputs[0], " wide; it must be at least 2");
  expect_width(site, "the output", site.output, 1);
}

bool same(const Linear& a, const Linear& b) { return a.weight == b.weight && a.bias == b.bias; }
bool same(const BatchNorm& a, const BatchNorm& b) {
  return a.gamma == b.gamma && a.beta == b.beta && a.mean == b.mean && a.variance == b.variance &&
         a.epsilon == b.epsilon && a.momentum == b.momentum;
}
bool same(const Relu&, const Relu&) { return true; }
bool same(const LeakyRelu& a, const LeakyRelu& b) { return a.slope == b.slope; }
bool same(const Sigmoid&, const Sigmoid&) { return true; }
bool same(const Tanh&, const Tanh&) { return true; }
bool same(const Concat&, const Concat&) { return true; }
bool same(const Slice& a, const Slice& b) { return a.begin == b.begin && a.length == b.length; }
bool same(const LogEnergy& a, const LogEnergy& b) { return a.reference_mev == b.reference_mev; }
bool same(const ConditionalAffine& a, const ConditionalAffine& b) {
  return a.mean == b.mean && a.log_deviation == b.log_deviation && a.inverse == b.inverse;
}
bool same(const StickBreaking& a, const StickBreaking& b) {
  return a.layer_voxels == b.layer_voxels && a.logarithmic == b.logarithmic;
}
bool same(const Threshold& a, const Threshold& b) { return a.mev == b.mev; }
bool same(const Permute& a, const Permute& b) { return a.order == b.order; }
bool same(const Sum&, const Sum&) { return true; }
bool same(const Product&, const Product&) { return true; }
bool same(const Clamp& a, const Clamp& b) { return a.low == b.low && a.high == b.high; }
bool same(const Exp&, const Exp&) { return true; }
bool same(const Softplus&, const Softplus&) { return true; }
bool same(const Softmax& a, const Softmax& b) { return a.group_sizes == b.group_sizes; }
bool same(const LayerNorm& a, const LayerNorm& b) {
  return a.gamma == b.gamma && a.beta == b.beta && a.epsilon == b.epsilon;
}

bool same(const Coupling& a, const Coupling& b) {
  const bool same_spline = a.kind != CouplingKind::spline || (a.bins == b.bins && a.bound == b.bound);
  return a.kind == b.kind && a.begin == b.begin && a.length == b.length && a.width == b.width &&
         a.inverse == b.inverse && a.track == b.track && same_spline;
}
bool same(const ActNorm& a, const ActNorm& b) {
  return a.shift == b.shift && a.log_scale == b.log_scale && a.inverse == b.inverse && a.track == b.track;
}
bool same(const Spread& a, const Spread& b) { return a.deviation == b.deviation; }
bool same(const SoftmaxSplit& a, const SoftmaxSplit& b) {
  return a.layer_voxels == b.layer_voxels && a.total_scale == b.total_scale;
}
bool same(const NormalDensity&, const NormalDensity&) { return true; }
bool same(const Asinh& a, const Asinh& b) { return a.width == b.width && a.inverse == b.inverse && a.track == b.track; }

bool same(const Op& a, const Op& b) {
  if (a.index() != b.index()) return false;
  return std::visit([&](const auto& op) { return same(op, std::get<std::decay_t<decltype(op)>>(b)); }, a);
}

bool same(const ModelFacts& a, const ModelFacts& b) {
  return a.latent == b.latent && a.geometry == b.geometry && a.minimum_energy_mev == b.minimum_energy_mev &&
         a.maximum_energy_mev == b.maximum_energy_mev;
}

// `known` says which values exist so far.
void check_node(const Model& model, const Node& node, std::vector<bool>& known) {
  std::vector<int> widths;
  for (Value v : node.inputs) {
    if (index(v) >= known.size()) fail("model: node ", node.name, " reads value ", index(v), " of ", known.size());
    if (!known[index(v)])
      fail("model: node ", node.name, " reads ", model.values[index(v)].name,
           " before it is made (a cycle, or nodes out of order)");
    widths.push_back(model.values[index(v)].width);
  }
  if (index(node.output) >= known.size())
    fail("model: node ", node.name, " writes value ", index(node.output), " of ", known.size());
  if (known[index(node.output)])
    fail("model: node ", node.name, " writes ", model.values[index(node.output)].name, ", which exists already");
  const Site site{node.name, type_name(node.op), widths, model.values[index(node.output)].width};
  std::visit([&](const auto& op) { check_op(op, site); }, node.op);
  known[index(node.output)] = true;
}

}  // namespace

const char* type_name(const Op& op) {
  constexpr const char* names[] = {
      "Linear",    "BatchNorm",         "Relu",          "LeakyRelu", "Sigmoid",  "Tanh",    "Concat",        "Slice",
      "LogEnergy", "ConditionalAffine", "StickBreaking", "Threshold", "Permute",  "Sum",     "Product",       "Clamp",
      "Exp",       "Softplus",          "Softmax",       "LayerNorm", "Coupling", "ActNorm", "NormalDensity", "Spread",
      "Asinh",     "SoftmaxSplit"};
  static_assert(std::variant_size_v<Op> == sizeof names / sizeof names[0], "one name for each op");
  return names[op.index()];
}

Value add_input(Model& model, const std::string& name, int width, InputKind kind) {
  const Value value{static_cast<std::uint32_t>(model.values.size())};
  model.values.push_back({name, width});
  model.inputs.push_back({value, kind});
  return value;
}

Value append(Model& model, const std::string& node_name, Op op, std::vector<Value> inputs, int output_width) {
  const Value value{static_cast<std::uint32_t>(model.values.size())};
  model.values.push_back({node_name + ".out", output_width});
  model.nodes.push_back({node_name, std::move(op), std::move(inputs), value});
  return value;
}

bool operator==(const Model& a, const Model& b) {
  const auto all = [](const auto& x, const auto& y, auto&& equal) {
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (!equal(x[i], y[i])) return false;
    return true;
  };
  return a.name == b.name && a.outputs == b.outputs && same(a.facts, b.facts) &&
         all(a.values, b.values, [](const auto& x, const auto& y) { return x.name == y.name && x.width == y.width; }) &&
         all(a.inputs, b.inputs, [](const auto& x, const auto& y) { return x.value == y.value && x.kind == y.kind; }) &&
         all(a.nodes, b.nodes, [](const Node& x, const Node& y) {
           return x.name == y.name && x.inputs == y.inputs && x.output == y.output && same(x.op, y.op);
         });
}

void check(const Model& model) {
  std::set<std::string> names;
  for (const ModelValue& value : model.values) {
    if (value.name.empty()) fail("model: a value has no name; every value needs one");
    if (!names.insert(value.name).second) fail("model: two values are named ", value.name, "; names must be unique");
    if (value.width < 1) fail("model: value ", value.name, " is ", value.width, " wide; it must be at least 1");
  }
  std::vector<bool> known(model.values.size());
  for (const ModelInput& input : model.inputs) {
    if (index(input.value) >= known.size()) fail("model: input ", index(input.value), " of ", known.size(), " values");
    if (known[index(input.value)])
      fail("model: ", model.values[index(input.value)].name, " is listed as an input twice");
    known[index(input.value)] = true;
  }
  names.clear();
  for (const Node& node : model.nodes) {
    if (!names.insert(node.name).second) fail("model: two nodes are named ", node.name, "; names must be unique");
    check_node(model, node, known);
  }
  if (model.outputs.empty()) fail("model: ", model.name, " has no output");
  for (Value v : model.outputs)
    if (index(v) >= known.size() || !known[index(v)])
      fail("model: output value ", index(v), " is not made by any node or input");
}

}  // namespace quench
