// Two passes side by side: the model as it was, and as it becomes.
// SPDX-License-Identifier: MIT
#include "engine/compress/layer_walk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "engine/compress/fold.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"

namespace quench {
namespace {

// Real values become the nearest ones that have a code.
void round_to_codes(Tensor& t, const CodedValue& coded, const QValue& v) {
  const double low = static_cast<double>(v.low - v.zero), high = static_cast<double>(v.high - v.zero);
  for (std::size_t i = 0; i < t.size(); ++i) {
    const double scale = coded.scale[i % coded.scale.size()];
    t.data[i] = static_cast<float>(std::clamp(std::floor(t.data[i] / scale + 0.5), low, high) * scale);
  }
}

void round_to_codes(Tape& tape, Value value, const Quantized* q) {
  if (!q) return;
  const auto coded = q->values.find(index(value));
  if (coded == q->values.end()) return;
  const QValue& v = q->program.values[index(coded->second.value)];
  if (v.meaning == Meaning::code) round_to_codes(tape.values[index(value)], coded->second, v);
}

bool is_seen_by_one(const Model& m, Value v) {
  return consumers(m, v).size() == 1 && !std::count(m.outputs.begin(), m.outputs.end(), v);
}

// The Linear behind node `done` whose output is only added to that of `done`: a generator's numbers beside its skip.
std::optional<Value> partner(const Model& m, std::size_t done) {
  if (!is_seen_by_one(m, m.nodes[done].output)) return {};
  const Node& sum = m.nodes[consumers(m, m.nodes[done].output)[0]];
  if (!std::holds_alternative<Sum>(sum.op)) return {};
  for (std::size_t i = done + 1; i < m.nodes.size(); ++i)
    for (Value v : sum.inputs)
      if (m.nodes[i].output == v && std::holds_alternative<Linear>(m.nodes[i].op) && is_seen_by_one(m, v)) return v;
  return {};
}

}  // namespace

double LayerCodes::code(float w, std::size_t row, std::size_t column) const {
  return std::clamp(std::floor(w * column_factor[column] / scale[row] + 0.5), low[row], high[row]);
}

float LayerCodes::weight(double code, std::size_t row, std::size_t column) const {
  return static_cast<float>(code * scale[row] / column_factor[column]);
}

LayerCodes layer_codes(const Quantized& q, const CodedLinear& place) {
  const auto& op = std::get<QLinear>(q.program.nodes[place.program_node].op);
  std::vector<double> scale = op.weight_scale;
  scale.resize(static_cast<std::size_t>(op.rows), op.weight_scale[0]);
  LayerCodes codes{std::move(scale), place.column_factor, {}, {}};
  for (std::size_t r = 0; r < codes.scale.size(); ++r) {
    const Interval range = code_range(op, r);
    codes.low.push_back(static_cast<double>(range.low)), codes.high.push_back(static_cast<double>(range.high));
  }
  return codes;
}

float slope_behind(const Model& m, Value v) {
  if (!is_seen_by_one(m, v)) return 1;
  const Op& reader = m.nodes[consumers(m, v)[0]].op;
  if (std::holds_alternative<Relu>(reader)) return 0;
  const auto* leaky = std::get_if<LeakyRelu>(&reader);
  return leaky ? leaky->slope : 1;
}

std::vector<Tensor> fitting_events(Span<const Tensor> inputs) {
  std::vector<Tensor> events;
  for (const Tensor& t : inputs) events.push_back(rows_of(t, 0, std::min(t.rows(), 4096)));
  return events;
}

Model change_layers(Model m, Span<const Tensor> inputs, const Quantized* q,
                    const std::function<Linear(const LayerView&)>& change, int threads) {
  const std::vector<Tensor> events = fitting_events(inputs);
  if (events.empty() || events[0].rows() == 0) fail("model ", m.name, ": no events to fit its layers to; give some");
  std::map<std::size_t, LayerCodes> codes;
  if (q)
    for (const CodedLinear& place : q->linears) codes[place.node] = layer_codes(*q, place);
  Tape exact, now;
  forward(m, events, Mode::inference, exact, threads);
  now.values.resize(m.values.size());
  now.saved.resize(m.nodes.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    now.values[index(m.inputs[i].value)] = events[i];
    round_to_codes(now, m.inputs[i].value, q);
  }
  for (std::size_t i = 0; i < m.nodes.size(); ++i) {
    Node& node = m.nodes[i];
    if (std::holds_alternative<Linear>(node.op)) {
      const auto own = codes.find(i);
      const std::size_t x = index(node.inputs[0]);
      const LayerView view{node,
                           exact.values[x],
                           exact.values[index(node.output)],
                           now.values[x],
                           own == codes.end() ? nullptr : &own->second,
                           slope_behind(m, node.output)};
      node.op = change(view);
    }
    forward_node(m, i, now, threads);
    round_to_codes(now, node.output, q);
    if (!std::holds_alternative<Linear>(node.op)) continue;
    if (const std::optional<Value> next = partner(m, i)) {  // which makes up for what this one is off
      const Tensor &meant = exact.values[index(node.output)], &is = now.values[index(node.output)];
      Tensor& aim = exact.values[index(*next)];
      for (std::size_t k = 0; k < aim.size(); ++k) aim.data[k] += meant.data[k] - is.data[k];
    }
  }
  return m;
}

}  // namespace quench
