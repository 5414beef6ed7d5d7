// Constants of materials and their combination into a medium.
// SPDX-License-Identifier: MIT
#include "engine/physics/material.h"

#include <cmath>

#include "engine/core/error.h"

namespace quench {
namespace {

constexpr double kScaleEnergyMev = 21.2;  // E_s = m_e c^2 sqrt(4 pi / alpha)

}  // namespace

Material material(const std::string& name) {
  if (name == "PbWO4") return {68.36, 170.87, 7.39, 8.28};
  if (name == "NaI") return {46.557, 110.96, 9.49, 3.667};
  if (name == "W") return {74, 183.84, 6.76, 19.30};
  if (name == "Pb") return {82, 207.2, 6.37, 11.35};
  if (name == "LAr") return {18, 39.948, 19.55, 1.396};
  if (name == "Si") return {14, 28.0855, 21.82, 2.329};
  fail("material ", name, ": not known; there are PbWO4, NaI, W, Si, Pb and LAr");
}

double critical_energy_mev(const Material& m) { return 2.66 * std::pow(m.x0_g_per_cm2 * m.z / m.a, 1.1); }

Medium homogeneous_medium(const Material& m, double resolution) {
  Medium medium;
  medium.z = m.z;
  medium.x0_mm = m.x0_mm();
  medium.critical_mev = critical_energy_mev(m);
  medium.moliere_mm = medium.x0_mm * kScaleEnergyMev / medium.critical_mev;
  medium.resolution = resolution;
  return medium;
}

// Mass fractions w go with X0 in g/cm^2 throughout.
Medium sampling_medium(const Material& absorber, double absorber_mm, const Material& active, double active_mm,
                       double resolution) {
  const double mass_absorber = absorber_mm * absorber.density_g_per_cm3,
               mass_active = active_mm * active.density_g_per_cm3;
  const double w0 = mass_absorber / (mass_absorber + mass_active), w1 = 1 - w0;
  const double density = (mass_absorber + mass_active) / (absorber_mm + active_mm);
  const double x0 = 1 / (w0 / absorber.x0_g_per_cm2 + w1 / active.x0_g_per_cm2);  // g/cm^2
  const double losses = w0 * critical_energy_mev(absorber) / absorber.x0_g_per_cm2 +
                        w1 * critical_energy_mev(active) / active.x0_g_per_cm2;  // MeV cm^2/g
  Medium medium;
  medium.z = w0 * absorber.z + w1 * active.z;
  medium.x0_mm = 10 * x0 / density;
  medium.critical_mev = x0 * losses;
  medium.moliere_mm = 10 * kScaleEnergyMev / losses / density;
  medium.sampling = true;
  medium.frequency = medium.x0_mm / (absorber_mm + active_mm);
  medium.e_hat = 1 / (1 + 0.007 * (absorber.z - active.z));
  medium.resolution = resolution;
  return medium;
}

Medium medium(const std::string& name) {
  if (name == "PbWO4" || name == "NaI") return homogeneous_medium(material(name));
  if (name == "W/Si") return sampling_medium(material("W"), 1.4, material("Si"), 0.3, 0.17);
  if (name == "Pb/LAr") return sampling_medium(material("Pb"), 1.53, material("LAr"), 4.2, 0.10);
  fail("medium ", name, ": not known; there are PbWO4, NaI (homogeneous), W/Si and Pb/LAr (sampling)");
}

}  // namespace quench
