// Spectral normalisation (Miyato et al. 2018): the critic runs with W / sigma(W) in place of every Linear's W.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/model/model.h"

namespace quench {

// One unit vector u [1, outputs] for every Linear in order, close to the first left singular vector: drawn from the
// stream `seed`, then 20 power iterations.
std::vector<Tensor> start_spectral(const Model&, std::uint64_t seed);

// Reused from call to call; after the first call nothing is allocated.
struct SpectralSpace {
  Model normalised;              // W / sigma in place of W; everything else as it is
  std::vector<Tensor> v;         // [1, inputs] of every Linear
  std::vector<double> sigma;     // of every Linear
  Tensor product;                // [1, outputs]: W v
  std::vector<double> row_sums;  // of the gradient's projection
};

// One power iteration for every Linear: v = W^T u / |W^T u|, u = W v / |W v|. Then as refresh().
void iterate_spectral(const Model&, std::vector<Tensor>& u, SpectralSpace&, int threads = 1);

// space.normalised with sigma = u^T W v for the u and v at hand: after a step of the weights.
void refresh_spectral(const Model&, const std::vector<Tensor>& u, SpectralSpace&, int threads = 1);

// Turns d loss / d (W / sigma) into d loss / d W, u and v fixed: with V = W / sigma and G the gradient,
// (G - (sum of G o V) u v^T) / sigma.
void spectral_gradient(const std::vector<Tensor>& u, SpectralSpace&, Model& gradient, int threads = 1);

}  // namespace quench
