// The passes over shards, and the parameters' gradients as one list of tasks.
// SPDX-License-Identifier: MIT
#include "engine/model/shards.h"

#include <algorithm>
#include <variant>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

using Task = GradientTask;

constexpr int largest_shard = 512, smallest_shard = 64, part = 32;  // events; layers may sum them in parts of 32
constexpr int task_unit = 12, least_task = 48;                      // rows of a Linear's weight

bool mixes_events(const Model& model, Mode mode) {
  return mode == Mode::training && std::any_of(model.nodes.begin(), model.nodes.end(), [](const Node& node) {
           return std::holds_alternative<BatchNorm>(node.op);
         });
}

void cut(Shards& s, int events, bool whole, int threads) {
  const int even = (events + std::max(threads, 1) - 1) / std::max(threads, 1);
  const int shard = std::clamp((even + part - 1) / part * part, smallest_shard, largest_shard);
  const int size = whole ? std::max(events, 1) : shard;
  s.begin.assign(1, 0);
  while (s.begin.back() < events) s.begin.push_back(std::min(events, s.begin.back() + size));
  s.tapes.resize(std::max(s.tapes.size(), s.begin.size() - 1));
}

template <class Body>
void for_each_shard(Shards& s, int threads, Body&& body) {
  const std::size_t shards = s.begin.size() - 1;
  if (shards == 1) return body(0, threads);
  parallel_for(threads, shards, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) body(k, 1);
  });
}

template <class Run>
void run_shards(const Model& model, Shards& s, int threads, Run&& run) {
  const Value output = model.outputs.at(0);
  resize(s.output, s.begin.back(), model.values[index(output)].width);
  for_each_shard(s, threads, [&](std::size_t k, int inner) {
    run(s.tapes[k], s.begin[k], s.begin[k + 1] - s.begin[k], inner);
    const Tensor& y = s.tapes[k].values[index(output)];
    std::copy(y.data.begin(), y.data.end(), s.output.row(s.begin[k]));
  });
}

void add(const Linear&, const Task& task, const Tape& tape, const Node& node, Op& gradient) {
  add_gradient(tape.values[index(node.inputs[0])], tape.gradients[index(node.output)], task.first, task.count,
               std::get<Linear>(gradient));
}
void add(const BatchNorm&, const Task& task, const Tape& tape, const Node& node, Op& gradient) {
  add_gradient(tape.values[index(node.inputs[0])], tape.saved[task.node], tape.gradients[index(node.output)],
               std::get<BatchNorm>(gradient));
}
void add(const ActNorm& op, const Task&, const Tape& tape, const Node& node, Op& gradient) {
  backward(op, tape.values[index(node.inputs[0])], tape.values[index(node.output)], tape.gradients[index(node.output)],
           nullptr, &std::get<ActNorm>(gradient));
}
void add(const Spread& op, const Task&, const Tape& tape, const Node& node, Op& gradient) {
  backward(op, tape.values[index(node.inputs[1])], tape.gradients[index(node.output)], nullptr,
           &std::get<Spread>(gradient));
}
void add(const LayerNorm& op, const Task& task, const Tape& tape, const Node& node, Op& gradient) {
  backward(op, tape.values[index(node.inputs[0])], tape.saved[task.node], tape.gradients[index(node.output)], nullptr,
           &std::get<LayerNorm>(gradient), 1);
}
template <class Other>
void add(const Other&, const Task&, const Tape&, const Node&, Op&) {
  static_assert(!has_parameters<Other>, "a layer with parameters needs its own add()");
}

// Shares of about equal work, a few for each thread and the largest first: none is left alone with one at the end.
void find_tasks(const Model& model, const Tape& tape, int threads, std::vector<Task>& tasks) {
  double all = 0;
  for (const Node& node : model.nodes)
    if (const Linear* op = std::get_if<Linear>(&node.op)) all += static_cast<double>(op->weight.size());
  tasks.clear();
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const std::size_t output = index(model.nodes[i].output);
    if (!tape.reached[output] || !tape.wanted[output]) continue;
    const Linear* op = std::get_if<Linear>(&model.nodes[i].op);
    if (!op) {
      tasks.push_back({i, 0, 0, 0});
      continue;
    }
    const int rows = op->weight.rows(), columns = op->weight.columns();
    const int units = static_cast<int>(all / (4.0 * threads * columns * task_unit)) + 1;
    const int share = threads > 1 ? std::max(least_task, units * task_unit) : rows;
    for (int row = 0; row < rows; row += share) {
      const int count = std::min(share, rows - row);
      tasks.push_back({i, row, count, static_cast<double>(count) * columns});
    }
  }
  std::sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) { return a.work > b.work; });
}

}  // namespace

void joined(const Shards& s, Value value, Tensor& whole) {
  resize(whole, s.begin.back(), s.tapes[0].values[index(value)].columns());
  for (std::size_t k = 0; k + 1 < s.begin.size(); ++k) {
    const Tensor& part = s.tapes[k].values[index(value)];
    std::copy(part.data.begin(), part.data.end(), whole.row(s.begin[k]));
  }
}

void forward(const Model& model, Span<const Tensor> inputs, Mode mode, Shards& s, int threads) {
  const int events = inputs.size() == 0 ? 0 : inputs[0].rows();
  cut(s, events, mixes_events(model, mode), threads);
  run_shards(model, s, threads, [&](Tape& tape, int begin, int count, int inner) {
    forward_rows(model, inputs, begin, count, mode, tape, inner);
  });
}

void forward_by(const RunShard& run, const Model& model, int events, Shards& s, int threads) {
  cut(s, events, false, threads);
  run_shards(model, s, threads, [&](Tape& tape, int begin, int count, int inner) {
    tape.fused.clear();
    run(tape, begin, count, inner);
  });
}

void backward(const Model& model, Shards& s, const Tensor& output_gradient, Model& gradient,
              Span<Tensor> input_gradients, bool parameter_gradients, int threads) {
  if (s.begin.size() == 2)
    return backward(model, s.tapes[0], output_gradient, gradient, input_gradients, parameter_gradients, threads);
  for (std::size_t i = 0; i < input_gradients.size(); ++i)
    resize(input_gradients[i], output_gradient.rows(), model.values[index(model.inputs[i].value)].width);
  for_each_shard(s, threads, [&](std::size_t k, int inner) {
    backward_rows(model, s.tapes[k], output_gradient, s.begin[k], s.begin[k + 1] - s.begin[k], input_gradients.size(),
                  parameter_gradients, inner);
    for (std::size_t i = 0; i < input_gradients.size(); ++i) {
      const std::size_t value = index(model.inputs[i].value);
      float* to = input_gradients[i].row(s.begin[k]);
      if (s.tapes[k].reached[value])
        std::copy(s.tapes[k].gradients[value].data.begin(), s.tapes[k].gradients[value].data.end(), to);
      else
        std::fill_n(to, (s.begin[k + 1] - s.begin[k]) * input_gradients[i].columns(), 0.0f);
    }
  });
  if (!parameter_gradients) return;
  // Events in increasing order within each number, so that the sums are those of one tape.
  std::vector<Task>& tasks = s.tasks;
  find_tasks(model, s.tapes[0], threads, tasks);
  parallel_for(threads, tasks.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const Node& node = model.nodes[tasks[t].node];
      for (std::size_t k = 0; k + 1 < s.begin.size(); ++k)
        std::visit([&](const auto& op) { add(op, tasks[t], s.tapes[k], node, gradient.nodes[tasks[t].node].op); },
                   node.op);
    }
  });
}

Tensor infer(const Model& model, Span<const Tensor> inputs, int threads) {
  constexpr int batch = 1024;
  const int events = inputs.size() == 0 ? 0 : inputs[0].rows();
  const Value output = model.outputs.at(0);
  const int width = model.values[index(output)].width;
  Tensor result = zeros({events, width});
  Shards shards;
  std::vector<Tensor> part(inputs.size());
  for (int begin = 0; begin < events; begin += batch) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].rows() != events)
        fail("model ", model.name, ": input ", i, " holds ", inputs[i].rows(), " events, input 0 holds ", events);
      part[i] = rows_of(inputs[i], begin, std::min(batch, events - begin));
    }
    forward(model, part, Mode::inference, shards, threads);
    const Tensor& y = shards.output;
    std::copy(y.data.begin(), y.data.end(), result.row(begin));
  }
  return result;
}

}  // namespace quench
