// Terms that tie the batch moments of generated showers to those of real ones: energies and sparsity.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/model/forward.h"
#include "engine/train/preprocess.h"

namespace quench {

// Standardised numbers [events, voxels] and incident_energy [events, 1] -> quantities [events, 1 + layers + 1]:
//   ln(total / E), the stick-breaking number 0;
//   ln(layer / E) of every layer;
//   the fraction of voxels above the threshold, each counted by sigmoid(ln(voxel / threshold) / 0.2).
// Nothing in it is trained.
Model shower_quantities(const Preprocessing&);

// Appends whether each of these voxels, ln(voxel / MeV) [events, voxels], is above the threshold:
// sigmoid(ln(voxel / threshold) / softness), so that there is a way back.
Value append_occupancy(Model&, const Preprocessing&, Value log_voxels, Value condition, double softness);

struct MomentWeights {
  double total_energy = 0, layer_energy = 0, sparsity = 0;
};

inline bool any_weight(const MomentWeights& w) { return w.total_energy > 0 || w.layer_energy > 0 || w.sparsity > 0; }

// Mean and variance (the mean square deviation) of every column.
struct Moments {
  std::vector<double> mean, variance;
};
void batch_moments(const Tensor& x, Moments&);

// Of one column, with the real batch's mean m and variance v (and 1e-6, where nothing varies) as the units:
// (mean - m)^2 / v + (variance - v)^2 / v^2. The loss is the sum of the three groups' weights times the mean over their
// columns. Its gradient with respect to the generated quantities.
double moment_loss(const MomentWeights&, const Tensor& generated, const Moments& real, Tensor& gradient);

// Reused from call to call; after the first call nothing is allocated.
struct MomentSpace {
  Tape tape;
  Moments real;
  Tensor gradient;                     // of the quantities
  std::vector<Tensor> input_gradient;  // [0]: d loss / d generated standardised numbers
};

// The loss of generated numbers against real ones of the same energies (inputs as those of shower_quantities).
double moment_term(const Model& quantities, const MomentWeights&, const std::vector<Tensor>& real,
                   const std::vector<Tensor>& generated, MomentSpace&, int threads = 1);

// Variance of generated numbers over that of real ones, the mean over the columns in which the real ones vary: about 1
// for a good generator, 0 for one that has collapsed.
double diversity(const Tensor& generated, const Tensor& real);

}  // namespace quench
