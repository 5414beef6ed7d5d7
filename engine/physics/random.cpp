// Samplers and the gamma functions, written with the engine's own exp and log, so that no mathematics library matters.
// SPDX-License-Identifier: MIT
#include "engine/physics/random.h"

#include <algorithm>
#include <cmath>

#include "engine/core/math.h"

namespace quench {
namespace {

// P(a, x) = x^a e^-x / Gamma(a + 1) (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...), for x < a + 1.
double series(double a, double x) {
  double term = 1, sum = 1;
  for (int k = 1; k < 1000 && term > 1e-17 * sum; ++k) {
    term *= x / (a + k);
    sum += term;
  }
  return sum * exp(a * log(x) - x - ln_gamma(a + 1));
}

// Q(a, x) = 1 - P(a, x) as a continued fraction (modified Lentz), for x >= a + 1.
double fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, h = d;
  for (int k = 1; k < 1000; ++k) {
    const double numerator = -k * (k - a);
    b += 2;
    d = numerator * d + b;
    if (std::fabs(d) < kTiny) d = kTiny;
    c = b + numerator / c;
    if (std::fabs(c) < kTiny) c = kTiny;
    d = 1 / d;
    const double factor = d * c;
    h *= factor;
    if (std::fabs(factor - 1) < 1e-16) break;
  }
  return h * exp(a * log(x) - x - ln_gamma(a));
}

// Adds up the probabilities from 0 on; about n p steps. Exact up to rounding while (1 - p)^n does not underflow (n p <
// 10).
int binomial_inversion(Random& g, int n, double p) {
  const double odds = p / (1 - p);
  double start = 1, power = 1 - p;  // (1 - p)^n by squaring
  for (int bits = n; bits > 0; bits >>= 1) {
    if (bits & 1) start *= power;
    power *= power;
  }
  for (;;) {
    double u = uniform(g), probability = start;
    for (int k = 0; k <= n; ++k) {
      if (u < probability) return k;
      u -= probability;
      probability *= odds * (n - k) / (k + 1);
    }  // rounding may leave u above the sum: draw again
  }
}

// Hoermann, "The generation of binomial random variates" (1993), algorithm BTRS; p <= 1/2, n p >= 10.
int binomial_rejection(Random& g, int n, double p) {
  const double q = 1 - p, spread = std::sqrt(n * p * q);
  const double b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5;
  const double inside = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * spread;
  const double mode = std::floor((n + 1) * p);
  for (;;) {
    double v = uniform(g);
    const double u = uniform(g) - 0.5, edge = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / edge + b) * u + c);
    if (edge >= 0.07 && v <= inside) return static_cast<int>(k);
    if (k < 0 || k > n) continue;
    v *= alpha / (a / (edge * edge) + b);
    const double ratio = ln_gamma(mode + 1) + ln_gamma(n - mode + 1) - ln_gamma(k + 1) - ln_gamma(n - k + 1);
    if (log(v) <= ratio + (k - mode) * log(p / q)) return static_cast<int>(k);
  }
}

}  // namespace

Random::Random(std::uint64_t seed, std::uint64_t index, std::uint32_t lane) {
  const std::uint32_t event[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                  static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
  state = noise_state(event, lane);
}

double uniform(Random& g) {
  const std::uint64_t high = next(g.state), low = next(g.state);
  return (static_cast<double>((high << 20) | (low >> 12)) + 0.5) * 0x1p-52;
}

double normal(Random& g) {
  for (;;) {
    const double u = 2 * uniform(g) - 1, v = 2 * uniform(g) - 1, s = u * u + v * v;
    if (s < 1 && s > 0) return u * std::sqrt(-2 * log(s) / s);
  }
}

double normal_below(Random& g, double bound) {
  if (bound > -0.5)
    for (;;) {
      const double x = normal(g);
      if (x < bound) return x;
    }
  const double rate = 0.5 * (-bound + std::sqrt(bound * bound + 4));
  for (;;) {
    const double x = -bound - log(uniform(g)) / rate;
    if (!(-2 * log(uniform(g)) < (x - rate) * (x - rate))) return -x;  // a bound that is no number gives none
  }
}

double gamma(Random& g, double shape) {
  if (shape < 1) {
    const double larger = gamma(g, shape + 1);
    return larger * exp(log(uniform(g)) / shape);
  }
  const double d = shape - 1.0 / 3.0, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal(g), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, u = uniform(g);
    if (u < 1 - 0.0331 * (x * x) * (x * x) || log(u) < 0.5 * x * x + d * (1 - v + log(v))) return d * v;
  }
}

int binomial(Random& g, int n, double p) {
  if (n <= 0 || !(p > 0)) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(g, n, 1 - p);
  return n * p < 10 ? binomial_inversion(g, n, p) : binomial_rejection(g, n, p);
}

double ln_gamma(double x) {
  double product = 1;
  for (; x < 10; x += 1) product *= x;  // Gamma(x + 1) = x Gamma(x)
  const double i = 1 / x, i2 = i * i;
  const double stirling =
      i *
      (1.0 / 12 - i2 * (1.0 / 360 - i2 * (1.0 / 1260 - i2 * (1.0 / 1680 - i2 * (1.0 / 1188 - i2 * (691.0 / 360360))))));
  constexpr double kHalfLnTwoPi = 0.91893853320467274178;
  return (x - 0.5) * log(x) - x + kHalfLnTwoPi + stirling - log(product);
}

double ln_normal_below(double x) {
  if (x > 0) return log(0.5 * (1 + gamma_p(0.5, 0.5 * x * x)));
  const double half_square = 0.5 * std::min(x * x, 37.0 * 37.0);
  return log(0.5 * (half_square < 1.5 ? 1 - series(0.5, half_square) : fraction(0.5, half_square)));
}

double gamma_p(double a, double x) {
  if (x <= 0) return 0;
  return x < a + 1 ? series(a, x) : 1 - fraction(a, x);
}

}  // namespace quench
