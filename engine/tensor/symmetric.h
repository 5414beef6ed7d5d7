// Symmetric matrices in double: eigenvalues, and the factor of a covariance that may be singular.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <vector>

namespace quench {

// Row-major [n, n].
struct SquareMatrix {
  std::size_t n = 0;
  std::vector<double> data;

  double& at(std::size_t i, std::size_t j) { return data[i * n + j]; }
  double at(std::size_t i, std::size_t j) const { return data[i * n + j]; }
};

inline SquareMatrix square_matrix(std::size_t n) { return {n, std::vector<double>(n * n)}; }

// Eigenvalues of a symmetric matrix (its lower triangle is read), increasing, each within some 1e-15 of the largest
// one's size: Householder's tridiagonal form, then bisection by Sturm counts (Golub and Van Loan 2013, 8.3 and 8.4).
std::vector<double> eigenvalues(SquareMatrix);

// L, lower triangular, with L L^T = the symmetric positive semidefinite matrix (Cholesky). A column whose pivot is
// rounding noise becomes 0: its direction has no variance left.
SquareMatrix semidefinite_factor(const SquareMatrix&);

}  // namespace quench
