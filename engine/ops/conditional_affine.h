// Standardisation that depends on the condition: y_j = mu_j(c) + sigma_j(c) x_j, mu_j and ln sigma_j polynomials.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

// Inputs x [events, width], c [events, 1]. Not trained: the coefficients are fitted to the data once.
struct ConditionalAffine {
  Tensor mean;           // [degree + 1, width], coefficients of c^0, c^1, ...
  Tensor log_deviation;  // [degree + 1, width]
  bool inverse = false;  // true: y = (x - mu) / sigma, the standardising direction
};

// y [events, width]; `saved` receives what multiplies x: sigma, or 1 / sigma in the inverse direction, [events, width].
void forward(const ConditionalAffine&, const Tensor& x, const Tensor& c, Tensor& y, std::vector<Tensor>& saved,
             int threads);
// Null pointers are not wanted.
void backward(const ConditionalAffine&, const Tensor& x, const Tensor& c, const Tensor& y,
              const std::vector<Tensor>& saved, const Tensor& dy, Tensor* dx, Tensor* dc, int threads);

// One of its polynomials at c, in double.
double polynomial(const Tensor& coefficients, int column, double c);

}  // namespace quench
