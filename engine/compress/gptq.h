// Rounding of a Linear's weights one column after the other, while the columns to come make up for the error.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/compress/layer_walk.h"

namespace quench {

// GPTQ (Frantar et al. 2022): weights on the grid of `codes`, chosen for the outputs on x [events, inputs], what the
// layer really reads. Zeros stay; a row with zeros is solved on its other columns alone, so that pruning with
// prune_obc() or refitted() followed by this is one joint problem for the given zeros.
Linear gptq(const Linear&, const LayerCodes& codes, const Tensor& x, int threads);

}  // namespace quench
