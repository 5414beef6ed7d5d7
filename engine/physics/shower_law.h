// The GFlash laws of electromagnetic showers: longitudinal and radial profiles and their fluctuations (hep-ex/0001020).
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/physics/material.h"

namespace quench {

// Distribution of the longitudinal profile of one electron's showers; ln E is of GeV, y = E / E_c.
struct ShowerLaw {
  double ln_energy = 0, ln_y = 0;
  double mean_ln_t = 0, sigma_ln_t = 0;  // T: depth of the maximum, X0
  double mean_ln_a = 0, sigma_ln_a = 0;  // a: shape
  double correlation = 0;                // of ln T and ln a
  double spots = 0;                      // total number of equal energy spots
};

// Gamma profile f(t) = (b t)^(a-1) b e^(-b t) / Gamma(a), t in X0 from the start of the shower; T = (a - 1)/b.
struct LongitudinalProfile {
  double t = 0, a = 0, b = 0;                 // of the energy
  double spot_t = 0, spot_a = 0, spot_b = 0;  // of the spots
  double tau_per_depth = 0;                   // tau = tau_per_depth t, the scaled depth of the radial profile
};

// f(r) = p 2 r Rc^2/(r^2 + Rc^2)^2 + (1 - p) 2 r Rt^2/(r^2 + Rt^2)^2, r in Moliere radii.
struct RadialProfile {
  double core = 0, tail = 0, core_fraction = 0;  // Rc, Rt, p
};

// Guards keep low energies (below about 0.3 GeV) finite: sigma <= 1/2, T >= 1, a >= 1.1, T_s >= 1/2, a_s >= 1.05.
ShowerLaw shower_law(const Medium&, double energy_gev);

// One shower's profile from two independent standard normal numbers; (0, 0) is the median one.
LongitudinalProfile longitudinal_profile(const Medium&, const ShowerLaw&, double g1, double g2);

// The profile of the mean shower (homogeneous media), tau = t / T.
LongitudinalProfile mean_profile(const Medium&, double energy_gev);

RadialProfile radial_profile(const Medium&, double ln_energy, double tau);

double radial_fraction(const RadialProfile&, double r);  // energy fraction inside r Moliere radii

}  // namespace quench
