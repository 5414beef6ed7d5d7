// A flow's two directions.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <variant>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/train/flow.h"
#include "engine/train/hash.h"
#include "engine/train/start.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

constexpr std::uint64_t first_layer = 2000;  // of the stream of first weights

// A flow as it grows, in the density direction.
struct Growing {
  const FlowSettings& settings;
  Model& model;
  Value at;         // the value so far, with or without the log-determinant
  Value condition;  // when conditional
  bool conditional;
  int width;  // of all columns
  std::size_t couplings = 0, permutations = 0;
};

int carried_width(const Growing& g) { return g.model.values[index(g.at)].width; }

// The columns a coupling may look at, and the condition.
Value seen_columns(Growing& g, const std::string& name, std::vector<std::pair<int, int>> ranges) {
  std::vector<Value> parts;
  int width = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin == end) continue;
    parts.push_back(append(g.model, name + "_seen" + std::to_string(parts.size() + 1), Slice{begin, end - begin},
                           {g.at}, end - begin));
    width += end - begin;
  }
  if (g.conditional) parts.push_back(g.condition), ++width;
  return parts.size() == 1 ? parts[0] : append(g.model, name + "_input", Concat{}, parts, width);
}

void add_coupling(Growing& g, int begin, int end, std::vector<std::pair<int, int>> seen) {
  const FlowSettings& s = g.settings;
  const std::string name = numbered("coupling", g.couplings++);
  if (s.act_norm) g.at = append(g.model, name + "_norm", act_norm(g.width, true), {g.at}, g.width + 1);
  Coupling op;
  op.kind = s.coupling, op.begin = begin, op.length = end - begin, op.width = g.width, op.track = true;
  op.bins = s.bins, op.bound = static_cast<float>(s.bound);
  Value h = seen_columns(g, name, seen);
  h = append_hidden(g.model, h, s.hidden, activation(s.activation), false, name + "_");
  const int width = g.model.values[index(h)].width;
  const int parameters = op.length * parameters_per_column(op);
  h = append(g.model, name + "_parameters", linear(width, parameters), {h}, parameters);
  g.at = append(g.model, name, op, {g.at, h}, g.width + 1);
}

// Features to numbers of mean 0 and deviation 1. The second norm trains at the same pace whatever a feature's unit: it
// says where the asinh bends.
void add_borders(Growing& g) {
  const auto add_norm = [&](const char* name) {
    g.at = append(g.model, name, act_norm(g.width, true), {g.at}, g.width + 1);
  };
  add_norm("standardise");
  if (!g.settings.asinh) return;
  add_norm("bend_norm");
  g.at = append(g.model, "bend", Asinh{g.width, false, true}, {g.at}, g.width + 1);
  add_norm("bent_norm");
}

// A permutation of columns begin .. end - 1, drawn once.
void add_permutation(Growing& g, int begin, int end) {
  Permute op;
  const std::uint64_t seed = stream_seed(g.settings.seed, Use::flow_order);
  const Permutation order = permutation(static_cast<std::uint32_t>(end - begin), seed, g.permutations);
  for (int j = 0; j < carried_width(g); ++j)
    op.order.push_back(
        j < begin || j >= end ? j : begin + static_cast<int>(permuted(order, static_cast<std::uint32_t>(j - begin))));
  g.at = append(g.model, numbered("permute", g.permutations++), op, {g.at}, carried_width(g));
}

// Couplings on columns begin .. end - 1, which also see the columns before them.
void add_step(Growing& g, int begin, int end) {
  const int middle = begin + (end - begin + 1) / 2;
  for (int k = 0; k < g.settings.couplings; ++k) {
    if (k > 0 && k % 2 == 0) add_permutation(g, begin, end);
    if (k % 2 == 0)
      add_coupling(g, begin, middle, {{0, begin}, {middle, end}});
    else
      add_coupling(g, middle, end, {{0, middle}});
  }
}

void check_settings(const FlowSettings& s, int width) {
  const int rest = width - s.first_step;
  if (rest < 2 || s.first_step == 1 || s.first_step < 0)
    fail("flow: steps of ", s.first_step, " and ", rest, " columns; each step needs at least 2");
  if (s.couplings < 2) fail("flow: ", s.couplings, " couplings; at least 2 are needed to move every column");
}

// --- sampling

bool is_flow_step(const Op& op) {
  return std::holds_alternative<Coupling>(op) || std::holds_alternative<Permute>(op) ||
         std::holds_alternative<ActNorm>(op) || std::holds_alternative<Asinh>(op);
}

std::size_t maker(const Model& m, Value v) {
  for (std::size_t i = 0; i < m.nodes.size(); ++i)
    if (m.nodes[i].output == v) return i;
  return m.nodes.size();
}

// The nodes of the chain, last first.
std::vector<std::size_t> chain_of(const Model& m) {
  const std::size_t last = maker(m, m.outputs.at(0));
  if (last == m.nodes.size() || !std::holds_alternative<NormalDensity>(m.nodes[last].op))
    fail("model ", m.name, ": does not end in a NormalDensity; it is not the density direction of a flow");
  std::vector<std::size_t> chain;
  for (Value v = m.nodes[last].inputs[0];;) {
    const std::size_t i = maker(m, v);
    if (i == m.nodes.size()) break;
    if (!is_flow_step(m.nodes[i].op))
      fail("model ", m.name, ": ", m.nodes[i].name, " (", type_name(m.nodes[i].op), ") cannot be inverted");
    chain.push_back(i);
    v = m.nodes[i].inputs[0];
  }
  return chain;
}

Op inverted(const Op& op) {
  if (const auto* coupling = std::get_if<Coupling>(&op)) {
    Coupling inverse = *coupling;
    inverse.inverse = !inverse.inverse, inverse.track = false;
    return inverse;
  }
  if (const auto* norm = std::get_if<ActNorm>(&op)) {
    ActNorm inverse = *norm;
    inverse.inverse = !inverse.inverse, inverse.track = false;
    return inverse;
  }
  if (const auto* asinh = std::get_if<Asinh>(&op)) return Asinh{asinh->width, !asinh->inverse, false};
  const std::vector<int>& order = std::get<Permute>(op).order;
  Permute inverse{std::vector<int>(order.size())};
  for (std::size_t j = 0; j < order.size(); ++j)
    inverse.order[static_cast<std::size_t>(order[j])] = static_cast<int>(j);
  return inverse;
}

// The network that makes `v`, built again where the flow's value `from` is called `to`.
Value rebuilt(const Model& m, Value v, Model& sampling, std::map<Value, Value>& names) {
  if (const auto known = names.find(v); known != names.end()) return known->second;
  const std::size_t i = maker(m, v);
  if (i == m.nodes.size() || is_flow_step(m.nodes[i].op))
    fail("model ", m.name, ": the network of a coupling reads ", m.values[index(v)].name,
         ", which is not known when sampling");
  std::vector<Value> inputs;
  for (Value input : m.nodes[i].inputs) inputs.push_back(rebuilt(m, input, sampling, names));
  return names[v] = append(sampling, m.nodes[i].name, m.nodes[i].op, inputs, m.values[index(v)].width);
}

// Every ActNorm starts from what the first events bring to it.
void start_norms(Model& m, const TrainingSet& data) {
  const int events = std::min(data.numbers.rows(), 2048);
  std::vector<Tensor> inputs{rows_of(data.numbers, 0, events)};
  if (m.inputs.size() > 1) inputs.push_back(rows_of(data.energies, 0, events));
  Tape tape;
  for (Node& node : m.nodes)
    if (ActNorm* op = std::get_if<ActNorm>(&node.op)) {
      forward(m, inputs, Mode::inference, tape);
      start_from(*op, tape.values[index(node.inputs[0])]);
    }
}

}  // namespace

Model flow_density(const FlowSettings& settings, int width, const LogEnergy* condition) {
  check_settings(settings, width);
  Model m;
  m.name = settings.name;
  Growing g{settings,
            m,
            add_input(m, settings.features ? "features" : "standardised", width, InputKind::features),
            {},
            condition != nullptr,
            width};
  if (condition) {
    const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
    g.condition = append(m, "condition", *condition, {energy}, 1);
  }
  if (settings.features) add_borders(g);
  add_step(g, settings.first_step, width);
  if (settings.first_step > 0) add_step(g, 0, settings.first_step);
  m.outputs = {append(m, "log_density", NormalDensity{}, {g.at}, 1)};
  draw_weights(m, settings.seed, first_layer);
  for (std::size_t i = 0; i + 1 < m.nodes.size(); ++i)
    if (std::holds_alternative<Coupling>(m.nodes[i + 1].op))
      for (Tensor* t : {&std::get<Linear>(m.nodes[i].op).weight, &std::get<Linear>(m.nodes[i].op).bias})
        for (float& w : t->data) w *= 0.05f;
  check(m);
  return m;
}

Model flow_sampling(const Model& density) {
  Model m;
  m.name = density.name;
  m.facts = density.facts;
  const std::vector<std::size_t> chain = chain_of(density);
  if (chain.empty()) fail("model ", density.name, ": has no coupling");
  const int width = density.values[index(density.nodes[chain.back()].inputs[0])].width;
  Value at = add_input(m, "latent", width, InputKind::latent);
  std::map<Value, Value> condition;  // values that do not depend on the flow's columns
  for (const ModelInput& input : density.inputs) {
    if (input.kind == InputKind::features) continue;
    const ModelValue& value = density.values[index(input.value)];
    condition[input.value] = add_input(m, value.name, value.width, input.kind);
  }
  for (const Node& node : density.nodes)
    if (std::holds_alternative<LogEnergy>(node.op))
      condition[node.output] = append(m, node.name, node.op, {condition.at(node.inputs[0])}, 1);
  for (const std::size_t i : chain) {
    const Node& node = density.nodes[i];
    Op op = inverted(node.op);
    std::vector<Value> inputs{at};
    if (std::holds_alternative<Coupling>(op)) {
      std::map<Value, Value> names = condition;
      names[node.inputs[0]] = at;  // the columns it looks at are the same before and after
      inputs.push_back(rebuilt(density, node.inputs[1], m, names));
    } else if (auto* permute = std::get_if<Permute>(&op)) {
      permute->order.resize(static_cast<std::size_t>(width));  // the log-determinant stood last
    }
    at = append(m, node.name, std::move(op), inputs, width);
  }
  m.outputs = {at};
  check(m);
  return m;
}

FlowState start_flow(const FlowSettings& settings, const TrainingSet& data, const LogEnergy* condition) {
  FlowState s;
  s.density = flow_density(settings, data.numbers.columns(), condition);
  start_norms(s.density, data);
  s.average = s.best.model = s.density;
  s.first = s.second = zeros_like(s.density);
  return s;
}

std::uint64_t flow_hash(const FlowSettings& s, const TrainingSet& data) {
  Hash h;
  h.text(s.name), h.word(s.seed), h.text(coupling_name(s.coupling)), h.integers({s.couplings, s.bins, s.first_step});
  h.number(s.bound), h.integers(s.hidden), h.text(s.activation), h.word(s.act_norm);
  h.integers({s.steps, s.batch, s.warm_up, s.validation.events, s.validation.every, s.validation.patience});
  for (double x : {s.learning_rate, s.beta1, s.beta2, s.average, s.decay_from, s.clip}) h.number(x);
  h.word(s.features), h.word(s.asinh);
  h.tensor(data.numbers), h.tensor(data.energies);
  return h.value;
}

}  // namespace quench
