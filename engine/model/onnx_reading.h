// A graph of an ONNX file on its way into a Model: the state, and what every layer asks of its node.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/model/onnx_proto.h"
#include "engine/model/onnx_tensor.h"

namespace quench::onnx {

constexpr int widest_value = 1 << 24;  // columns

struct Constant {
  const OnnxTensor* tensor;
  bool transposed = false;
};

// Integers that follow from widths: Shape and what is computed of it. The number of events is not known: an empty
// optional.
using Shape = std::vector<std::optional<std::int64_t>>;

struct Reading {
  OnnxFile file;
  OnnxSource source;
  std::int64_t opset = 0;    // of the standard domain
  std::int64_t events = -1;  // first dimension of the inputs where the file fixes it
  Model model;
  std::map<std::string, Value> values;        // by ONNX name; several names may mean one value (Identity, Dropout)
  std::map<std::string, Constant> constants;  // initialisers, and what nodes make of them
  std::map<std::string, Shape> shapes;
  std::deque<OnnxTensor> numbers;   // of Constant nodes
  std::map<std::string, int> uses;  // how often a name is read, by nodes or as an output
  std::set<std::string> node_names, value_names;
  std::map<Value, std::size_t> without_bias;  // results of a MatMul still waiting for its Add, and the Model's node
};

// One node being read. `where` begins its errors: "x.onnx: node '/fc/Gemm' (Gemm)".
struct Site {
  Reading& reading;
  const OnnxNode& node;
  std::string where;
};

// --- inputs and attributes
void expect_inputs(const Site&, std::size_t least, std::size_t most);
void expect_attributes(const Site&, std::initializer_list<const char*> known);  // any other one is an error
void expect_width_axis(const Site&, std::int64_t axis);
bool has_input(const Site&, std::size_t k);
bool is_constant(const Site&, std::size_t k);
Value value_input(const Site&, std::size_t k);               // fails on a constant
const Constant& constant_input(const Site&, std::size_t k);  // fails on a value: a weight that is computed
int width(const Site&, Value);

std::optional<std::int64_t> int_attribute(const Site&, const char* name);
std::optional<float> float_attribute(const Site&, const char* name);  // finite
std::optional<std::vector<std::int64_t>> ints_attribute(const Site&, const char* name);
const OnnxAttribute* find_attribute(const Site&, const char* name);

Tensor floats(const Site&, std::size_t k);
Shape sizes(const Site&, std::size_t k);                     // of a shape or an integer constant
std::vector<std::int64_t> ints(const Site&, std::size_t k);  // the same, all known
// A row of `width` numbers from a constant that broadcasts to [events, width].
Tensor row(const Site&, std::size_t k, int width);

// --- results
// Adds the node's layer, whose first output is `width` columns wide.
void add_layer(const Site&, Op, std::vector<Value> inputs, std::int64_t width);
// The same for another output of a node that becomes several layers.
void add_part(const Site&, const std::string& suffix, const std::string& output, Op, Value input, std::int64_t width);
// The node changes nothing: its first output is this input under another name.
void pass_through(const Site&, std::size_t k = 0);

// Reads one node whose inputs are all there.
bool read_shape_node(const Site&);  // integer arithmetic on shapes; false: it is something else
void read_node(const Site&);        // a layer of the standard domain
void read_gather(const Site&);      // one operator each: onnx_elementwise.cpp
void read_sum(const Site&);
void read_product(const Site&);
void read_clip(const Site&);
void read_softmax(const Site&);
void read_layer_normalization(const Site&);
void read_quench_node(const Site&);  // a layer of the domain "quench"
bool read_flow_node(const Site&);    // a flow's layer of that domain; false: it is something else

}  // namespace quench::onnx
