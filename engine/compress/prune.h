// Magnitude pruning (Han et al. 2015): the smallest weights become exactly zero.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/model/model.h"

namespace quench {

enum class PruneScope { layer, global };

// Sets the given fraction (0 <= sparsity < 1) of every Linear's weights, or of all Linears' weights together, to zero;
// ties go to the earlier weight. Fails when a layer loses all its weights, naming it.
Model prune(Model, double sparsity, PruneScope);

// Zero weights over all weights of the Linears.
double sparsity(const Model&);

}  // namespace quench
