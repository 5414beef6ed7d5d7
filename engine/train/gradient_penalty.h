// Penalties on the slope of the critic's score, and their second-order gradients.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace quench {

// With g = d score / d features, the vector that the critic's first Linear reads (what stands before is fixed and not
// differentiated):
//   wgan_gp  mean of (|g| - 1)^2 at points between real and generated features (Gulrajani et al. 2017)
//   r1       mean of |g|^2 / 2 at real features (Mescheder et al. 2018)
enum class Penalty { none, wgan_gp, r1 };

// "none", "wgan-gp" or "r1"; fails for any other name.
Penalty penalty_named(const std::string& name);

// Index of the critic's first Linear. From there on the critic must be a chain of Linear, Relu and LeakyRelu that ends
// in one score; fails with the name of the first node that is not.
std::size_t penalised_chain(const Model& critic);

// Reused from call to call; after the first call nothing is allocated.
struct PenaltySpace {
  std::vector<Tensor> value;  // [events, width] before each node of the chain, and after the last
  std::vector<Tensor> slope;  // d score / d value
  Tensor pushed[2];           // d penalty / d slope on its way up the chain
};

// Row i = u_i real_i + (1 - u_i) fake_i for features [2 n, width] whose first n rows are real, u_i uniform from the
// stream `seed`, index first + i.
void between(const Tensor& features, std::uint64_t seed, std::uint64_t first, Tensor& points);

// weight * mean penalty over the points [events, features]; adds its derivative to the gradient's weights. Biases only
// move the kinks, so they have none.
double gradient_penalty(const Model& critic, Penalty, double weight, const Tensor& points, Model& gradient,
                        PenaltySpace&, int threads = 1);

}  // namespace quench
