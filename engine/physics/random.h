// Exact samplers of common distributions on top of the counter-based noise; the same numbers on every machine.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/kernels/noise.h"

namespace quench {

// One stream: lane `lane` of event `index` of `seed`.
struct Random {
  Xoshiro128 state;

  Random(std::uint64_t seed, std::uint64_t index, std::uint32_t lane);
};

double uniform(Random&);  // (k + 1/2) 2^-52, k = 0 .. 2^52 - 1: never 0, never 1
double normal(Random&);   // mean 0, standard deviation 1: Marsaglia's polar method
// The same below `bound` alone: rejection, behind exponentials where little is below (Robert 1995).
double normal_below(Random&, double bound);
double gamma(Random&, double shape);     // scale 1, shape > 0: Marsaglia and Tsang 2000
int binomial(Random&, int n, double p);  // inversion for small n p, else Hoermann's BTRS (1993); p is clipped to [0, 1]

double ln_gamma(double x);           // ln Gamma(x), x > 0; error below 1e-13 (1 + |ln Gamma(x)|)
double ln_normal_below(double x);    // ln of the probability that a standard normal is below x; at least that of -37
double gamma_p(double a, double x);  // regularised lower incomplete gamma function P(a, x), a > 0

}  // namespace quench
