// Float interpreter of a Model: forward and backward.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/core/span.h"
#include "engine/model/model.h"

namespace quench {

enum class Mode { inference, training };  // training: BatchNorm uses the batch's statistics

// Everything forward computed: one tensor per value of the Model, and per node what backward needs besides (batch
// statistics). All buffers are reused from call to call; after the first call with the largest batch nothing is
// allocated.
struct Tape {
  std::vector<Tensor> values;              // by Value
  std::vector<std::vector<Tensor>> saved;  // by node
  Mode mode = Mode::inference;
  std::vector<Tensor> gradients;  // by Value: backward's working space
  std::vector<char> wanted;       // by Value: backward needs d loss / d value
  std::vector<char> reached;      // by Value: gradients holds it
  Tensor part;                    // gradient on its way to a value that several nodes read
  std::vector<char> fused;        // by node: an activation whose input no pass has stored
  std::vector<int> readers;       // by Value: the fused pass's working space
};

// Runs the model on inputs given in the order of model.inputs, each [events, width]. The outputs are
// tape.values[outputs].
void forward(const Model&, Span<const Tensor> inputs, Mode, Tape&, int threads = 1);

// One node alone: reads its inputs from the tape, which a pass has filled or sized, and writes its output there.
void forward_node(const Model&, std::size_t node, Tape&, int threads = 1);

// Adds d loss / d parameter to `gradient` (a Model of the same shape) given d loss / d output [events, width] of the
// first output; writes d loss / d input into input_gradients (in the order of model.inputs; empty span = not wanted, a
// shorter one = those of the first inputs only). The tape must be that of the forward pass of these parameters; its
// mode decides how BatchNorm is differentiated. parameter_gradients = false leaves `gradient` alone (the generator's
// step through a critic).
void backward(const Model&, Tape&, const Tensor& output_gradient, Model& gradient, Span<Tensor> input_gradients,
              bool parameter_gradients = true, int threads = 1);

// The two passes on events begin .. begin + count - 1 of a batch; the second leaves the parameters' gradients to
// add_parameter_gradient and wants those of the first `wanted_inputs` inputs. engine/model/shards.h is made of them.
// The first computes a Linear and the (leaky) ReLU that alone reads it at once, and leaves the value between unfilled.
void forward_rows(const Model&, Span<const Tensor> inputs, int begin, int count, Mode, Tape&, int threads);
void backward_rows(const Model&, Tape&, const Tensor& output_gradient, int begin, int count, std::size_t wanted_inputs,
                   bool parameter_gradients, int threads);

// A Model of the same shape whose parameters are all zero: a gradient or an optimiser's moment.
Model zeros_like(const Model&);
void set_zero(Model& gradient);

// Running statistics after a training forward pass.
void update_state(Model&, const Tape&);

// Convenience: the first output of an inference pass, evaluated in batches of 1024 events.
Tensor infer(const Model&, Span<const Tensor> inputs, int threads = 1);

}  // namespace quench
