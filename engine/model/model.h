// The trainable graph: a plain value. Nodes stand in execution order; forward and backward are loops over them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "engine/ops/act_norm.h"
#include "engine/ops/activations.h"
#include "engine/ops/asinh.h"
#include "engine/ops/batch_norm.h"
#include "engine/ops/clamp.h"
#include "engine/ops/conditional_affine.h"
#include "engine/ops/coupling.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/join.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/log_energy.h"
#include "engine/ops/normal_density.h"
#include "engine/ops/permute.h"
#include "engine/ops/softmax.h"
#include "engine/ops/softmax_split.h"
#include "engine/ops/spread.h"
#include "engine/ops/stick_breaking.h"
#include "engine/ops/threshold.h"

namespace quench {

// Every trainable layer, once.
using Op = std::variant<Linear, BatchNorm, Relu, LeakyRelu, Sigmoid, Tanh, Concat, Slice, LogEnergy, ConditionalAffine,
                        StickBreaking, Threshold, Permute, Sum, Product, Clamp, Exp, Softplus, Softmax, LayerNorm,
                        Coupling, ActNorm, NormalDensity, Spread, Asinh, SoftmaxSplit>;

enum class Value : std::uint32_t {};  // index into values; never a pointer
inline std::size_t index(Value v) { return static_cast<std::size_t>(v); }

struct ModelValue {
  std::string name;  // unique, an ONNX value name
  int width;         // columns of the [events, width] tensor
};

struct Node {
  std::string name;  // unique
  Op op;
  std::vector<Value> inputs;
  Value output;
};

enum class InputKind { latent, incident_energy, features };

struct ModelInput {
  Value value;
  InputKind kind;
};

// What only quench knows about a model; metadata_props "quench.*" of the ONNX file.
struct ModelFacts {
  std::string latent = "normal";  // distribution of the latent inputs: normal or uniform (on [-1, 1])
  std::string geometry;           // name of the read-out geometry, empty when the output is not a shower
  double minimum_energy_mev = 0, maximum_energy_mev = 0;  // incident energies it was trained for
};

struct Model {
  std::string name;  // a C identifier; names the generated code
  std::vector<ModelValue> values;
  std::vector<Node> nodes;
  std::vector<ModelInput> inputs;
  std::vector<Value> outputs;
  ModelFacts facts;
};

// Adds a node at the end, with a new value of this width for its output.
Value append(Model&, const std::string& node_name, Op op, std::vector<Value> inputs, int output_width);
Value add_input(Model&, const std::string& name, int width, InputKind kind);

bool operator==(const Model&, const Model&);

const char* type_name(const Op&);  // "Linear", "BatchNorm", ...

namespace detail {
struct Nothing {
  template <class T>
  void operator()(const char*, T&) const {}
};
template <class O, class = void>
struct HasParameters : std::false_type {};
template <class O>
struct HasParameters<O, std::void_t<decltype(parameters(std::declval<O&>(), Nothing{}))>> : std::true_type {};
}  // namespace detail
template <class O>
constexpr bool has_parameters = detail::HasParameters<O>::value;

// f(node index, name such as "hidden1.weight", Tensor&) for every trainable tensor, in order.
template <class M, class F>
void for_each_parameter(M& model, F&& f);
// The same for state that is not trained (running mean and variance).
template <class M, class F>
void for_each_state(M& model, F&& f);

// Checks widths, names, order and that no cycle exists; fails with the node's name and the numbers.
void check(const Model&);

// --- implementation of the two templates
namespace detail {
template <class O, class F>
auto visit_parameters(O& op, F&& f, int) -> decltype(parameters(op, f)) {
  parameters(op, f);
}
template <class O, class F>
void visit_parameters(O&, F&&, long) {}
template <class O, class F>
auto visit_state(O& op, F&& f, int) -> decltype(state(op, f)) {
  state(op, f);
}
template <class O, class F>
void visit_state(O&, F&&, long) {}
}  // namespace detail

template <class M, class F>
void for_each_parameter(M& model, F&& f) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    auto named = [&](const char* field, auto& tensor) { f(i, model.nodes[i].name + "." + field, tensor); };
    std::visit([&](auto& op) { detail::visit_parameters(op, named, 0); }, model.nodes[i].op);
  }
}

template <class M, class F>
void for_each_state(M& model, F&& f) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    auto named = [&](const char* field, auto& tensor) { f(i, model.nodes[i].name + "." + field, tensor); };
    std::visit([&](auto& op) { detail::visit_state(op, named, 0); }, model.nodes[i].op);
  }
}

}  // namespace quench
