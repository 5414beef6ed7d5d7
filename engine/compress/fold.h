// Removes BatchNorm from a trained model: exact up to float rounding.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/model/model.h"

namespace quench {

// Folds each BatchNorm into the Linear before it, or into the Linears behind it when it stands behind an activation;
// one with neither becomes a diagonal Linear. The result has no BatchNorm.
Model fold_batch_norm(Model);

// Nodes that read a value.
std::vector<std::size_t> consumers(const Model&, Value);

}  // namespace quench
