// The shower simulation against its own formulas, integrated independently, and against published and Geant4 numbers.
// SPDX-License-Identifier: MIT
#include "engine/physics/simulate.h"

#include <algorithm>

#include "engine/physics/random.h"
#include "engine/physics/shower_law.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

Simulation fixed(double gev, const std::string& particle = "electron", std::uint64_t seed = 1) {
  Simulation s;
  s.particle = particle;
  s.min_energy_gev = s.max_energy_gev = gev;
  s.seed = seed;
  return s;
}

// Expected mean energy fraction of rings x layers: the laws integrated over both normal numbers on a grid.
std::vector<double> expected_fractions(const Geometry& g, const Medium& m, double gev) {
  const ShowerLaw law = shower_law(m, gev);
  std::vector<double> fraction(static_cast<std::size_t>(g.voxels()));
  double weights = 0;
  for (double g1 = -5; g1 < 5.1; g1 += 0.5) {
    for (double g2 = -5; g2 < 5.1; g2 += 0.5) {
      const double weight = std::exp(-(g1 * g1 + g2 * g2) / 2);
      const LongitudinalProfile p = longitudinal_profile(m, law, g1, g2);
      weights += weight;
      std::size_t voxel = 0;
      for (const GeometryLayer& layer : g.layers) {
        const double begin = layer.z_begin / m.x0_mm, end = layer.z_end / m.x0_mm;
        const int steps = static_cast<int>(std::lround((end - begin) / 0.1));
        for (int k = 0; k < steps; ++k) {
          const double t0 = begin + 0.1 * k, t1 = t0 + 0.1;
          const double energy = gamma_p(p.a, p.b * t1) - gamma_p(p.a, p.b * t0);
          const RadialProfile r = radial_profile(m, law.ln_energy, p.tau_per_depth * (t0 + t1) / 2);
          for (std::size_t i = 0; i + 1 < layer.r_edges.size(); ++i)
            fraction[voxel + i] += weight * energy *
                                   (radial_fraction(r, layer.r_edges[i + 1] / m.moliere_mm) -
                                    radial_fraction(r, layer.r_edges[i] / m.moliere_mm));
        }
        voxel += layer.r.size();
      }
    }
  }
  for (double& f : fraction) f /= weights;
  return fraction;
}

struct NaiNumbers {
  Sum depth, square, centre;
  std::vector<Sum> layer = std::vector<Sum>(12);
};

// Of 12 layers of 13 x 13 cells (Geant4: 12 x 12): mean depth in layers, energy fractions of the central 3 x 3 towers,
// of the centre one, of layers.
NaiNumbers nai_numbers(const Events& e) {
  NaiNumbers n;
  for (int i = 0; i < e.size(); ++i) {
    double total = 0, depth = 0, square = 0, centre = 0;
    std::vector<double> layers(12);
    for (int v = 0; v < 12 * 169; ++v) {
      const double energy = static_cast<double>(e.showers.row(i)[v]);
      const int l = v / 169, y = v % 169 / 13, x = v % 13;
      total += energy;
      depth += (l + 0.5) * energy;
      layers[static_cast<std::size_t>(l)] += energy;
      if (std::abs(x - 6) <= 1 && std::abs(y - 6) <= 1) square += energy;
      if (x == 6 && y == 6) centre += energy;
    }
    n.depth.add(depth / total);
    n.square.add(square / total);
    n.centre.add(centre / total);
    for (std::size_t l = 0; l < 12; ++l) n.layer[l].add(layers[l] / total);
  }
  return n;
}

}  // namespace

TEST_CASE("mean profiles in rings are the integrals of the laws") {
  const Medium m = medium("PbWO4");
  Geometry g;
  g.name = "fine";
  for (int l = 0; l < 20; ++l) {
    GeometryLayer layer;
    layer.name = std::to_string(l);
    layer.z_begin = l * m.x0_mm;
    layer.z_end = (l + 1) * m.x0_mm;
    for (double r : {0.0, 0.1, 0.4, 1.5, 4.0}) layer.r_edges.push_back(r * m.moliere_mm);
    layer.r.assign(4, 0);
    g.layers.push_back(layer);
  }
  for (const double gev : {1.0, 20.0}) {
    Simulation s = fixed(gev);
    s.medium = "PbWO4";
    const Events e = simulate(g, s, 0, 3000, 2);
    const std::vector<double> expected = expected_fractions(g, m, gev);
    double pulls = 0, whole = 0;
    for (int v = 0; v < g.voxels(); ++v) {
      Sum sum;
      for (int i = 0; i < e.size(); ++i) sum.add(static_cast<double>(e.showers.row(i)[v]) / (1000 * gev));
      const double pull = (sum.mean() - expected[static_cast<std::size_t>(v)]) / sum.error();
      CHECK(std::fabs(pull) < 5);
      pulls += pull * pull / g.voxels();
      whole += expected[static_cast<std::size_t>(v)];
    }
    CHECK(pulls < 2.5);  // of 1; neighbouring voxels fluctuate together
    CHECK(whole > 0.9);
    CHECK(whole < 1);
  }
}

TEST_CASE("azimuthal bins: the same law thrown or shared, whatever the number of spots") {
  Geometry g;
  g.name = "alpha";
  GeometryLayer layer;
  layer.name = "0";
  layer.alpha_bins = 5;
  layer.r_edges = {5, 20, 60};
  layer.r.assign(10, 0);
  layer.z_end = 100;
  g.layers.push_back(layer);
  for (const double gev : {0.3, 300.0}) {
    Simulation s = fixed(gev);
    s.medium = "PbWO4";
    const Events e = simulate(g, s, 0, gev < 1 ? 4000 : 300, 2);
    for (int ring = 0; ring < 2; ++ring) {
      Sum all;
      std::vector<Sum> bins(5);
      for (int i = 0; i < e.size(); ++i) {
        for (int a = 0; a < 5; ++a) {
          const double energy = static_cast<double>(e.showers.row(i)[2 * a + ring]);
          bins[static_cast<std::size_t>(a)].add(energy);
          all.add(energy);
        }
      }
      CHECK(all.mean() > 0);
      for (const Sum& b : bins) CHECK(std::fabs(b.mean() - all.mean()) < 5 * b.error());
    }
  }
}

TEST_CASE("rings-10x5: response, spread and empty voxels as recorded") {
  const Geometry g = geometry("rings-10x5");
  const Events e = simulate(g, {}, 0, 12000, 2);
  Sum response, empty, empty_low, empty_high, log_energy;
  int between = 0;
  for (int i = 0; i < e.size(); ++i) {
    const double energy = static_cast<double>(e.incident_energies.data[static_cast<std::size_t>(i)]);
    double sum = 0, zeros = 0;
    for (int v = 0; v < 50; ++v) {
      const double voxel = static_cast<double>(e.showers.row(i)[v]);
      between += voxel > 0 && voxel < 5;
      sum += voxel;
      zeros += voxel == 0;
    }
    response.add(sum / energy);
    empty.add(zeros / 50);
    if (energy < 1500) empty_low.add(zeros / 50);
    if (energy > 70000) empty_high.add(zeros / 50);
    log_energy.add(std::log(energy / 1000));
    REQUIRE(energy >= 999.99);
    REQUIRE(energy <= 100001);
  }
  CHECK(between == 0);
  CHECK(response.mean() == doctest::Approx(0.979).epsilon(0.001));
  CHECK(std::fabs(response.sd() - 0.0165) < 0.0010);
  CHECK(std::fabs(empty.mean() - 0.186) < 0.006);
  CHECK(std::fabs(empty_low.mean() - 0.51) < 0.02);
  CHECK(std::fabs(empty_high.mean() - 0.01) < 0.004);
  // log-uniform: mean ln(100)/2, sd ln(100)/sqrt(12)
  CHECK(std::fabs(log_energy.mean() - 2.302585) < 5 * log_energy.error());
  CHECK(log_energy.sd() == doctest::Approx(1.329398).epsilon(0.02));
}

TEST_CASE("NaI at 2 GeV: as far from Geant4 as the notes say, and no further") {
  const Geometry g = geometry("grid-12x13x13");
  const double geant4_electron[9] = {.057, .204, .258, .194, .126, .074, .042, .022, .012};
  const double geant4_photon[9] = {.035, .154, .235, .215, .152, .093, .055, .030, .017};
  const NaiNumbers electron = nai_numbers(simulate(g, fixed(2), 0, 1500, 2));
  CHECK(std::fabs(electron.depth.mean() - 3.187) < 0.1);   // the notes' own GFlash, 350 showers
  CHECK(std::fabs(electron.depth.mean() - 3.282) < 0.15);  // Geant4
  CHECK(std::fabs(electron.depth.sd() - 0.524) < 0.06);
  CHECK(std::fabs(electron.square.mean() - 0.836) < 0.015);
  CHECK(std::fabs(electron.centre.mean() - 0.559) < 0.045);
  for (std::size_t l = 0; l < 9; ++l) CHECK(std::fabs(electron.layer[l].mean() - geant4_electron[l]) < 0.025);
  CHECK(std::fabs(electron.square.mean() - 0.840) < 0.008);
  CHECK(std::fabs(electron.centre.mean() - 0.593) < 0.012);
  const NaiNumbers photon = nai_numbers(simulate(g, fixed(2, "photon"), 0, 1500, 2));
  CHECK(std::fabs(photon.depth.mean() - 3.587) < 0.13);
  CHECK(std::fabs(photon.depth.mean() - 3.657) < 0.18);
  CHECK(std::fabs(photon.depth.sd() - 0.837) < 0.08);
  CHECK(std::fabs(photon.square.mean() - 0.837) < 0.015);
  CHECK(std::fabs(photon.centre.mean() - 0.560) < 0.045);
  for (std::size_t l = 0; l < 9; ++l) CHECK(std::fabs(photon.layer[l].mean() - geant4_photon[l]) < 0.025);
  CHECK(photon.depth.mean() > electron.depth.mean() + 5 * photon.depth.error());
}

TEST_CASE("grids are symmetric around the beam") {
  const Geometry g = geometry("grid-3x8x8");
  const Events e = simulate(g, fixed(5), 0, 800, 2);
  Sum x, y;
  for (int i = 0; i < e.size(); ++i) {
    double sx = 0, sy = 0, total = 0;
    for (int v = 0; v < g.voxels(); ++v) {
      const GeometryLayer& layer = g.layers[static_cast<std::size_t>(v / 64)];
      const double energy = static_cast<double>(e.showers.row(i)[v]);
      sx += energy * layer.x[static_cast<std::size_t>(v % 64)];
      sy += energy * layer.y[static_cast<std::size_t>(v % 64)];
      total += energy;
    }
    x.add(sx / total);
    y.add(sy / total);
  }
  CHECK(std::fabs(x.mean()) < 5 * x.error());
  CHECK(std::fabs(y.mean()) < 5 * y.error());
  CHECK(x.sd() == doctest::Approx(y.sd()).epsilon(0.15));
}

TEST_CASE("ds2: response and sampling resolution at 10 GeV") {
  const Geometry g = geometry("ds2");
  const Events e = simulate(g, fixed(10), 0, 600, 2);
  Sum response;
  int between = 0;
  for (int i = 0; i < e.size(); ++i) {
    double sum = 0;
    for (int v = 0; v < g.voxels(); ++v) {
      const double voxel = static_cast<double>(e.showers.row(i)[v]);
      between += voxel > 0 && voxel < g.threshold_mev * 0.9999;
      sum += voxel;
    }
    response.add(sum / 10000);
  }
  CHECK(between == 0);
  CHECK(response.mean() > 0.95);  // leakage behind 36 X0 and outside 4 Moliere radii
  CHECK(response.mean() < 1.0 + 5 * response.error());
  CHECK(response.sd() == doctest::Approx(0.17 / std::sqrt(10.0)).epsilon(0.12));
}

TEST_CASE("a shower depends on seed and index alone") {
  const Geometry g = geometry("rings-10x5");
  const Events all = simulate(g, {}, 0, 150, 1), threads = simulate(g, {}, 0, 150, 2),
               slice = simulate(g, {}, 97, 20, 2);
  CHECK(all.showers == threads.showers);
  CHECK(all.incident_energies == threads.incident_energies);
  CHECK(slice.showers == select(all, 97, 20).showers);
  CHECK(slice.incident_energies == select(all, 97, 20).incident_energies);
  Simulation other;
  other.seed = 2;
  const Events seed = simulate(g, other, 0, 150, 1);
  for (int i = 0; i < 150; ++i)
    CHECK(seed.incident_energies.data[static_cast<std::size_t>(i)] !=
          all.incident_energies.data[static_cast<std::size_t>(i)]);
  const std::int64_t far = std::int64_t{1} << 33;  // indices beyond 32 bits are other showers
  CHECK(simulate(g, {}, far, 1).incident_energies.data[0] != all.incident_energies.data[0]);
}

TEST_CASE("gaps between layers swallow their energy") {
  const std::string begin = "layer r=0,60 z=0,20\nlayer r=0,60 z=", end = "\n";
  Simulation s = fixed(10);
  s.medium = "PbWO4";
  const auto means = [&](const std::string& z) {
    const Events e = simulate(parse_geometry(begin + z + end, "gap.txt"), s, 0, 1500, 2);
    std::vector<Sum> sums(2);
    for (int i = 0; i < e.size(); ++i)
      for (std::size_t v = 0; v < 2; ++v) sums[v].add(static_cast<double>(e.showers.row(i)[v]));
    return sums;
  };
  const std::vector<Sum> whole = means("20,80"), gap = means("50,80"), front = means("20,50");
  CHECK(std::fabs(gap[1].mean() + front[1].mean() - whole[1].mean()) <
        5 * (gap[1].error() + front[1].error() + whole[1].error()));
  CHECK(gap[1].mean() < 0.8 * whole[1].mean());
}

TEST_CASE("refusals") {
  const Geometry g = geometry("rings-10x5");
  const auto refused = [&](const Geometry& geometry, const Simulation& s, std::int64_t first = 0, int count = 1) {
    return message([&] { simulate(geometry, s, first, count); });
  };
  Geometry flat = geometry("ds1-photons");
  flat.layers[0].z_end = flat.layers[0].z_begin;
  CHECK(has(refused(flat, {}), "the depth of layer 0 is not known"));
  Simulation s = fixed(0.01);
  CHECK(has(refused(g, s), "energies from 0.01 to 0.01 GeV"));
  s = fixed(5);
  s.max_energy_gev = 4;
  CHECK(has(refused(g, s), "energies from 5 to 4 GeV"));
  CHECK(has(refused(g, fixed(5, "pion")), "particle 'pion' is not known"));
  s = fixed(5);
  s.medium = "ice";
  CHECK(has(refused(g, s), "medium ice: not known"));
  CHECK(
      has(refused(parse_geometry("layer r=0,5 z=0,5\n", "own.txt"), fixed(5)), "geometry own does not say its medium"));
  s.medium = "NaI";
  CHECK(has(refused(parse_geometry("layer r=0,5 z=0,5\nlayer r=0,5 z=4,6\n", "own.txt"), s),
            "layers 0 and 1 overlap in depth at 4"));
  CHECK(has(refused(parse_geometry("layer r=0,1 z=0,1\nthreshold_mev 4000\n", "own.txt"), s),
            "stayed below the threshold 4000"));
  CHECK(has(refused(g, {}, 0, 0), "0 showers from number 0"));
  CHECK(has(refused(g, {}, -1, 1), "1 showers from number -1"));
}
