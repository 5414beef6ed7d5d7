// The deployable model: from latent and incident energy to voxel energies in MeV.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>

#include "engine/model/model.h"
#include "engine/train/preprocess.h"

namespace quench {

// A trained generator followed by what makes voxel energies of its outputs: conditional_affine and stick_breaking after
// standardised numbers, nothing after a SoftmaxSplit, whose outputs they are; then threshold. Inputs are latent and
// incident_energy, the output is named "voxels" (MeV).
Model deploy(const Model& generator, const Preprocessing&);

// The preprocessing with the standardisation, condition and split of a deployed model, so that a student's numbers mean
// what its teacher's do. Fails when the teacher makes showers of another geometry, or ends in softmax heads, which have
// no such numbers.
Preprocessing as_deployed(Preprocessing, const Model& teacher);

// The layer behind the trained network: the ConditionalAffine that ends standardisation, or a SoftmaxSplit.
bool ends_core(const Node&);

// The SoftmaxSplit behind the core of a deployed model, which then gives logits; none behind standardised numbers.
std::optional<SoftmaxSplit> softmax_heads(const Model& deployed);

// The same network up to the input of that layer: standardised numbers or logits, where losses and ranges are compared.
// All inputs are kept, in order. Fails when there is not exactly one such layer.
Model generator_core(const Model& deployed);

// Puts the core's trained layers back (nodes of the same names).
Model with_core(Model deployed, const Model& core);

}  // namespace quench
