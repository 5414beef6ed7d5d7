// Symmetric matrices in double, [n][n] row by row: sums of squares of columns, Cholesky factors, inverses.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

// x^T x of x [rows, n]; every element is one sum in the order of the rows, whatever the number of threads.
std::vector<double> gram(const Tensor& x, int threads = 1);

// In place: the lower triangle becomes L with L L^T = matrix, the upper one 0. Returns whether the matrix is positive
// definite; if not, its contents are lost.
bool cholesky(std::vector<double>& matrix, std::size_t n);

// In place: solves L L^T x = b.
void cholesky_solve(const std::vector<double>& lower, double* b, std::size_t n);

// Inverse of L L^T.
std::vector<double> cholesky_inverse(const std::vector<double>& lower, std::size_t n, int threads = 1);

}  // namespace quench
