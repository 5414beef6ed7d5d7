// The layers of flows as ONNX functions: couplings, ActNorm, Asinh, NormalDensity.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <string>

#include "engine/model/onnx_body.h"
#include "engine/ops/coupling.h"

namespace quench::onnx {

// What one name says: the base, which direction, and where the log-determinant stands. A function has no branches, so
// each combination is a function of its own: "AffineCouplingInverse", "ActNormTracked" ...
struct FlowFunction {
  std::string base;  // AdditiveCoupling, AffineCoupling, SplineCoupling, ActNorm, Asinh, NormalDensity
  bool inverse = false;
  bool track = false;    // the result has the log-determinant as its last column,
  bool carried = false;  // and so has x
};

std::string flow_name(const FlowFunction&);
std::optional<FlowFunction> flow_function(const std::string& name);  // none: not a flow's
Body flow_body(const FlowFunction&);

// Constants of a Coupling. order: of the columns [x, moved columns, log-determinant] those of the result.
Ints coupling_order(const Coupling&, bool carried);
// How a spline's parameters are cut: [0 (all events), columns, 3 bins - 1] and the parts of the last axis.
Ints spline_shape(const Coupling&);
Ints spline_parts(const Coupling&);

}  // namespace quench::onnx
