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

// The weights that give exact_y on x with the least squared error, ridge as in curvature(): those of the Linear and
// H^-1 x^T (exact_y - what it gives on x). Where x is what a Linear reads behind layers that were pruned and rounded,
// exact_y what it gave before, their errors are taken back here (Li et al. 2025, GPTAQ).
Linear aimed(const Linear&, const Tensor& x, const Tensor& exact_y, int threads);

}  // namespace quench
