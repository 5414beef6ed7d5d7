// Pruning: weights become exactly zero, or whole neurons leave, by one of several rules.
// SPDX-License-Identifier: MIT
#pragma once
#include <map>
#include <string>

#include "engine/core/span.h"
#include "engine/model/model.h"

namespace quench {

enum class PruneScope { layer, global };

// Magnitude pruning (Han et al. 2015): sets the given fraction (0 <= sparsity < 1) of every Linear's weights, or of all
// Linears' weights together, to zero; ties go to the earlier weight. Fails when a layer loses all its weights, naming
// it.
Model prune(Model, double sparsity, PruneScope);

struct PruneSettings {
  std::string method = "magnitude";  // magnitude, wanda, obc, n:m, blocks or neurons
  double sparsity = 0;               // of the weights (neurons: of every hidden layer's neurons); n:m: the pattern's
  PruneScope scope = PruneScope::layer;  // of magnitude
  int keep = 2, of = 4;                  // n:m
  std::map<std::string, double> layers;  // sparsities of single Linears, by name; magnitude, wanda and obc
};

// Of one Linear: its own, or that of all.
double sparsity_of(const PruneSettings&, const std::string& layer);

// Fails for fractions that are none, and for layers that the model has not.
void check_settings(const Model&, const PruneSettings&);

// Layer after layer, each by what it reads on the calibration inputs behind the layers pruned before it; n:m and blocks
// choose a pattern, and the weights that stay are refitted; obc makes up for the layers before, too
// (engine/compress/masks.h, obc.h, neurons.h).
Model prune(const Model&, const PruneSettings&, Span<const Tensor> inputs, int threads);

// The cubic schedule (Zhu and Gupta 2017): from `first` at step 0 to `last` at step `steps` and behind it.
double cubic_sparsity(double first, double last, double step, double steps);

// Zero weights over all weights of the Linears.
double sparsity(const Model&);

}  // namespace quench
