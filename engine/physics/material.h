// Materials and the shower constants of a calorimeter's medium (Grindhammer and Peters, hep-ex/0001020).
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

namespace quench {

struct Material {
  double z = 0, a = 0;      // effective: means over the mass fractions
  double x0_g_per_cm2 = 0;  // radiation length
  double density_g_per_cm3 = 0;

  double x0_mm() const { return 10 * x0_g_per_cm2 / density_g_per_cm3; }
};

// "PbWO4", "NaI", "W", "Si", "Pb", "LAr".
Material material(const std::string& name);

// Critical energy 2.66 (X0 Z / A)^1.1, MeV, X0 in g/cm^2.
double critical_energy_mev(const Material&);

// What the shower laws need to know of a homogeneous block or of a stack of absorber and active plates.
struct Medium {
  double z = 0;  // effective
  double x0_mm = 0;
  double critical_mev = 0;
  double moliere_mm = 0;  // X0 21.2 MeV / E_c
  bool sampling = false;
  double frequency = 0;  // F_S: X0 / thickness of a plate pair
  double e_hat = 1;      // 1 / (1 + 0.007 (Z_absorber - Z_active))
  // Energies fluctuate with sigma(E) = c sqrt(E / GeV) GeV; 0: not at all.
  double resolution = 0;
};

Medium homogeneous_medium(const Material&, double resolution = 0.03);
Medium sampling_medium(const Material& absorber, double absorber_mm, const Material& active, double active_mm,
                       double resolution);

// "PbWO4", "NaI" (homogeneous, resolution 0.03), "W/Si" (1.4 mm W + 0.3 mm Si, resolution 0.17: our choice, none is
// published) or "Pb/LAr" (1.53 mm Pb + 4.2 mm LAr, resolution 0.10: flat plates for the accordion of ATLAS).
Medium medium(const std::string& name);

}  // namespace quench
