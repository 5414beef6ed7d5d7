// The GFlash formulas. Slope of k4: 0.0421, as in the paper.
// SPDX-License-Identifier: MIT
#include "engine/physics/shower_law.h"

#include <algorithm>
#include <cmath>

#include "engine/core/math.h"

namespace quench {
namespace {

double guarded_log(double x) { return log(std::max(0.1, x)); }

// 1 / denominator, at most 1/2; also where the denominator is 0 or negative.
double guarded_sigma(double denominator) { return 1 / std::max(2.0, denominator); }

float float_exp(double x) { return exp(static_cast<float>(x)); }  // relative error 2e-7 is plenty for radii

void set_spots(const Medium& m, LongitudinalProfile& p) {
  const double t_factor = m.sampling ? 0.813 + 0.0019 * m.z : 0.698 + 0.00212 * m.z;
  const double a_factor = m.sampling ? 0.844 + 0.0026 * m.z : 0.639 + 0.00334 * m.z;
  p.spot_t = std::max(0.5, p.t * t_factor);
  p.spot_a = std::max(1.05, p.a * a_factor);
  p.spot_b = (p.spot_a - 1) / p.spot_t;
}

}  // namespace

ShowerLaw shower_law(const Medium& m, double energy_gev) {
  ShowerLaw law;
  law.ln_energy = log(energy_gev);
  law.ln_y = log(1000 * energy_gev / m.critical_mev);
  law.mean_ln_t = guarded_log(law.ln_y - 0.812);
  law.mean_ln_a = guarded_log(0.81 + (0.458 + 2.26 / m.z) * law.ln_y);
  if (m.sampling) {
    const double t = exp(law.mean_ln_t) - 0.55 / m.frequency - 0.69 * (1 - m.e_hat);
    const double a = exp(law.mean_ln_a) - 0.476 / m.frequency;
    law.mean_ln_t = std::max(0.1, guarded_log(t));
    law.mean_ln_a = std::max(0.1, guarded_log(a));
  }
  law.sigma_ln_t = guarded_sigma(m.sampling ? -2.5 + 1.25 * law.ln_y : -1.4 + 1.26 * law.ln_y);
  law.sigma_ln_a = guarded_sigma(m.sampling ? -0.82 + 0.79 * law.ln_y : -0.58 + 0.86 * law.ln_y);
  law.correlation = std::min(1.0, std::max(-1.0, (m.sampling ? 0.784 : 0.705) - 0.023 * law.ln_y));
  const double slope = m.sampling ? 0.959 : 0.876;
  law.spots = (m.sampling ? 10.3 / m.resolution : 93 * log(m.z)) * exp(slope * law.ln_energy);
  return law;
}

LongitudinalProfile longitudinal_profile(const Medium& m, const ShowerLaw& law, double g1, double g2) {
  const double plus = std::sqrt((1 + law.correlation) / 2), minus = std::sqrt((1 - law.correlation) / 2);
  LongitudinalProfile p;
  p.t = std::max(1.0, exp(law.mean_ln_t + law.sigma_ln_t * (plus * g1 + minus * g2)));
  p.a = std::max(1.1, exp(law.mean_ln_a + law.sigma_ln_a * (plus * g1 - minus * g2)));
  p.b = (p.a - 1) / p.t;
  const double median_a = std::max(1.1, exp(law.mean_ln_a));
  p.tau_per_depth = p.b / p.a * median_a / (median_a - 1);
  set_spots(m, p);
  return p;
}

LongitudinalProfile mean_profile(const Medium& m, double energy_gev) {
  const double ln_y = log(1000 * energy_gev / m.critical_mev);
  LongitudinalProfile p;
  p.t = std::max(1.0, ln_y - 0.858);
  p.a = std::max(1.1, 0.21 + (0.492 + 2.38 / m.z) * ln_y);
  p.b = (p.a - 1) / p.t;
  p.tau_per_depth = 1 / p.t;
  set_spots(m, p);
  return p;
}

RadialProfile radial_profile(const Medium& m, double ln_energy, double tau) {
  const double k1 = 0.659 - 0.00309 * m.z, k2 = 0.645, k3 = -2.59, k4 = 0.3585 + 0.0421 * ln_energy;
  const double p1 = 2.632 - 0.00094 * m.z, p2 = 0.401 + 0.00187 * m.z, p3 = 1.313 - 0.0686 * ln_energy;
  const double s = (p2 - tau) / std::max(0.1, p3);
  RadialProfile r;
  r.core = 0.0251 + 0.00319 * ln_energy + (0.1162 - 0.000381 * m.z) * tau;
  r.tail = k1 * (float_exp(k3 * (tau - k2)) + float_exp(k4 * (tau - k2)));
  r.core_fraction = p1 * float_exp(s - float_exp(s));
  if (m.sampling) {
    const double decay = float_exp(-tau), lost = 1 - m.e_hat;
    r.core += -0.0203 * lost + 0.0397 * decay / m.frequency;
    r.tail += -0.14 * lost - 0.495 * decay / m.frequency;
    r.core_fraction += lost * (0.348 - 0.642 * float_exp(-(tau - 1) * (tau - 1)) / m.frequency);
  }
  r.core = std::max(1e-3, r.core);
  r.tail = std::max(1e-3, r.tail);
  r.core_fraction = std::min(1.0, std::max(0.0, r.core_fraction));
  return r;
}

double radial_fraction(const RadialProfile& p, double r) {
  const double r2 = r * r;
  return p.core_fraction * r2 / (r2 + p.core * p.core) + (1 - p.core_fraction) * r2 / (r2 + p.tail * p.tail);
}

}  // namespace quench
