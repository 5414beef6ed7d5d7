// Mean and deviation of columns as functions of a condition.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/ops/conditional_affine.h"

namespace quench {

// mu and sigma of every column of `values` [events, width] as functions of c [events, 1]. Here and below
// the degree is 0 to 3; another one fails.
ConditionalAffine fit_conditional(const Tensor& values, const Tensor& c, int degree, int threads = 1);

// Weighted least squares: the coefficients of c^0, c^1, ... of a polynomial through these values; its value at c.
std::vector<double> fit_polynomial(const std::vector<double>& c, const std::vector<double>& value,
                                   const std::vector<double>& weight, int degree);
double value_of(const std::vector<double>& polynomial, double c);

}  // namespace quench
