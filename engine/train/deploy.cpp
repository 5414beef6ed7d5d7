// Appends the way back to energies, and cuts it off again.
// SPDX-License-Identifier: MIT
#include "engine/train/deploy.h"

#include <map>
#include <variant>
#include <vector>

#include "engine/core/error.h"

namespace quench {
namespace {

Value input_of_kind(const Model& model, InputKind kind, const char* name) {
  for (const ModelInput& input : model.inputs)
    if (input.kind == kind) return input.value;
  fail("model ", model.name, ": has no ", name, " input");
}

Value find_condition(const Model& model) {
  for (const Node& node : model.nodes)
    if (std::holds_alternative<LogEnergy>(node.op)) return node.output;
  fail("model ", model.name, ": has no LogEnergy node; a shower generator needs the condition");
}

const Node& find_end(const Model& model) {
  const Node* found = nullptr;
  for (const Node& node : model.nodes) {
    if (!ends_core(node)) continue;
    if (found) fail("model ", model.name, ": both ", found->name, " and ", node.name, " end its core; one is expected");
    found = &node;
  }
  if (!found)
    fail("model ", model.name,
         ": has no ConditionalAffine or SoftmaxSplit node; it is not a generator that quench trained");
  return *found;
}

// Standardised numbers as voxel energies.
Value append_energies(Model& m, Value standardised, const Preprocessing& p) {
  const int voxels = p.numbers.mean.columns();
  const Value energy = input_of_kind(m, InputKind::incident_energy, "incident_energy");
  const Value numbers = append(m, "conditional_affine", p.numbers, {standardised, find_condition(m)}, voxels);
  return append(m, "stick_breaking", p.split, {numbers, energy}, voxels);
}

// Which values lie above `output`.
std::vector<bool> values_above(const Model& model, Value output) {
  std::vector<bool> needed(model.values.size());
  needed[index(output)] = true;
  for (std::size_t i = model.nodes.size(); i-- > 0;)
    if (needed[index(model.nodes[i].output)])
      for (Value v : model.nodes[i].inputs) needed[index(v)] = true;
  for (const ModelInput& input : model.inputs) needed[index(input.value)] = true;
  return needed;
}

}  // namespace

Model deploy(const Model& generator, const Preprocessing& p) {
  Model m = generator;
  const bool splits = std::holds_alternative<SoftmaxSplit>(m.nodes.back().op);
  const Value energies = splits ? m.outputs.at(0) : append_energies(m, m.outputs.at(0), p);
  m.outputs = {append(m, "threshold", Threshold{p.threshold_mev}, {energies}, p.numbers.mean.columns())};
  m.values[index(m.outputs[0])].name = "voxels";
  m.facts = {"normal", p.geometry, p.minimum_energy_mev, p.maximum_energy_mev};
  check(m);
  return m;
}

Preprocessing as_deployed(Preprocessing p, const Model& teacher) {
  const Node& end = find_end(teacher);
  if (std::holds_alternative<SoftmaxSplit>(end.op))
    fail("teacher ", teacher.name, " ends in softmax heads (", end.name,
         "), a student learns standardised numbers; take a teacher trained with vae.heads = normal");
  const ConditionalAffine& numbers = std::get<ConditionalAffine>(end.op);
  if (teacher.facts.geometry != p.geometry || numbers.mean.columns() != p.numbers.mean.columns())
    fail("teacher ", teacher.name, " makes showers of ", numbers.mean.columns(), " voxels (", teacher.facts.geometry,
         "), the data are ", p.numbers.mean.columns(), " voxels of ", p.geometry);
  p.numbers = numbers;
  for (const Node& node : teacher.nodes) {
    if (const LogEnergy* op = std::get_if<LogEnergy>(&node.op)) p.condition = *op;
    if (const StickBreaking* op = std::get_if<StickBreaking>(&node.op)) p.split = *op;
  }
  return p;
}

bool ends_core(const Node& node) {
  const ConditionalAffine* op = std::get_if<ConditionalAffine>(&node.op);
  return (op && !op->inverse) || std::holds_alternative<SoftmaxSplit>(node.op);
}

std::optional<SoftmaxSplit> softmax_heads(const Model& deployed) {
  const SoftmaxSplit* op = std::get_if<SoftmaxSplit>(&find_end(deployed).op);
  return op ? std::optional<SoftmaxSplit>(*op) : std::nullopt;
}

Model generator_core(const Model& deployed) {
  const Value output = find_end(deployed).inputs.at(0);
  const std::vector<bool> needed = values_above(deployed, output);
  Model core;
  core.name = deployed.name;
  core.facts = deployed.facts;
  std::vector<Value> renumbered(deployed.values.size());
  for (std::size_t v = 0; v < needed.size(); ++v) {
    if (!needed[v]) continue;
    renumbered[v] = Value{static_cast<std::uint32_t>(core.values.size())};
    core.values.push_back(deployed.values[v]);
  }
  for (const ModelInput& input : deployed.inputs) core.inputs.push_back({renumbered[index(input.value)], input.kind});
  for (const Node& node : deployed.nodes) {
    if (!needed[index(node.output)]) continue;
    Node kept = node;
    kept.output = renumbered[index(node.output)];
    for (Value& v : kept.inputs) v = renumbered[index(v)];
    core.nodes.push_back(std::move(kept));
  }
  core.outputs = {renumbered[index(output)]};
  check(core);
  return core;
}

Model with_core(Model deployed, const Model& core) {
  std::map<std::string, const Op*> trained;
  for (const Node& node : core.nodes) trained[node.name] = &node.op;
  for (Node& node : deployed.nodes)
    if (const auto found = trained.find(node.name); found != trained.end()) node.op = *found->second;
  check(deployed);
  return deployed;
}

}  // namespace quench
