// Facts to metadata and back, every number exact.
// SPDX-License-Identifier: MIT
#include "engine/model/onnx_facts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "engine/core/error.h"

namespace quench::onnx {
namespace {

// The shortest text that reads back as the same number, in any locale.
template <class T>
std::string number_text(T v) {
  char buffer[40];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr};
}

template <class T>
T number(const std::string& text, const std::string& key, const std::string& path) {
  T v{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size())
    fail(path, ": metadata ", key, " is '", text, "', not a number; correct it or remove it");
  return v;
}

const char* kind_name(InputKind kind) {
  switch (kind) {
    case InputKind::latent:
      return "latent";
    case InputKind::incident_energy:
      return "incident_energy";
    case InputKind::features:
      return "features";
  }
  return "";
}

InputKind kind_of(const std::string& text, const std::string& key, const std::string& path) {
  for (const InputKind kind : {InputKind::latent, InputKind::incident_energy, InputKind::features})
    if (text == kind_name(kind)) return kind;
  fail(path, ": metadata ", key, " is '", text, "'; it must be latent, incident_energy or features");
}

// Place in model.values of each input and then of each node's output.
std::vector<std::size_t> value_order(const Model& model) {
  std::vector<std::size_t> order;
  for (const ModelInput& input : model.inputs) order.push_back(index(input.value));
  for (const Node& node : model.nodes) order.push_back(index(node.output));
  return order;
}

// The Model with values[k] moved to values[place[k]].
void reorder_values(Model& model, const std::vector<std::size_t>& place) {
  const std::vector<ModelValue> before = model.values;
  for (std::size_t k = 0; k < place.size(); ++k) model.values[place[k]] = before[k];
  auto move = [&](Value& v) { v = static_cast<Value>(place[index(v)]); };
  for (ModelInput& input : model.inputs) move(input.value);
  for (Value& output : model.outputs) move(output);
  for (Node& node : model.nodes) {
    for (Value& input : node.inputs) move(input);
    move(node.output);
  }
}

void apply_value_order(Model& model, const std::string& text, const std::string& path) {
  std::vector<std::size_t> place;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    place.push_back(number<std::size_t>(text.substr(begin, end - begin), "quench.value_order", path));
    begin = end + 1;
  }
  std::vector<std::size_t> sorted = place, all(model.values.size());
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (sorted != all)
    fail(path, ": metadata quench.value_order does not list each of 0 .. ", model.values.size(),
         " - 1 once; the graph was edited, remove that entry");
  reorder_values(model, place);
}

void apply_input_kind(Model& model, const std::string& key, const std::string& text, const std::string& path) {
  const std::string name = key.substr(std::string("quench.input.").size());
  for (ModelInput& input : model.inputs) {
    if (model.values[index(input.value)].name != name) continue;
    input.kind = kind_of(text, key, path);
    return;
  }
  fail(path, ": metadata ", key, " = ", text, ", but no input is called '", name,
       "'; the graph was edited, remove that entry");
}

void apply_momentum(Model& model, const std::string& key, const std::string& text, const std::string& path) {
  const std::string name = key.substr(std::string("quench.momentum.").size());
  for (Node& node : model.nodes)
    if (BatchNorm* op = std::get_if<BatchNorm>(&node.op); op && node.name == name) {
      op->momentum = number<float>(text, key, path);
      if (!(op->momentum >= 0 && op->momentum <= 1))
        fail(path, ": metadata ", key, " is ", text, "; it must lie in [0, 1]");
    }
}

bool starts_with(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

}  // namespace

float kept_share(float momentum) { return static_cast<float>(1.0 - static_cast<double>(momentum)); }

// A float near 1 carries 7 decimals: 0.9f means a momentum of 0.1, not of 0.100000024.
float momentum_of(float kept) { return static_cast<float>(std::round((1.0 - static_cast<double>(kept)) * 1e7) / 1e7); }

void check_facts(const ModelFacts& facts, const std::string& where) {
  if (facts.latent != "normal" && facts.latent != "uniform")
    fail(where, ": the latent is '", facts.latent, "'; it must be normal or uniform");
  if (!(facts.minimum_energy_mev >= 0 && facts.minimum_energy_mev <= facts.maximum_energy_mev &&
        std::isfinite(facts.maximum_energy_mev)))
    fail(where, ": incident energies from ", facts.minimum_energy_mev, " to ", facts.maximum_energy_mev,
         " MeV; the minimum must be at least 0 and at most the maximum");
  if (std::any_of(facts.geometry.begin(), facts.geometry.end(), [](char c) { return c >= 0 && c < 32; }))
    fail(where, ": the name of the geometry holds a control character");
}

Metadata facts_of(const Model& model) {
  Metadata m{{"quench.latent", model.facts.latent},
             {"quench.minimum_energy_mev", number_text(model.facts.minimum_energy_mev)},
             {"quench.maximum_energy_mev", number_text(model.facts.maximum_energy_mev)}};
  if (!model.facts.geometry.empty()) m["quench.geometry"] = model.facts.geometry;
  for (const ModelInput& input : model.inputs)
    m["quench.input." + model.values[index(input.value)].name] = kind_name(input.kind);
  for (const Node& node : model.nodes)
    if (const BatchNorm* op = std::get_if<BatchNorm>(&node.op);
        op && momentum_of(kept_share(op->momentum)) != op->momentum)
      m["quench.momentum." + node.name] = number_text(op->momentum);
  const std::vector<std::size_t> order = value_order(model);
  if (!std::is_sorted(order.begin(), order.end())) {
    std::string& text = m["quench.value_order"];
    for (const std::size_t place : order) text += (text.empty() ? "" : " ") + std::to_string(place);
  }
  return m;
}

void apply_facts(Model& model, const Metadata& metadata, const std::string& path) {
  for (const auto& [key, text] : metadata) {
    if (key == "quench.latent") model.facts.latent = text;
    if (key == "quench.geometry") model.facts.geometry = text;
    if (key == "quench.minimum_energy_mev") model.facts.minimum_energy_mev = number<double>(text, key, path);
    if (key == "quench.maximum_energy_mev") model.facts.maximum_energy_mev = number<double>(text, key, path);
    if (starts_with(key, "quench.input.")) apply_input_kind(model, key, text, path);
    if (starts_with(key, "quench.momentum.")) apply_momentum(model, key, text, path);
  }
  check_facts(model.facts, path);
  const auto order = metadata.find("quench.value_order");
  if (order != metadata.end()) apply_value_order(model, order->second, path);
}

}  // namespace quench::onnx
