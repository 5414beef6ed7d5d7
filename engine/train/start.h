// How networks begin: their layers' names and their first weights.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace quench {

inline std::string numbered(const char* name, std::size_t i) { return name + std::to_string(i + 1); }

Op activation(const std::string& name);  // relu or leaky-relu

// Hidden layers at the end of a model: PREFIXhiddenN, PREFIXnormN (with batch_norm), PREFIXactivationN.
Value append_hidden(Model&, Value, const std::vector<int>& widths, const Op& activation, bool batch_norm,
                    const std::string& prefix = "");

// Linear layers as PyTorch draws them: uniform on +-1 / sqrt(inputs), weights and biases alike, every element from its
// own lane of the layer's stream.
void draw_weights(Model&, std::uint64_t seed, std::uint64_t first_layer);

}  // namespace quench
