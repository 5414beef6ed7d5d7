// Media and shower laws against the computed check values of the GFlash notes.
// SPDX-License-Identifier: MIT
#include "engine/physics/shower_law.h"

#include "engine/physics/random.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

doctest::Approx six(double v) { return doctest::Approx(v).epsilon(2e-6); }

}  // namespace

TEST_CASE("NaI: medium and laws at 2 GeV") {
  const Medium m = medium("NaI");
  CHECK(m.critical_mev == doctest::Approx(12.161).epsilon(1e-4));
  CHECK(m.moliere_mm == doctest::Approx(45.114).epsilon(1e-4));
  CHECK(m.x0_mm == doctest::Approx(25.879).epsilon(1e-4));
  const ShowerLaw law = shower_law(m, 2);
  CHECK(law.ln_y == six(5.102653));
  CHECK(law.mean_ln_t == six(1.456439));
  CHECK(law.sigma_ln_t == six(0.198833));
  CHECK(law.mean_ln_a == six(1.222218));
  CHECK(law.sigma_ln_a == six(0.262586));
  CHECK(law.correlation == six(0.587639));
  CHECK(law.spots == six(655.531));
  const LongitudinalProfile p = longitudinal_profile(m, law, 0, 0);
  CHECK(p.b == six(0.558123));
  CHECK(p.a / p.b == six(6.082374));
  CHECK(p.spot_t == six(3.418369));
  CHECK(p.spot_a == six(2.697101));
  CHECK(p.spot_b == six(0.496465));
  CHECK(gamma_p(p.a, 5 * p.b) == six(0.434517));
  CHECK(gamma_p(p.a, 10 * p.b) == six(0.879553));
  CHECK(gamma_p(p.a, 20 * p.b) == six(0.998079));
  // tau = t/<t> abar/(abar - 1) is 1 at the maximum of the median shower
  CHECK(p.tau_per_depth * p.t == six(1));
  const LongitudinalProfile mean = mean_profile(m, 2);
  CHECK(mean.t == six(4.244653));
  CHECK(mean.a == six(2.981352));
  CHECK(mean.tau_per_depth * mean.t == six(1));
  // One standard deviation each: ln T and ln a move by sigma c+ and +-sigma c-, c+ = .890965, c- = .454071
  const LongitudinalProfile q = longitudinal_profile(m, law, 1, 0), s = longitudinal_profile(m, law, 0, 1);
  CHECK(std::log(q.t) == six(1.456439 + 0.198833 * 0.890965));
  CHECK(std::log(q.a) == six(1.222218 + 0.262586 * 0.890965));
  CHECK(std::log(s.t) == six(1.456439 + 0.198833 * 0.454071));
  CHECK(std::log(s.a) == six(1.222218 - 0.262586 * 0.454071));
}

TEST_CASE("NaI: radial profile at 2 GeV") {
  const Medium m = medium("NaI");
  const double ln_e = std::log(2.0);
  const double expected[3][4] = {
      {0.5, 0.076542, 1.236913, 0.952117}, {1, 0.125773, 0.796551, 0.886167}, {2, 0.224235, 0.886498, 0.578929}};
  for (const auto& [tau, core, tail, fraction] : expected) {
    const RadialProfile r = radial_profile(m, ln_e, tau);
    CHECK(r.core == doctest::Approx(core).epsilon(1e-5));
    CHECK(r.tail == doctest::Approx(tail).epsilon(1e-5));
    CHECK(r.core_fraction == doctest::Approx(fraction).epsilon(1e-5));
  }
  // Half of each component lies inside its own R.
  CHECK(radial_fraction({0.1, 5, 1}, 0.1) == doctest::Approx(0.5));
  CHECK(radial_fraction({0.1, 5, 0}, 5) == doctest::Approx(0.5));
  CHECK(radial_fraction({0.1, 5, 0.3}, 0) == 0);
}

TEST_CASE("PbWO4") {
  const Medium m = medium("PbWO4");
  CHECK(m.x0_mm == doctest::Approx(8.925).epsilon(1e-4));
  CHECK(m.critical_mev == doctest::Approx(8.765).epsilon(1e-4));
  CHECK(m.moliere_mm == doctest::Approx(21.59).epsilon(3e-4));
}

TEST_CASE("W/Si: sampling medium and laws at 10 GeV") {
  const Medium m = medium("W/Si");
  CHECK(m.x0_mm == doctest::Approx(4.2193).epsilon(2e-5));
  CHECK(m.z == doctest::Approx(72.488).epsilon(2e-5));
  CHECK(m.critical_mev == doctest::Approx(8.2284).epsilon(2e-5));
  CHECK(m.moliere_mm == doctest::Approx(10.871).epsilon(5e-5));
  CHECK(m.frequency == doctest::Approx(2.4820).epsilon(2e-5));
  CHECK(m.e_hat == doctest::Approx(0.70423).epsilon(1e-5));
  const ShowerLaw law = shower_law(m, 10);
  CHECK(law.ln_y == six(7.102747));
  CHECK(std::exp(law.mean_ln_t) == six(5.865064));
  CHECK(std::exp(law.mean_ln_a) == six(4.092723));
  CHECK(law.sigma_ln_t == six(0.156778));
  CHECK(law.sigma_ln_a == six(0.208717));
  CHECK(law.correlation == six(0.620637));
  CHECK(law.spots == doctest::Approx(10.3 / 0.17 * std::pow(10, 0.959)).epsilon(1e-9));
  const double expected[3][4] = {
      {0.5, 0.080434, 0.878129, 0.986061}, {1, 0.120908, 0.570030, 0.905208}, {2, 0.205770, 0.750946, 0.619677}};
  for (const auto& [tau, core, tail, fraction] : expected) {
    const RadialProfile r = radial_profile(m, std::log(10.0), tau);
    CHECK(r.core == doctest::Approx(core).epsilon(1e-5));
    CHECK(r.tail == doctest::Approx(tail).epsilon(1e-5));
    CHECK(r.core_fraction == doctest::Approx(fraction).epsilon(1e-5));
  }
}

TEST_CASE("Pb/LAr: the mixture by hand") {
  const Medium m = medium("Pb/LAr");
  CHECK(m.x0_mm == doctest::Approx(18.9355).epsilon(1e-4));
  CHECK(m.critical_mev == doctest::Approx(9.5130).epsilon(1e-4));
  CHECK(m.moliere_mm == doctest::Approx(42.199).epsilon(1e-4));
}

TEST_CASE("guards: everything stays finite far below their range") {
  for (const char* name : {"NaI", "PbWO4", "W/Si", "Pb/LAr"}) {
    const Medium m = medium(name);
    for (double energy : {1e-3, 0.005, 0.0088, 0.01, 0.017, 0.024, 0.05, 0.1, 10000.0}) {
      const ShowerLaw law = shower_law(m, energy);
      CHECK(law.sigma_ln_t > 0);
      CHECK(law.sigma_ln_t <= 0.5);
      CHECK(law.sigma_ln_a > 0);
      CHECK(law.sigma_ln_a <= 0.5);
      CHECK(std::fabs(law.correlation) <= 1);
      for (double g : {-4.0, 0.0, 4.0}) {
        const LongitudinalProfile p = longitudinal_profile(m, law, g, -g);
        CHECK(p.t >= 1);
        CHECK(p.a >= 1.1);
        CHECK(p.spot_t >= 0.5);
        CHECK(p.spot_a >= 1.05);
        CHECK(p.tau_per_depth > 0);
        for (double t : {0.05, 1.0, 30.0}) {
          const RadialProfile r = radial_profile(m, law.ln_energy, p.tau_per_depth * t);
          CHECK(r.core > 0);
          CHECK(r.tail > 0);
          CHECK(std::isfinite(r.tail));
          CHECK(r.core_fraction >= 0);
          CHECK(r.core_fraction <= 1);
        }
      }
    }
  }
}

TEST_CASE("unknown names") {
  CHECK(has(message([] { medium("Pb"); }), "medium Pb: not known; there are PbWO4, NaI"));
  CHECK(has(message([] { material("Fe"); }), "material Fe: not known"));
}
