// Mean and deviation of columns as functions of a condition.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/ops/conditional_affine.h"

namespace quench {

// mu and sigma of every column of `values` [events, width] as functions of c [events, 1].
ConditionalAffine fit_conditional(const Tensor& values, const Tensor& c, int degree, int threads = 1);

}  // namespace quench
