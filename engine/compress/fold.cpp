// How BatchNorm disappears into its neighbours.
// SPDX-License-Identifier: MIT
#include "engine/compress/fold.h"

#include <algorithm>
#include <cmath>

namespace quench {
namespace {

struct Scaling {  // y = a x + b per column
  std::vector<double> a, b;
};

Scaling scaling(const BatchNorm& op) {
  Scaling s;
  for (std::size_t j = 0; j < op.gamma.data.size(); ++j) {
    const double a = op.gamma.data[j] / std::sqrt(static_cast<double>(op.variance.data[j]) + op.epsilon);
    s.a.push_back(a);
    s.b.push_back(op.beta.data[j] - op.mean.data[j] * a);
  }
  return s;
}

void fold_behind(Linear& op, const Scaling& s) {  // BatchNorm(W x + b)
  for (int r = 0; r < op.weight.rows(); ++r) {
    const std::size_t i = static_cast<std::size_t>(r);
    for (int k = 0; k < op.weight.columns(); ++k)
      op.weight.row(r)[k] = static_cast<float>(op.weight.row(r)[k] * s.a[i]);
    op.bias.data[i] = static_cast<float>(op.bias.data[i] * s.a[i] + s.b[i]);
  }
}

void fold_before(Linear& op, const Scaling& s) {  // W BatchNorm(x) + b
  for (int r = 0; r < op.weight.rows(); ++r) {
    double bias = op.bias.data[static_cast<std::size_t>(r)];
    for (int k = 0; k < op.weight.columns(); ++k) {
      const std::size_t j = static_cast<std::size_t>(k);
      bias += op.weight.row(r)[k] * s.b[j];
      op.weight.row(r)[k] = static_cast<float>(op.weight.row(r)[k] * s.a[j]);
    }
    op.bias.data[static_cast<std::size_t>(r)] = static_cast<float>(bias);
  }
}

Linear diagonal(const Scaling& s) {
  const int width = static_cast<int>(s.a.size());
  Linear op = linear(width, width);
  for (int j = 0; j < width; ++j) {
    op.weight.row(j)[j] = static_cast<float>(s.a[static_cast<std::size_t>(j)]);
    op.bias.data[static_cast<std::size_t>(j)] = static_cast<float>(s.b[static_cast<std::size_t>(j)]);
  }
  return op;
}

bool is_output(const Model& m, Value v) { return std::count(m.outputs.begin(), m.outputs.end(), v) > 0; }

// Removes node i, whose output is replaced by its input everywhere, and the value it made.
void remove(Model& m, std::size_t i) {
  const Value gone = m.nodes[i].output, kept = m.nodes[i].inputs[0];
  m.nodes.erase(m.nodes.begin() + static_cast<std::ptrdiff_t>(i));
  m.values.erase(m.values.begin() + static_cast<std::ptrdiff_t>(index(gone)));
  const auto rename = [&](Value& v) {
    if (v == gone) v = kept;
    if (index(v) > index(gone)) v = Value{static_cast<std::uint32_t>(index(v) - 1)};
  };
  for (Node& n : m.nodes) {
    for (Value& v : n.inputs) rename(v);
    rename(n.output);
  }
  for (ModelInput& in : m.inputs) rename(in.value);
  for (Value& v : m.outputs) rename(v);
}

// Folds the BatchNorm at node i, or turns it into a diagonal Linear; returns whether the node is gone.
bool fold(Model& m, std::size_t i) {
  const Scaling s = scaling(std::get<BatchNorm>(m.nodes[i].op));
  const Value in = m.nodes[i].inputs[0], out = m.nodes[i].output;
  const auto producer = std::find_if(m.nodes.begin(), m.nodes.end(), [&](const Node& n) { return n.output == in; });
  if (producer != m.nodes.end() && std::holds_alternative<Linear>(producer->op) && consumers(m, in).size() == 1 &&
      !is_output(m, in)) {
    fold_behind(std::get<Linear>(producer->op), s);
    remove(m, i);
    return true;
  }
  const std::vector<std::size_t> readers = consumers(m, out);
  const auto is_linear = [&](std::size_t n) { return std::holds_alternative<Linear>(m.nodes[n].op); };
  if (!readers.empty() && !is_output(m, out) && std::all_of(readers.begin(), readers.end(), is_linear)) {
    for (std::size_t n : readers) fold_before(std::get<Linear>(m.nodes[n].op), s);
    remove(m, i);
    return true;
  }
  m.nodes[i].op = diagonal(s);
  return false;
}

}  // namespace

std::vector<std::size_t> consumers(const Model& m, Value v) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < m.nodes.size(); ++i)
    if (std::count(m.nodes[i].inputs.begin(), m.nodes[i].inputs.end(), v)) result.push_back(i);
  return result;
}

Model fold_batch_norm(Model m) {
  for (std::size_t i = 0; i < m.nodes.size();)
    if (!std::holds_alternative<BatchNorm>(m.nodes[i].op) || !fold(m, i)) ++i;
  return m;
}

}  // namespace quench
