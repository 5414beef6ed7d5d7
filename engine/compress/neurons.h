// Whole hidden neurons removed: the model really shrinks.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/core/span.h"
#include "engine/model/model.h"

namespace quench {

// A neuron's importance. weights: the norm of its incoming weights and bias times that of its outgoing ones. energy:
// the root mean square of what it gives behind its activation times the norm of its outgoing weights.
enum class Importance { weights, energy };

struct LayerWidth {
  std::string layer;
  int neurons = 0;
};

// Each hidden layer (a Linear whose output only Linears read, perhaps behind activations that work on single elements)
// loses the given fraction of its neurons, the least important ones: rows of the Linear and columns of its readers. A
// neuron that is removed counted as one that gives 0. Fails when a layer would lose all.
Model remove_neurons(Model, Span<const Tensor> inputs, double fraction, Importance, int threads);

// Hidden layers as above, in execution order.
std::vector<LayerWidth> hidden_widths(const Model&);

// Keeps that many of the neurons of these hidden layers, at least one and at most all.
Model keep_neurons(Model, Span<const Tensor> inputs, const std::vector<LayerWidth>&, Importance, int threads);

}  // namespace quench
