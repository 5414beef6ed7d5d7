// Executes a program node by node on 32-bit words.
// SPDX-License-Identifier: MIT
#include "engine/run/run.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"
#include "engine/kernels/csr_linear.h"
#include "engine/tensor/csr.h"

namespace quench {
namespace {

const std::int32_t* codes(const Words& w) { return reinterpret_cast<const std::int32_t*>(w.data()); }
std::int32_t* codes(Words& w) { return reinterpret_cast<std::int32_t*>(w.data()); }

// The non-zeros of a layer that is worth it: made once for many events; rows = 0 for all other nodes.
using Sparse = Csr<std::int16_t>;

std::vector<Sparse> sparse_layers(const Program& p) {
  std::vector<Sparse> layers(p.nodes.size());
  for (std::size_t i = 0; i < p.nodes.size(); ++i)
    if (const auto* op = std::get_if<QLinear>(&p.nodes[i].op)) {
      const auto zeros = std::count(op->weight.begin(), op->weight.end(), std::int16_t{0});
      if (2 * zeros > static_cast<std::ptrdiff_t>(op->weight.size()))
        layers[i] = to_csr(Span<const std::int16_t>(op->weight), op->rows, op->columns);
    }
  return layers;
}

struct Step {  // runs one node
  const std::vector<Words>& values;
  const QNode& node;
  const Sparse* sparse;  // null: run the layer dense
  Words& y;

  const Words& in(std::size_t i) const { return values[index(node.inputs[i])]; }

  void operator()(const QNoise& op) const { run(view(op), in(0).data(), codes(y)); }
  void operator()(const QLogEnergy& op) const { run(view(op), in(0).data(), codes(y)); }
  void operator()(const QConcat& op) const { run(view(op), codes(in(0)), codes(in(1)), codes(y)); }
  void operator()(const QSlice& op) const { run(view(op), codes(in(0)), codes(y)); }
  void operator()(const QLinear& op) const {
    const bool narrow = op.accumulator_low >= INT32_MIN && op.accumulator_high <= INT32_MAX;
    if (narrow)
      linear<std::int32_t>(op);
    else
      linear<std::int64_t>(op);
  }
  template <class A>
  void linear(const QLinear& op) const {
    if (!sparse) return run(view<A>(op), codes(in(0)), codes(y));
    const CsrLinear<A, std::uint32_t, std::uint32_t, std::int16_t, std::int32_t> layer = {
        op.rows,        sparse->row_begin.data(), sparse->column.data(), sparse->value.data(),
        op.bias.data(), view(op.requantize)};
    run(layer, codes(in(0)), codes(y));
  }
  void operator()(const QTable& op) const { run(view(op), codes(in(0)), codes(y)); }
  void operator()(const QMultiply& op) const { run(view(op), codes(in(0)), codes(in(1)), codes(y)); }
  void operator()(const QAdd& op) const { run(view(op), codes(in(0)), codes(in(1)), codes(y)); }
  void operator()(const QSpread& op) const { run(view(op), codes(in(0)), codes(in(1)), codes(y)); }
  void operator()(const QFraction& op) const { run(view(op), codes(in(0)), in(1).data(), y.data()); }
  void operator()(const QSplit& op) const { run(view(op), in(0).data(), codes(in(1)), y.data()); }
  void operator()(const QThreshold& op) const { run(view(op), in(0).data(), y.data()); }
  void operator()(const QClamp& op) const { run(view(op), codes(in(0)), codes(y)); }
  void operator()(const QSoftmax& op) const { run(view(op), codes(in(0)), codes(y)); }
  void operator()(const QPermute& op) const { run(view(op), in(0).data(), y.data()); }  // words, whatever they mean
};

std::vector<Words> make_values(const Program& p) {
  std::vector<Words> values;
  for (const QValue& v : p.values) values.emplace_back(static_cast<std::size_t>(v.length));
  return values;
}

// `sparse` by node, or empty: all layers dense.
void run_nodes(const Program& p, const std::vector<Sparse>& sparse, std::vector<Words>& values) {
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const QNode& node = p.nodes[i];
    const Sparse* layer = !sparse.empty() && sparse[i].rows > 0 ? &sparse[i] : nullptr;
    std::visit(Step{values, node, layer, values[index(node.output)]}, node.op);
  }
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

std::vector<Words> run_values(const Program& p, const std::vector<Words>& inputs) {
  std::vector<Words> values = make_values(p);
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
  run_nodes(p, {}, values);
  return values;
}

Words run_layer(const Program& p, const QNode& node, const std::vector<Words>& inputs) {
  std::vector<Words> values(p.values.size());
  if (inputs.size() != node.inputs.size())
    fail("layer ", node.name, " has ", node.inputs.size(), " inputs, not ", inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) values[index(node.inputs[i])] = inputs[i];
  Words& y = values[index(node.output)];
  y.resize(static_cast<std::size_t>(p.values[index(node.output)].length));
  std::visit(Step{values, node, nullptr, y}, node.op);
  return y;
}

std::vector<Words> run(const Program& p, std::uint64_t seed, std::uint64_t first, Span<const std::uint32_t> energies,
                       int threads) {
  for (ValueId v : p.inputs)
    if (p.values[index(v)].meaning == Meaning::code)
      fail("program ", p.name, ": input ", p.values[index(v)].name, " takes features, not an incident energy");
  std::vector<Words> showers(energies.size());
  const std::vector<Sparse> sparse = sparse_layers(p);
  parallel_for(threads, energies.size(), 16, [&](std::size_t begin, std::size_t end) {
    std::vector<Words> values = make_values(p);
    for (std::size_t i = begin; i < end; ++i) {
      for (ValueId v : p.inputs) {
        Words& input = values[index(v)];
        if (p.values[index(v)].meaning == Meaning::event)
          input = event_words(seed, first + i);
        else
          input.assign(input.size(), energies[i]);
      }
      run_nodes(p, sparse, values);
      showers[i] = values[index(p.output)];
    }
  });
  return showers;
}

}  // namespace quench
