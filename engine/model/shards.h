// A batch in shards of events: every thread takes whole shards through the whole network.
// SPDX-License-Identifier: MIT
#pragma once
#include <functional>
#include <vector>

#include "engine/model/forward.h"

namespace quench {

// One share of the parameters' gradients: all of a node, or some rows of a Linear's weight.
struct GradientTask {
  std::size_t node;
  int first, count;
  double work;
};

// What forward computed, shard by shard, and the whole batch's first output. The bytes are those of forward() and
// backward() on one tape, whatever the number of threads; threads meet once for each pass, and the values of a shard
// stay in a core's cache. A model whose layers mix events (BatchNorm in training) is one shard, whose layers share the
// threads instead.
struct Shards {
  std::vector<Tape> tapes;
  std::vector<int> begin;  // [shards + 1]
  Tensor output;
  std::vector<GradientTask> tasks;  // backward's working space
};

// A value of the whole batch, from its parts; not what a Linear gives to its ReLU, which no tape here holds.
void joined(const Shards&, Value, Tensor& whole);

void forward(const Model&, Span<const Tensor> inputs, Mode, Shards&, int threads);

// A forward pass of another kind: run(tape, begin, count, threads) fills the tape's values of these events; shards as
// in inference.
using RunShard = std::function<void(Tape&, int begin, int count, int threads)>;
void forward_by(const RunShard&, const Model&, int events, Shards&, int threads);

// As backward() of engine/model/forward.h.
void backward(const Model&, Shards&, const Tensor& output_gradient, Model& gradient, Span<Tensor> input_gradients,
              bool parameter_gradients, int threads);

}  // namespace quench
