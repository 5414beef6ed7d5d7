// Reads a Model from an ONNX file: names, order of the nodes, inputs and outputs, facts.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <queue>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/text.h"
#include "engine/model/onnx.h"
#include "engine/model/onnx_facts.h"
#include "engine/model/onnx_reading.h"

namespace quench {
namespace {

using namespace onnx;

constexpr std::int64_t oldest_opset = 7, newest_opset = 25;

std::string site_name(const std::string& path, const OnnxNode& n, std::size_t k) {
  const std::string called = n.name.empty() ? std::to_string(k) : "'" + n.name + "'";
  return path + ": node " + called + " (" + n.op_type + (n.domain.empty() ? "" : " of domain '" + n.domain + "'") + ")";
}

// Which node makes each name. Every name has one maker: an input, an initialiser or a node.
std::map<std::string, std::size_t> makers(Reading& r) {
  const OnnxGraph& g = r.file.graph;
  const std::string& path = r.source.path;
  auto claim = [&](const std::string& name) {
    if (!r.value_names.insert(name).second)
      fail(path, ": two values are called '", name, "'; every name must be made once");
  };
  for (const OnnxTensor& t : g.initializers) {
    if (t.name.empty()) fail(path, ": an initialiser has no name");
    claim(t.name);
    r.constants.emplace(t.name, Constant{&t});
  }
  std::set<std::string> inputs;
  for (const OnnxValueInfo& input : g.inputs) {
    if (input.name.empty()) fail(path, ": an input has no name");
    if (!inputs.insert(input.name).second) fail(path, ": two inputs are called '", input.name, "'");
    if (r.constants.count(input.name) == 0) claim(input.name);
  }
  std::map<std::string, std::size_t> made;
  for (std::size_t k = 0; k < g.nodes.size(); ++k) {
    const OnnxNode& n = g.nodes[k];
    if (!n.name.empty() && !r.node_names.insert(n.name).second) fail(path, ": two nodes are called '", n.name, "'");
    for (const std::string& output : n.outputs) {
      if (output.empty()) continue;
      claim(output);
      made[output] = k;
    }
    for (const std::string& input : n.inputs) ++r.uses[input];
  }
  for (const OnnxValueInfo& output : g.outputs) ++r.uses[output.name];
  return made;
}

// A node that waits for its own result, found by walking from any waiting node to one it waits for.
std::size_t node_on_cycle(const OnnxGraph& g, const std::map<std::string, std::size_t>& made,
                          const std::vector<int>& waiting) {
  std::size_t k = 0;
  while (waiting[k] == 0) ++k;
  for (std::size_t step = 0; step < g.nodes.size(); ++step)
    for (const std::string& input : g.nodes[k].inputs)
      if (const auto maker = made.find(input); maker != made.end() && waiting[maker->second] > 0) {
        k = maker->second;
        break;
      }
  return k;
}

// The nodes so that each stands behind those it reads; in the file's order where that is already so.
std::vector<std::size_t> sorted_nodes(const Reading& r, const std::map<std::string, std::size_t>& made) {
  const OnnxGraph& g = r.file.graph;
  std::vector<int> waiting(g.nodes.size());  // inputs that are still to be made
  std::vector<std::vector<std::size_t>> readers(g.nodes.size());
  for (std::size_t k = 0; k < g.nodes.size(); ++k)
    for (const std::string& input : g.nodes[k].inputs) {
      if (const auto maker = made.find(input); maker != made.end()) {
        readers[maker->second].push_back(k);
        ++waiting[k];
      } else if (!input.empty() && r.value_names.count(input) == 0) {
        fail(site_name(r.source.path, g.nodes[k], k), ": reads '", input,
             "', which is neither an input, an initialiser nor made by a node");
      }
    }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t k = 0; k < g.nodes.size(); ++k)
    if (waiting[k] == 0) ready.push(k);
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const std::size_t k : readers[order.back()])
      if (--waiting[k] == 0) ready.push(k);
  }
  if (order.size() != g.nodes.size()) {
    const std::size_t k = node_on_cycle(g, made, waiting);
    fail(site_name(r.source.path, g.nodes[k], k), ": waits for its own result; quench reads networks without cycles");
  }
  return order;
}

void read_input(Reading& r, const OnnxValueInfo& input) {
  const std::string where = r.source.path + ": input '" + input.name + "'";
  if (input.type != OnnxType::float32 && input.type != OnnxType::float64 && input.type != OnnxType::float16)
    fail(where, ": has ONNX data type ", static_cast<std::int64_t>(input.type),
         ", floating-point numbers (1, 10, 11) are expected");
  if (!input.has_shape || input.dims.size() != 2)
    fail(where, ": has rank ", input.dims.size(), ", [events, columns] of rank 2 is expected");
  if (input.dims[1] < 1 || input.dims[1] > widest_value)
    fail(where, ": has ", input.dims[1] < 0 ? "an open number of" : std::to_string(input.dims[1]),
         " columns, a fixed number from 1 to ", widest_value, " is expected");
  if (input.dims[0] >= 0 && r.events >= 0 && input.dims[0] != r.events)
    fail(where, ": is fixed to ", input.dims[0], " events, another input to ", r.events);
  r.events = std::max(r.events, input.dims[0]);
  r.values[input.name] = add_input(r.model, input.name, static_cast<int>(input.dims[1]), InputKind::features);
}

void read_output(Reading& r, const OnnxValueInfo& output) {
  const std::string where = r.source.path + ": output '" + output.name + "'";
  const auto found = r.values.find(output.name);
  if (found == r.values.end())
    fail(where, r.constants.count(output.name) ? ": is a constant" : ": is not made by any node");
  const int width = r.model.values[index(found->second)].width;
  if (output.has_shape && output.dims.size() != 2)
    fail(where, ": is declared with rank ", output.dims.size(), ", it has rank 2");
  if (output.has_shape && output.dims[1] >= 0 && output.dims[1] != width)
    fail(where, ": is declared with ", output.dims[1], " columns, the network makes ", width);
  r.model.outputs.push_back(found->second);
}

// The name of a graph as a C identifier, since it names generated code and its files.
std::string identifier(const std::string& name) {
  if (is_identifier(name)) return name;
  std::string id;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool usable = letter || (c >= '0' && c <= '9' && !id.empty());
    if (usable)
      id += c;
    else if (!id.empty() && id.back() != '_')
      id += '_';
    if (id.size() == 32) break;
  }
  while (!id.empty() && id.back() == '_') id.pop_back();
  if (id.empty()) id = "network";
  return is_identifier(id) ? id : id + "_network";
}

void read_graph(Reading& r) {
  const std::string& path = r.source.path;
  const auto made = makers(r);
  const std::vector<std::size_t> order = sorted_nodes(r, made);
  for (const OnnxValueInfo& input : r.file.graph.inputs)
    if (r.constants.count(input.name) == 0) read_input(r, input);
  for (const std::size_t k : order) {
    const OnnxNode& n = r.file.graph.nodes[k];
    const Site site{r, n, site_name(path, n, k)};
    if (n.domain.empty())
      read_shape_node(site) ? void() : read_node(site);
    else if (n.domain == "quench")
      read_quench_node(site);
    else
      fail(site.where, ": quench knows no operators of that domain");
  }
  for (const OnnxValueInfo& output : r.file.graph.outputs) read_output(r, output);
  if (r.model.outputs.empty()) fail(path, ": the network has no output");
}

}  // namespace

Model read_onnx(const std::string& bytes, const std::string& path) {
  Reading r;
  r.source = {path, unfolding * bytes.size() + 4096};
  r.file = parse_onnx(bytes, path);
  if (!r.file.has_graph) fail(path, ": holds no network; an ONNX file is expected");
  const auto opset = r.file.opsets.find("");
  if (opset == r.file.opsets.end()) fail(path, ": does not say which opset of ONNX it uses");
  r.opset = opset->second;
  if (r.opset < oldest_opset || r.opset > newest_opset)
    fail(path, ": uses opset ", r.opset, " of ONNX, quench reads ", oldest_opset, " to ", newest_opset);
  read_graph(r);
  r.model.name = identifier(r.file.graph.name);
  apply_facts(r.model, r.file.metadata, path);
  try {
    check(r.model);
  } catch (const Error& e) {
    fail(path, ": ", e.what());
  }
  return std::move(r.model);
}

Model load_model(const std::string& path) { return read_onnx(read_file(path), path); }

Model import_onnx(const std::string& path, const std::string& latent) {
  Model model = load_model(path);
  if (latent.empty()) return model;
  model.facts.latent = latent;
  onnx::check_facts(model.facts, path);
  for (ModelInput& input : model.inputs)
    if (input.kind == InputKind::features) input.kind = InputKind::latent;
  return model;
}

}  // namespace quench
