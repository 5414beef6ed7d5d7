// Random programs with every kind of layer, for conformance tests on every machine.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/model/program.h"

namespace quench {

// A shower program with all layers: noise, condition, concatenation, linear layers (dense to empty rows, ReLU and
// LeakyReLU, classes wide, narrow and shift), tables of both forms, curves, multiply, add, fraction, split,
// threshold, permute, clamp, softmax, and couplings in wide codes.
Program random_program(std::uint64_t seed);

// A generator `latent + condition -> hidden ... -> voxels` whose voxels are fractions of the energy.
Program random_generator(std::uint64_t seed, int latent, const std::vector<int>& hidden, int voxels, double sparsity,
                         int weight_bits = 8);

}  // namespace quench
