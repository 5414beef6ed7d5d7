// Coupling layers of normalizing flows: some columns are moved as the others, through a network, say.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

// additive: y = x + t (Dinh et al. 2015); affine: y = x exp(s) + t, s = 2 tanh(raw / 2) (Dinh et al. 2017);
// spline: rational quadratic on [-bound, bound], the identity outside (Durkan et al. 2019).
enum class CouplingKind { additive, affine, spline };

// Inputs x and the parameters [events, length * parameters_per_column]; output y: columns begin .. begin + length - 1
// of x are transformed, the others copied. A value that carries the log-determinant has it as one more column at its
// end: with `track`, y does, and x may (it counts as 0 where it is missing); without, neither does. The parameters must
// depend on nothing but the copied columns and a condition: then y -> x is the same layer with `inverse` turned.
struct Coupling {
  CouplingKind kind = CouplingKind::affine;
  int begin = 0, length = 0;
  int width = 0;  // of x and y without the log-determinant
  bool inverse = false, track = false;
  int bins = 8;        // splines only
  float bound = 5.0f;  // splines only
};

const char* coupling_name(CouplingKind);  // "additive", "affine", "spline"
CouplingKind coupling_from(const std::string& name);

// 1 for additive (all shifts), 2 for affine (all shifts, then all raw log-scales), 3 bins - 1 for splines (column after
// column: widths and heights before their softmax, slopes before their softplus).
int parameters_per_column(const Coupling&);
inline int output_width(const Coupling& op) { return op.width + (op.track ? 1 : 0); }

// `saved` receives what backward needs besides.
void forward(const Coupling&, const Tensor& x, const Tensor& parameters, Tensor& y, std::vector<Tensor>& saved,
             int threads);
// Writes dx and d_parameters together; either may be null.
void backward(const Coupling&, const Tensor& x, const Tensor& parameters, const Tensor& y,
              const std::vector<Tensor>& saved, const Tensor& dy, Tensor* dx, Tensor* d_parameters, int threads);

}  // namespace quench
