// AdaRound: which of a Linear's weights round up and which down is learnt from its outputs.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/compress/layer_walk.h"

namespace quench {

struct AdaRoundSettings {
  int steps = 2000, batch = 128;
  double learning_rate = 1e-2;                    // Adam
  double weight = 0.01;                           // of the regulariser sum 1 - |2 h - 1|^beta
  double warm_up = 0.2;                           // fraction of the steps without it
  double first_exponent = 20, last_exponent = 2;  // beta goes from one to the other in a line
};

// Nagel et al. 2020: minimises the squared error of the outputs behind the activation, relative to their mean square,
// with the weight floor(w) + h(V), h = clip(1.2 sigmoid(V) - 0.1, 0, 1), on batches of the view's events in their
// order. Zeros stay. Nearest rounding is kept when it is better on all events.
Linear adaround(const LayerView&, const AdaRoundSettings&, int threads);

}  // namespace quench
