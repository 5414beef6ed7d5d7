// Forward and backward: loops over the nodes, one overload per kind of op.
// SPDX-License-Identifier: MIT
#include "engine/model/forward.h"

#include <algorithm>

#include "engine/core/error.h"

namespace quench {
namespace {

// One node being run: its inputs, output, and what it saved.
struct Run {
  const Model& model;
  const Node& node;
  Tape& tape;
  std::size_t place;  // of the node
  int threads;

  const Tensor& input(std::size_t i) const { return tape.values[index(node.inputs[i])]; }
  Tensor& output() const { return tape.values[index(node.output)]; }
  std::vector<Tensor>& saved() const { return tape.saved[place]; }
  bool training() const { return tape.mode == Mode::training; }
};

void run(const Linear& op, const Run& r) { forward(op, r.input(0), r.output(), r.threads); }
void run(const BatchNorm& op, const Run& r) { forward(op, r.input(0), r.training(), r.output(), r.saved(), r.threads); }
void run(const Concat&, const Run& r) {
  resize(r.output(), r.input(0).rows(), r.model.values[index(r.node.output)].width);
  int begin = 0;
  for (std::size_t i = 0; i < r.node.inputs.size(); ++i) {
    place_columns(r.input(i), begin, r.output());
    begin += r.input(i).columns();
  }
}
void run(const Slice& op, const Run& r) { take_columns(r.input(0), op.begin, op.length, r.output()); }
void run(const LogEnergy& op, const Run& r) { forward(op, r.input(0), r.output()); }
void run(const ConditionalAffine& op, const Run& r) {
  forward(op, r.input(0), r.input(1), r.output(), r.saved(), r.threads);
}
void run(const StickBreaking& op, const Run& r) { forward(op, r.input(0), r.input(1), r.output(), r.threads); }
void run(const SoftmaxSplit& op, const Run& r) {
  forward(op, r.input(0), r.input(1), r.output(), r.saved(), r.threads);
}
void run(const Threshold& op, const Run& r) { forward(op, r.input(0), r.output()); }
void run(const Permute& op, const Run& r) { forward(op, r.input(0), r.output()); }
void run(const Coupling& op, const Run& r) { forward(op, r.input(0), r.input(1), r.output(), r.saved(), r.threads); }
void run(const ActNorm& op, const Run& r) { forward(op, r.input(0), r.output()); }
void run(const Spread& op, const Run& r) { forward(op, r.input(0), r.input(1), r.output()); }
void run(const NormalDensity& op, const Run& r) { forward(op, r.input(0), r.output()); }
void run(const Sum& op, const Run& r) { forward(op, r.input(0), r.input(1), r.output(), r.threads); }
void run(const Product& op, const Run& r) { forward(op, r.input(0), r.input(1), r.output(), r.threads); }
void run(const LayerNorm& op, const Run& r) { forward(op, r.input(0), r.output(), r.saved(), r.threads); }
void run(const Asinh& op, const Run& r) { forward(op, r.input(0), r.output(), r.threads); }
template <class Activation>
void run(const Activation& op, const Run& r) {
  forward(op, r.input(0), r.output(), r.threads);
}

// The way back through one node. An input's gradient is computed straight into its place when it is the first to arrive
// there, else beside it and added; the order of nodes is fixed, so the sums are.
struct Back {
  const Run& run;
  Op* gradient;  // null: parameters are not wanted

  const Tensor& output_gradient() const { return run.tape.gradients[index(run.node.output)]; }
  bool wants(std::size_t i) const { return run.tape.wanted[index(run.node.inputs[i])] != 0; }
  // An activation's input; of a fused one the output, which has the same sign.
  const Tensor& before() const {
    const std::vector<char>& fused = run.tape.fused;
    return run.place < fused.size() && fused[run.place] ? run.output() : run.input(0);
  }
  bool first_to(std::size_t i) const { return wants(i) && !run.tape.reached[index(run.node.inputs[i])]; }

  template <class Compute>
  void into(std::size_t i, Compute&& compute) const {
    Tape& tape = run.tape;
    const std::size_t value = index(run.node.inputs[i]);
    if (!tape.wanted[value]) return;
    if (!tape.reached[value]) {
      compute(tape.gradients[value]);
      tape.reached[value] = 1;
      return;
    }
    compute(tape.part);
    Tensor& sum = tape.gradients[value];
    forward(Sum{}, sum, tape.part, sum, run.threads);
  }
};

// One place receives the parameters' gradients (and perhaps the input's), the other ops only the input's.
template <class Layer, class Compute>
void layer_back(const Layer&, const Back& b, Compute&& compute) {
  Layer* gradient = b.gradient ? &std::get<Layer>(*b.gradient) : nullptr;
  if (b.wants(0))
    b.into(0, [&](Tensor& dx) { compute(&dx, gradient); });
  else
    compute(nullptr, gradient);
}

void back(const Linear& op, const Back& b) {
  layer_back(op, b,
             [&](Tensor* dx, Linear* g) { backward(op, b.run.input(0), b.output_gradient(), dx, g, b.run.threads); });
}
void back(const BatchNorm& op, const Back& b) {
  layer_back(op, b, [&](Tensor* dx, BatchNorm* g) {
    backward(op, b.run.input(0), b.run.training(), b.run.saved(), b.output_gradient(), dx, g, b.run.threads);
  });
}
void back(const Concat&, const Back& b) {
  int begin = 0;
  for (std::size_t i = 0; i < b.run.node.inputs.size(); ++i) {
    const int width = b.run.input(i).columns();
    b.into(i, [&](Tensor& dx) { take_columns(b.output_gradient(), begin, width, dx); });
    begin += width;
  }
}
void back(const Slice& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { backward(op, b.output_gradient(), b.run.input(0).columns(), dx); });
}
void back(const LogEnergy& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { backward(op, b.run.input(0), b.output_gradient(), dx); });
}
void back(const ConditionalAffine& op, const Back& b) {
  const auto compute = [&](Tensor* dx, Tensor* dc) {
    backward(op, b.run.input(0), b.run.input(1), b.run.output(), b.run.saved(), b.output_gradient(), dx, dc,
             b.run.threads);
  };
  b.into(0, [&](Tensor& dx) { compute(&dx, nullptr); });
  b.into(1, [&](Tensor& dc) { compute(nullptr, &dc); });
}
void back(const StickBreaking& op, const Back& b) {
  const auto compute = [&](Tensor* ds, Tensor* de) {
    backward(op, b.run.input(0), b.run.input(1), b.run.output(), b.output_gradient(), ds, de, b.run.threads);
  };
  b.into(0, [&](Tensor& ds) { compute(&ds, nullptr); });
  b.into(1, [&](Tensor& de) { compute(nullptr, &de); });
}
void back(const SoftmaxSplit& op, const Back& b) {
  const auto compute = [&](Tensor* ds, Tensor* de) {
    backward(op, b.run.input(0), b.run.input(1), b.run.output(), b.run.saved(), b.output_gradient(), ds, de,
             b.run.threads);
  };
  b.into(0, [&](Tensor& ds) { compute(&ds, nullptr); });
  b.into(1, [&](Tensor& de) { compute(nullptr, &de); });
}
void back(const Threshold&, const Back& b) {
  fail("model: node ", b.run.node.name, " (Threshold) has no derivative; train the model up to the node before it");
}
void back(const Permute& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { backward(op, b.output_gradient(), dx); });
}
void back(const Coupling& op, const Back& b) {
  const auto compute = [&](Tensor* dx, Tensor* dp) {
    backward(op, b.run.input(0), b.run.input(1), b.run.output(), b.run.saved(), b.output_gradient(), dx, dp,
             b.run.threads);
  };
  if (b.wants(0) && b.first_to(1)) {  // both in one pass
    b.into(1, [&](Tensor& dp) { b.into(0, [&](Tensor& dx) { compute(&dx, &dp); }); });
    return;
  }
  b.into(0, [&](Tensor& dx) { compute(&dx, nullptr); });
  b.into(1, [&](Tensor& dp) { compute(nullptr, &dp); });
}
void back(const ActNorm& op, const Back& b) {
  layer_back(op, b,
             [&](Tensor* dx, ActNorm* g) { backward(op, b.run.input(0), b.run.output(), b.output_gradient(), dx, g); });
}
void back(const Spread& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { dx = b.output_gradient(); });
  b.into(1, [&](Tensor& d) { backward(op, b.run.input(1), b.output_gradient(), &d, nullptr); });
  if (b.gradient) backward(op, b.run.input(1), b.output_gradient(), nullptr, &std::get<Spread>(*b.gradient));
}
void back(const NormalDensity& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { backward(op, b.run.input(0), b.output_gradient(), dx); });
}
void back(const Sum&, const Back& b) {
  for (std::size_t i : {0u, 1u}) b.into(i, [&](Tensor& dx) { dx = b.output_gradient(); });
}
void back(const Product& op, const Back& b) {
  for (std::size_t i : {0u, 1u})
    b.into(i, [&](Tensor& dx) { backward(op, b.run.input(1 - i), b.output_gradient(), dx, b.run.threads); });
}
void back(const LayerNorm& op, const Back& b) {
  layer_back(op, b, [&](Tensor* dx, LayerNorm* g) {
    backward(op, b.run.input(0), b.run.saved(), b.output_gradient(), dx, g, b.run.threads);
  });
}
void back(const Asinh& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { backward(op, b.run.input(0), b.run.output(), b.output_gradient(), dx, b.run.threads); });
}
template <class Activation>
void back(const Activation& op, const Back& b) {
  b.into(0, [&](Tensor& dx) { backward(op, b.before(), b.run.output(), b.output_gradient(), dx, b.run.threads); });
}

bool is_trained(const Op& op) {
  return std::visit([](const auto& o) { return has_parameters<std::decay_t<decltype(o)>>; }, op);
}

// A value's gradient is wanted when a wanted input or a parameter lies above it.
void find_wanted(const Model& model, Tape& tape, std::size_t wanted_inputs, bool parameter_gradients) {
  tape.wanted.assign(model.values.size(), 0);
  tape.reached.assign(model.values.size(), 0);
  for (std::size_t i = 0; i < wanted_inputs; ++i) tape.wanted[index(model.inputs[i].value)] = 1;
  for (const Node& node : model.nodes) {
    char wanted = parameter_gradients && is_trained(node.op) ? 1 : 0;
    for (Value v : node.inputs) wanted = static_cast<char>(wanted | tape.wanted[index(v)]);
    tape.wanted[index(node.output)] = wanted;
  }
}

void count_readers(const Model& model, std::vector<int>& readers) {
  readers.assign(model.values.size(), 0);
  for (const Node& node : model.nodes)
    for (Value v : node.inputs) ++readers[index(v)];
  for (Value v : model.outputs) ++readers[index(v)];
}

Finish finish_of(const Op& op) {
  if (std::holds_alternative<Relu>(op)) return {Finish::Kind::relu, 0};
  const LeakyRelu* leaky = std::get_if<LeakyRelu>(&op);
  return leaky && keeps_sign(*leaky) ? Finish{Finish::Kind::leaky_relu, leaky->slope} : Finish{};
}

// Runs node i and the next one at once where they are a Linear and the activation that alone reads it.
bool ran_both(const Model& model, std::size_t i, Tape& tape, int threads) {
  const Linear* op = std::get_if<Linear>(&model.nodes[i].op);
  if (!op || i + 1 == model.nodes.size()) return false;
  const Node& next = model.nodes[i + 1];
  const Finish finish = finish_of(next.op);
  if (finish.kind == Finish::Kind::none || next.inputs[0] != model.nodes[i].output) return false;
  if (tape.readers[index(next.inputs[0])] != 1) return false;
  forward(*op, tape.values[index(model.nodes[i].inputs[0])], tape.values[index(next.output)], threads, finish);
  tape.fused[i + 1] = 1;
  return true;
}

// Makes the tape fit the model and copies the inputs' rows into it.
void start(const Model& model, Span<const Tensor> inputs, int begin, int count, Mode mode, Tape& tape) {
  if (inputs.size() != model.inputs.size())
    fail("model ", model.name, ": given ", inputs.size(), " inputs; it has ", model.inputs.size());
  tape.mode = mode;
  tape.values.resize(model.values.size());
  tape.saved.resize(model.nodes.size());
  tape.fused.assign(model.nodes.size(), 0);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ModelValue& value = model.values[index(model.inputs[i].value)];
    if (inputs[i].columns() != value.width || inputs[i].rows() != inputs[0].rows())
      fail("model ", model.name, ": input ", value.name, " is [", inputs[i].rows(), ", ", inputs[i].columns(),
           "]; it must be [", inputs[0].rows(), ", ", value.width, "]");
    Tensor& to = tape.values[index(model.inputs[i].value)];
    resize(to, count, value.width);
    std::copy_n(inputs[i].row(begin), to.size(), to.data.begin());
  }
}

}  // namespace

void forward_node(const Model& model, std::size_t node, Tape& tape, int threads) {
  const Run r{model, model.nodes[node], tape, node, threads};
  std::visit([&](const auto& op) { run(op, r); }, r.node.op);
}

void forward_rows(const Model& model, Span<const Tensor> inputs, int begin, int count, Mode mode, Tape& tape,
                  int threads) {
  start(model, inputs, begin, count, mode, tape);
  count_readers(model, tape.readers);
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (ran_both(model, i, tape, threads))
      ++i;
    else
      forward_node(model, i, tape, threads);
}

void forward(const Model& model, Span<const Tensor> inputs, Mode mode, Tape& tape, int threads) {
  start(model, inputs, 0, inputs.size() == 0 ? 0 : inputs[0].rows(), mode, tape);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) forward_node(model, i, tape, threads);
}

namespace {

// Through the nodes, last first. Parameters' gradients are added to `gradient` unless it is null.
void propagate(const Model& model, Tape& tape, const Tensor& output_gradient, int begin, int count, Model* gradient,
               std::size_t wanted_inputs, bool parameter_gradients, int threads) {
  find_wanted(model, tape, std::min(wanted_inputs, model.inputs.size()), parameter_gradients);
  tape.gradients.resize(model.values.size());
  Tensor& last = tape.gradients[index(model.outputs.at(0))];
  resize(last, count, output_gradient.columns());
  std::copy_n(output_gradient.row(begin), last.size(), last.data.begin());
  tape.reached[index(model.outputs[0])] = 1;
  for (std::size_t i = model.nodes.size(); i-- > 0;) {
    const Node& node = model.nodes[i];
    if (!tape.reached[index(node.output)] || !tape.wanted[index(node.output)]) continue;
    const Run r{model, node, tape, i, threads};
    const Back b{r, parameter_gradients && gradient ? &gradient->nodes[i].op : nullptr};
    std::visit([&](const auto& op) { back(op, b); }, node.op);
  }
}

}  // namespace

void backward_rows(const Model& model, Tape& tape, const Tensor& output_gradient, int begin, int count,
                   std::size_t wanted_inputs, bool parameter_gradients, int threads) {
  propagate(model, tape, output_gradient, begin, count, nullptr, wanted_inputs, parameter_gradients, threads);
}

void backward(const Model& model, Tape& tape, const Tensor& output_gradient, Model& gradient,
              Span<Tensor> input_gradients, bool parameter_gradients, int threads) {
  propagate(model, tape, output_gradient, 0, output_gradient.rows(), &gradient, input_gradients.size(),
            parameter_gradients, threads);
  for (std::size_t i = 0; i < std::min(input_gradients.size(), model.inputs.size()); ++i) {
    const std::size_t value = index(model.inputs[i].value);
    Tensor& to = input_gradients[i];
    resize(to, output_gradient.rows(), model.values[value].width);
    if (tape.reached[value])
      std::copy(tape.gradients[value].data.begin(), tape.gradients[value].data.end(), to.data.begin());
    else
      std::fill(to.data.begin(), to.data.end(), 0.0f);
  }
}

void set_zero(Model& gradient) {
  for_each_parameter(gradient,
                     [](std::size_t, const std::string&, Tensor& t) { std::fill(t.data.begin(), t.data.end(), 0.0f); });
}

Model zeros_like(const Model& model) {
  Model gradient = model;
  set_zero(gradient);
  return gradient;
}

void update_state(Model& model, const Tape& tape) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (BatchNorm* op = std::get_if<BatchNorm>(&model.nodes[i].op)) update_state(*op, tape.saved[i]);
}

}  // namespace quench
