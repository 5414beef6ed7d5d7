// Executes a program node by node on 32-bit words, for one event or a batch of them.
// SPDX-License-Identifier: MIT
#include "engine/run/run.h"

#include <cmath>
#include <type_traits>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"
#include "engine/tensor/matmul.h"

namespace quench {
namespace {

constexpr std::size_t batch = 96;  // events that a thread takes through the program together

// A Linear whose sums stay below 2^24: floats hold each of them exactly, in any order, and their products are fast.
struct FloatLayer {
  std::vector<float> weight, bias;  // empty: sums are too large, or the node is no Linear
};

std::vector<FloatLayer> float_layers(const Program& p) {
  constexpr std::int64_t exact = 1 << 24;
  std::vector<FloatLayer> layers(p.nodes.size());
  for (std::size_t i = 0; i < p.nodes.size(); ++i)
    if (const auto* op = std::get_if<QLinear>(&p.nodes[i].op);
        op && op->accumulator_low >= -exact && op->accumulator_high <= exact)
      layers[i] = {{op->weight.begin(), op->weight.end()}, {op->bias.begin(), op->bias.end()}};
  return layers;
}

// This thread's memory for one layer of a batch; it only grows.
struct FloatRows {
  std::vector<float> x, sum;
};

// The layer for all events at once; the same integers as its kernel makes event by event.
void run_rows(const QLinear& op, const FloatLayer& layer, int events, const std::int32_t* x, std::int32_t* y) {
  thread_local FloatRows rows;
  const std::size_t count = static_cast<std::size_t>(events);
  rows.x.assign(x, x + count * static_cast<std::size_t>(op.columns));
  rows.sum.resize(count * static_cast<std::size_t>(op.rows));
  matmul(matrix(rows.x.data(), op.columns), transposed(matrix(layer.weight.data(), op.columns)), events, op.rows,
         op.columns, from_bias(layer.bias.data()), rows.sum.data());
  const PlainRequantize to_codes = view(op.requantize);
  const float* sum = rows.sum.data();
  for (int i = 0; i < events; ++i)
    for (std::int32_t r = 0; r < op.rows; ++r) *y++ = requantize(static_cast<std::int32_t>(*sum++), to_codes, r);
}

struct Step {  // runs one node on every event of a batch; event i's part of a value begins at i times its length
  const Program& p;
  const std::vector<Words>& values;
  const QNode& node;
  Words& y;
  int events;
  const FloatLayer* fast;  // null, or a layer that run_rows() can do

  const std::uint32_t* words(std::size_t k, int event) const {
    const ValueId v = node.inputs[k];
    return values[index(v)].data() + std::ptrdiff_t{event} * p.values[index(v)].length;
  }
  const std::int32_t* codes(std::size_t k, int event) const {
    return reinterpret_cast<const std::int32_t*>(words(k, event));
  }
  std::uint32_t* out_words(int event) const {
    return y.data() + std::ptrdiff_t{event} * p.values[index(node.output)].length;
  }
  std::int32_t* out_codes(int event) const { return reinterpret_cast<std::int32_t*>(out_words(event)); }

  void event(const QNoise& op, int e) const { run(view(op), words(0, e), out_codes(e)); }
  void event(const QLogEnergy& op, int e) const { run(view(op), words(0, e), out_codes(e)); }
  void event(const QConcat& op, int e) const { run(view(op), codes(0, e), codes(1, e), out_codes(e)); }
  void event(const QSlice& op, int e) const { run(view(op), codes(0, e), out_codes(e)); }
  void event(const QLinear& op, int e) const {
    if (op.accumulator_low >= INT32_MIN && op.accumulator_high <= INT32_MAX)
      run(view<std::int32_t>(op), codes(0, e), out_codes(e));
    else
      run(view<std::int64_t>(op), codes(0, e), out_codes(e));
  }
  void event(const QTable& op, int e) const { run(view(op), codes(0, e), out_codes(e)); }
  void event(const QMultiply& op, int e) const { run(view(op), codes(0, e), codes(1, e), out_codes(e)); }
  void event(const QAdd& op, int e) const { run(view(op), codes(0, e), codes(1, e), out_codes(e)); }
  void event(const QSpread& op, int e) const { run(view(op), codes(0, e), codes(1, e), out_codes(e)); }
  void event(const QFraction& op, int e) const { run(view(op), codes(0, e), words(1, e), out_words(e)); }
  void event(const QSplit& op, int e) const { run(view(op), words(0, e), codes(1, e), out_words(e)); }
  void event(const QShareSplit& op, int e) const { run(view(op), words(0, e), codes(1, e), out_words(e)); }
  void event(const QThreshold& op, int e) const { run(view(op), words(0, e), out_words(e)); }
  void event(const QClamp& op, int e) const { run(view(op), codes(0, e), out_codes(e)); }
  void event(const QRescale& op, int e) const { run(view(op), codes(0, e), out_codes(e)); }
  void event(const QCoupling& op, int e) const { run(view(op), codes(0, e), codes(1, e), out_codes(e)); }
  void event(const QSoftmax& op, int e) const { run(view(op), codes(0, e), out_codes(e)); }
  void event(const QPermute& op, int e) const { run(view(op), words(0, e), out_words(e)); }  // whatever they mean

  template <class QOpType>
  void operator()(const QOpType& op) const {
    if constexpr (std::is_same_v<QOpType, QLinear>)
      if (fast) return run_rows(op, *fast, events, codes(0, 0), out_codes(0));
    for (int e = 0; e < events; ++e) event(op, e);
  }
};

std::vector<Words> make_values(const Program& p, int events) {
  std::vector<Words> values;
  for (const QValue& v : p.values)
    values.emplace_back(static_cast<std::size_t>(v.length) * static_cast<unsigned>(events));
  return values;
}

// `layers` by node, or empty: every layer by its kernel.
void run_nodes(const Program& p, const std::vector<FloatLayer>& layers, int events, std::vector<Words>& values) {
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const QNode& node = p.nodes[i];
    const FloatLayer* fast = !layers.empty() && !layers[i].weight.empty() ? &layers[i] : nullptr;
    std::visit(Step{p, values, node, values[index(node.output)], events, fast}, node.op);
  }
}

// The inputs' places, checked: [events][length] words each, codes in their range.
std::vector<Words> given_values(const Program& p, const std::vector<Words>& inputs, int events) {
  std::vector<Words> values = make_values(p, events);
  if (inputs.size() != p.inputs.size())
    fail("program ", p.name, " has ", p.inputs.size(), " inputs, not ", inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Words& value = values[index(p.inputs[i])];
    const QValue& v = p.values[index(p.inputs[i])];
    if (inputs[i].size() != value.size())
      fail("input ", v.name, " has ", value.size(), " elements, not ", inputs[i].size());
    for (std::uint32_t word : inputs[i])
      if (v.meaning == Meaning::code &&
          (static_cast<std::int32_t>(word) < v.low || static_cast<std::int32_t>(word) > v.high))
        fail("input ", v.name, ": code ", static_cast<std::int32_t>(word), " is outside ", v.low, " .. ", v.high);
    value = inputs[i];
  }
  return values;
}

}  // namespace

Words event_words(std::uint64_t seed, std::uint64_t event) {
  return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), static_cast<std::uint32_t>(event),
          static_cast<std::uint32_t>(event >> 32)};
}

std::uint32_t energy_count(const Program& p, double mev) {
  const double count = std::floor(mev / p.energy_unit_mev + 0.5);
  if (!(count >= 1 && count <= 4294967295.0))
    fail("incident energy ", mev, " MeV is ", count, " units of ", p.energy_unit_mev,
         " MeV; a count is 1 to 4294967295");
  return static_cast<std::uint32_t>(count);
}

std::vector<Words> program_inputs(const Program& p, std::uint64_t seed, std::uint64_t first,
                                  Span<const float> energies) {
  std::vector<Words> inputs(p.inputs.size());
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (std::size_t i = 0; i < energies.size(); ++i) {
      if (p.values[index(p.inputs[k])].meaning == Meaning::event) {
        const Words words = event_words(seed, first + i);
        inputs[k].insert(inputs[k].end(), words.begin(), words.end());
      } else {
        inputs[k].push_back(energy_count(p, static_cast<double>(energies[i])));
      }
    }
  return inputs;
}

std::vector<Words> run_values(const Program& p, const std::vector<Words>& inputs) {
  std::vector<Words> values = given_values(p, inputs, 1);
  run_nodes(p, {}, 1, values);
  return values;
}

std::vector<Words> run_batch(const Program& p, const std::vector<Words>& inputs, int events) {
  std::vector<Words> values = given_values(p, inputs, events);
  run_nodes(p, float_layers(p), events, values);
  return values;
}

Words run_layer(const Program& p, const QNode& node, const std::vector<Words>& inputs) {
  std::vector<Words> values(p.values.size());
  if (inputs.size() != node.inputs.size())
    fail("layer ", node.name, " has ", node.inputs.size(), " inputs, not ", inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[index(node.inputs[i])] = inputs[i];
  Words& y = values[index(node.output)];
  y.resize(static_cast<std::size_t>(p.values[index(node.output)].length));
  std::visit(Step{p, values, node, y, 1, nullptr}, node.op);
  return y;
}

std::vector<Words> run(const Program& p, std::uint64_t seed, std::uint64_t first, Span<const std::uint32_t> energies,
                       int threads) {
  for (ValueId v : p.inputs)
    if (p.values[index(v)].meaning == Meaning::code)
      fail("program ", p.name, ": input ", p.values[index(v)].name, " takes features, not an incident energy");
  std::vector<Words> showers(energies.size());
  const std::vector<FloatLayer> layers = float_layers(p);
  const std::size_t voxels = static_cast<std::size_t>(p.values[index(p.output)].length);
  parallel_for(threads, energies.size(), batch, [&](std::size_t begin, std::size_t end) {
    const int events = static_cast<int>(end - begin);
    std::vector<Words> values = make_values(p, events);
    for (ValueId v : p.inputs) {
      Words& input = values[index(v)];
      input.clear();
      for (std::size_t i = begin; i < end; ++i) {
        const Words words = p.values[index(v)].meaning == Meaning::event
                                ? event_words(seed, first + i)
                                : Words(static_cast<std::size_t>(p.values[index(v)].length), energies[i]);
        input.insert(input.end(), words.begin(), words.end());
      }
    }
    run_nodes(p, layers, events, values);
    const Words& all = values[index(p.output)];
    for (std::size_t i = begin; i < end; ++i) {
      const auto from = all.begin() + static_cast<std::ptrdiff_t>((i - begin) * voxels);
      showers[i].assign(from, from + static_cast<std::ptrdiff_t>(voxels));
    }
  });
  return showers;
}

}  // namespace quench
