// Which weights of a Linear go, by what it reads or by a pattern that hardware likes.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/ops/linear.h"

namespace quench {

// ||X_k||_2 of every column of x [events, columns].
std::vector<double> column_norms(const Tensor& x);

// Wanda (Sun et al. 2023): every row loses the given fraction of its weights, those with the smallest |w| ||X_k||_2;
// ties go to the earlier weight.
Linear prune_wanda(const Linear&, const Tensor& x, double sparsity);

// Of every m consecutive weights of a row the n with the largest |w| ||X_k||_2 stay; a shorter last group keeps n too.
Linear prune_n_of_m(const Linear&, const Tensor& x, int n, int m);

// Blocks of 1 x 4 weights, counted from each row's start (the last may be shorter): the given fraction of all, those
// with the smallest mean square, go.
Linear prune_blocks(const Linear&, double sparsity);

}  // namespace quench
