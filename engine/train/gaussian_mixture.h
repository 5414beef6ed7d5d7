// Gaussian mixtures with full covariances: the classical density that a flow of a table must beat.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

struct GaussianComponent {
  double log_weight = 0;
  std::vector<double> mean;    // [width]
  std::vector<double> factor;  // [width, width], lower triangular L of the covariance L L^T
};

struct GaussianMixture {
  int width = 0;
  std::vector<GaussianComponent> components;
};

struct MixtureSettings {
  std::uint64_t seed = 1;
  int components = 10;
  int starts = 5;                // fits from different centres
  int iterations = 500;          // of a fit, at most
  double tolerance = 1e-5;       // nats a row: a fit ends when an iteration gains less
  double regularisation = 1e-6;  // of each column's variance, added to every covariance's diagonal
};

// Maximum likelihood in closed form: mean and covariance (divided by the number of rows), with the same regularisation.
// Fails for fewer than two rows and for a column that is constant.
GaussianMixture fit_gaussian(const Tensor& rows, double regularisation = 1e-6);

// Expectation maximisation (Dempster et al. 1977) on standardised columns from k-means++ centres (Arthur and
// Vassilvitskii 2007) and a few steps of k-means; of all starts the fit with the highest mean log density of
// `validation` is kept. The same bytes for any number of threads.
GaussianMixture fit_mixture(const Tensor& rows, const Tensor& validation, const MixtureSettings&, int threads = 1);

// ln p of every row, nats.
std::vector<double> log_densities(const GaussianMixture&, const Tensor& rows, int threads = 1);

}  // namespace quench
