// Optimal brain surgeon: what a Linear's weights lose by pruning is made up for by the weights that stay.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/ops/linear.h"

namespace quench {

// x^T x of what a Linear reads [events, n], half the Hessian of its squared output error in the weights of any row; 1 %
// of the diagonal's mean is added to the diagonal.
std::vector<double> curvature(const Tensor& x, int threads);

// Frantar and Alistarh 2022 (Optimal Brain Compression). Every row loses its weights one after the other, always the
// one with the smallest w^2 / [H^-1]_kk, while the others move to make up for it; the cheapest losses of all rows
// together are the given fraction of the weights.
Linear prune_obc(const Linear&, const Tensor& x, double sparsity, int threads);

// `sparse` is `dense` with weights set to zero: its other weights become those that give the dense outputs on x with
// the least squared error.
Linear refitted(const Linear& dense, const Linear& sparse, const Tensor& x, int threads);

}  // namespace quench
