// Distances of two sets of feature vectors: the Frechet and the kernel physics distance, as JetNet computes them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/physics/feature_vectors.h"
#include "engine/tensor/symmetric.h"

namespace quench {

// A value and its standard error.
struct Estimate {
  double value = 0, error = 0;
};

struct NormalMoments {
  std::vector<double> mean;  // [features]
  SquareMatrix covariance;   // of the sample: divided by N - 1
};

// |m1 - m2|^2 + Tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two normal distributions, not below 0; covariances may be singular.
double frechet_distance(const NormalMoments&, const NormalMoments&);

// value = a + b x with a, b >= 0 by least squares: a, with its error from the residuals of the 3 points or more.
Estimate intercept_of_line(const std::vector<double>& x, const std::vector<double>& value);

// Events that either sample must hold for a distance of vectors of so many features: their covariance needs as many
// again as it has rows.
inline int events_needed(int features) { return 2 * features; }

// Both samples divided by max |reference| of each feature (0: 1) first, and drawn with replacement, by the seed alone.
// Kansal et al. 2023 (arXiv:2211.10295). Both fail for fewer than events_needed(). Threads change no bit.
//
// Frechet physics distance: mean Frechet distance of 20 pairs of draws of N, for ten N between 10 000 and 50 000
// equally spaced in 1/N; the intercept of the line in 1/N.
Estimate frechet_physics_distance(const FeatureVectors& reference, const FeatureVectors& candidate, std::uint64_t seed,
                                  int threads = 1);

// Kernel physics distance: median over ten pairs of draws of 10 000 of the unbiased squared MMD with the kernel
// (x y / features + 1)^4; error: half of what lies between the 16.275 and 83.725 % quantiles. It may be negative.
Estimate kernel_physics_distance(const FeatureVectors& reference, const FeatureVectors& candidate, std::uint64_t seed,
                                 int threads = 1);

// How often each vector of a sample was drawn: [rows], all together m.
using Multiplicities = std::vector<std::int32_t>;

// Unbiased squared MMD of two draws, each of at least 2 vectors:
//   sum_{i != j} k(x_i, x_j) / m(m - 1) + the same of y - 2 mean k(x_i, y_j), k(x, y) = (x y / features + 1)^4.
double squared_mmd(const FeatureVectors& x, const Multiplicities& of_x, const FeatureVectors& y,
                   const Multiplicities& of_y, int threads = 1);

}  // namespace quench
