// The deployable model: from latent and incident energy to voxel energies in MeV.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/model/model.h"
#include "engine/train/preprocess.h"

namespace quench {

// A trained generator (latent, incident_energy -> standardised numbers) followed by conditional_affine, stick_breaking
// and threshold; the output is named "voxels" (MeV).
Model deploy(const Model& generator, const Preprocessing&);

// The preprocessing with the standardisation, condition and split of a deployed model, so that a student's numbers mean
// what its teacher's do. Fails when the teacher makes showers of another geometry.
Preprocessing as_deployed(Preprocessing, const Model& teacher);

// The same network up to the input of the ConditionalAffine node: standardised numbers, where losses and ranges are
// compared. All inputs are kept, in order. Fails when there is not exactly one such node.
Model generator_core(const Model& deployed);

// Puts the core's trained layers back (nodes of the same names).
Model with_core(Model deployed, const Model& core);

}  // namespace quench
