// One shower at a time: profiles and spots from the shower's own random stream, then read-out noise and threshold.
// SPDX-License-Identifier: MIT
#include "engine/physics/simulate.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"
#include "engine/physics/random.h"
#include "engine/physics/shower_law.h"

namespace quench {
namespace {

constexpr double kStep = 0.1;        // X0
constexpr double kThreshold = 1e-6;  // MeV: below this a voxel counts as empty everywhere
constexpr double kSmallest = 1e-12;  // X0: shorter steps are rounding
constexpr std::uint32_t kEnergyLane = 0x73696d00, kShowerLane = 0x73696d01;  // far from the lanes of latent noise
constexpr int kMaxTries = 1000;

struct LayerView {
  const GeometryLayer* layer = nullptr;
  int first_voxel = 0;
  double t_begin = 0, t_end = 0;  // X0
  std::vector<double> r;          // edges in Moliere radii
};

struct Setup {
  Medium medium;
  std::vector<LayerView> layers;  // by depth
  double threshold = 0;
  double ln_min = 0, ln_max = 0;  // GeV
  bool photon = false;
  std::uint64_t seed = 0;
};

// The gamma profile's integral, followed step by step. Below kExact: P(a, b t). Above it the density is smooth: the
// trapezoid with Hermite's end correction costs one exponential a step and is within 1e-5 of its integral (a <= 8).
struct Integral {
  double a = 0, b = 0, ln_norm = 0;
  double t = 0, value = 0, density = 0, slope = 0;  // value: P(a, b t), kept only while exact

  static constexpr double kExact = 1.5;

  Integral(double shape, double rate) : a(shape), b(rate), ln_norm(shape * log(rate) - ln_gamma(shape)) {}

  // Integral from the last t to this one.
  double advance(double to, double ln_to) {
    const double h = to - t;
    const double f = exp((a - 1) * ln_to - b * to + ln_norm), f_slope = f * ((a - 1) / to - b);
    double step = 0.5 * h * (density + f) + h * h / 12 * (slope - f_slope);
    if (t < kExact) {
      const double p = gamma_p(a, b * to);
      step = p - value;
      value = p;
    }
    t = to;
    density = f;
    slope = f_slope;
    return std::max(0.0, step);
  }
};

// Shares n spots between rings and azimuthal bins: the same law as throwing each, by chained binomials.
void share_rings(Random& g, const LayerView& view, const RadialProfile& radial, int n, double spot_energy,
                 double* voxels) {
  const int alpha_bins = view.layer->alpha_bins;
  const std::size_t rings = view.r.size() - 1;
  double inside = radial_fraction(radial, view.r[0]);
  int left = n - binomial(g, n, inside);  // a first edge above 0: a hole
  for (std::size_t i = 0; i < rings && left > 0; ++i) {
    const double edge = radial_fraction(radial, view.r[i + 1]);
    int in_ring = binomial(g, left, (edge - inside) / (1 - inside));
    left -= in_ring;
    inside = edge;
    if (alpha_bins == 1) {
      voxels[i] += in_ring * spot_energy;
    } else if (in_ring < 2 * alpha_bins) {
      for (; in_ring > 0; --in_ring) {
        const int bin = static_cast<int>(uniform(g) * alpha_bins);
        voxels[static_cast<std::size_t>(bin) * rings + i] += spot_energy;
      }
    } else {
      for (int bin = 0; bin < alpha_bins; ++bin) {
        const int here = binomial(g, in_ring, 1.0 / (alpha_bins - bin));
        in_ring -= here;
        voxels[static_cast<std::size_t>(bin) * rings + i] += here * spot_energy;
      }
    }
  }
}

// Index of the bin that holds v, or -1.
int bin_of(const std::vector<double>& edges, double v) {
  const auto after = std::upper_bound(edges.begin(), edges.end(), v);
  return after == edges.begin() || after == edges.end() ? -1 : static_cast<int>(after - edges.begin()) - 1;
}

void throw_cells(Random& g, const LayerView& view, const RadialProfile& radial, int n, double spot_energy,
                 double moliere_mm, double* voxels) {
  const std::vector<double>&x_edges = view.layer->x_edges, &y_edges = view.layer->y_edges;
  for (; n > 0; --n) {
    const double scale = uniform(g) < radial.core_fraction ? radial.core : radial.tail;
    const double u = uniform(g), r = moliere_mm * scale * std::sqrt(u / (1 - u));
    double x, y, s;
    do {  // a direction without sine and cosine
      x = 2 * uniform(g) - 1;
      y = 2 * uniform(g) - 1;
      s = x * x + y * y;
    } while (s > 1 || s < 1e-6);
    const double factor = r / std::sqrt(s);
    const int i = bin_of(x_edges, factor * x), j = bin_of(y_edges, factor * y);
    if (i >= 0 && j >= 0)
      voxels[static_cast<std::size_t>(j) * (x_edges.size() - 1) + static_cast<std::size_t>(i)] += spot_energy;
  }
}

// One electron shower that starts at depth `start` (X0); adds MeV to voxels.
void electron(Random& g, const Setup& s, double energy_gev, double start, double* voxels) {
  const ShowerLaw law = shower_law(s.medium, energy_gev);
  const double g1 = normal(g), g2 = normal(g);
  const LongitudinalProfile profile = longitudinal_profile(s.medium, law, g1, g2);
  Integral energy(profile.a, profile.b), spots(profile.spot_a, profile.spot_b);
  const double c2 = s.medium.resolution * s.medium.resolution;
  double t = 0;
  for (const LayerView& view : s.layers) {
    const double end = view.t_end - start;
    while (end - t > kSmallest) {
      const bool gap = t < view.t_begin - start - kSmallest;  // before the layer: the energy is lost
      const double border = gap ? view.t_begin - start : end;
      const double next = border - t < kStep + kSmallest ? border : t + kStep;
      const double ln_next = log(next);
      double e = energy_gev * energy.advance(next, ln_next);
      const int n = std::max(1, static_cast<int>(law.spots * spots.advance(next, ln_next)));
      const double tau = profile.tau_per_depth * 0.5 * (t + next);
      t = next;
      if (gap || e <= 0) continue;
      if (s.medium.sampling && c2 > 0) e = c2 * gamma(g, e / c2);
      const RadialProfile radial = radial_profile(s.medium, law.ln_energy, tau);
      if (view.r.empty())
        throw_cells(g, view, radial, n, 1000 * e / n, s.medium.moliere_mm, voxels + view.first_voxel);
      else
        share_rings(g, view, radial, n, 1000 * e / n, voxels + view.first_voxel);
    }
  }
}

// A photon converts into two electrons with the fractions x and 1 - x, x uniform in [.02, .98]: the range that was
// compared with Geant4, and it keeps the halves out of the laws' guards.
void particle(Random& g, const Setup& s, double energy_gev, double* voxels) {
  if (!s.photon) return electron(g, s, energy_gev, 0, voxels);
  const double start = -9.0 / 7.0 * log(uniform(g)), x = 0.02 + 0.96 * uniform(g);
  electron(g, s, x * energy_gev, start, voxels);
  electron(g, s, (1 - x) * energy_gev, start, voxels);
}

// Read-out of the voxels into `out`; false: all are below the threshold.
bool read_out(Random& g, const Setup& s, const std::vector<double>& voxels, float* out) {
  const double c2 = 1000 * s.medium.resolution * s.medium.resolution;  // MeV
  bool any = false;
  for (std::size_t v = 0; v < voxels.size(); ++v) {
    double e = voxels[v];
    if (e > 0 && c2 > 0 && !s.medium.sampling) e = c2 * gamma(g, e / c2);
    out[v] = e >= s.threshold ? static_cast<float>(e) : 0.0f;
    any = any || out[v] > 0;
  }
  return any;
}

void shower(const Setup& s, std::uint64_t index, std::vector<double>& voxels, float* incident_mev, float* out) {
  Random energies(s.seed, index, kEnergyLane), g(s.seed, index, kShowerLane);
  const double gev = exp(s.ln_min + (s.ln_max - s.ln_min) * uniform(energies));
  *incident_mev = static_cast<float>(1000 * gev);
  for (int tries = 0; tries < kMaxTries; ++tries) {
    std::fill(voxels.begin(), voxels.end(), 0.0);
    particle(g, s, static_cast<double>(*incident_mev) / 1000, voxels.data());
    if (read_out(g, s, voxels, out)) return;
  }
  fail("simulate: shower ", index, " of ", *incident_mev, " MeV stayed below the threshold ", s.threshold,
       " MeV in all voxels ", kMaxTries, " times; raise the energies or lower the threshold");
}

std::string medium_name(const Geometry& g, const Simulation& simulation) {
  if (!simulation.medium.empty()) return simulation.medium;
  if (g.name == "rings-10x5") return "PbWO4";
  if (g.name == "ds2") return "W/Si";
  if (g.name == "ds1-photons") return "Pb/LAr";
  if (g.name.rfind("grid-", 0) == 0) return "NaI";
  fail("simulate: geometry ", g.name, " does not say its medium; name one: PbWO4, NaI, W/Si or Pb/LAr");
}

Setup make_setup(const Geometry& g, const Simulation& simulation) {
  const double low = simulation.min_energy_gev, high = simulation.max_energy_gev;
  if (!(low >= 0.1) || !(high <= 10000) || !(low <= high))
    fail("simulate: energies from ", low, " to ", high,
         " GeV; both must be in [0.1, 10000], the first not above the second");
  if (simulation.particle != "electron" && simulation.particle != "photon")
    fail("simulate: particle '", simulation.particle, "' is not known; there are electron and photon");
  Setup s;
  const std::vector<int> begin = g.layer_begin();
  for (const GeometryLayer& layer : g.layers)
    if (!(layer.z_end > layer.z_begin))
      fail("simulate: geometry ", g.name, ": the depth of layer ", layer.name, " is not known (z from ", layer.z_begin,
           " to ", layer.z_end, " mm); use a geometry with depths, like rings-10x5");
  s.medium = medium(medium_name(g, simulation));
  s.threshold = std::max(kThreshold, g.threshold_mev);
  s.ln_min = log(low);
  s.ln_max = log(high);
  s.photon = simulation.particle == "photon";
  s.seed = simulation.seed;
  for (std::size_t i = 0; i < g.layers.size(); ++i) {
    const GeometryLayer& l = g.layers[i];
    LayerView view{&l, begin[i], l.z_begin / s.medium.x0_mm, l.z_end / s.medium.x0_mm, {}};
    for (double r : l.r_edges) view.r.push_back(r / s.medium.moliere_mm);
    s.layers.push_back(view);
  }
  std::stable_sort(s.layers.begin(), s.layers.end(),
                   [](const LayerView& a, const LayerView& b) { return a.t_begin < b.t_begin; });
  for (std::size_t i = 1; i < s.layers.size(); ++i)
    if (s.layers[i].t_begin < s.layers[i - 1].t_end - 1e-9)
      fail("simulate: geometry ", g.name, ": layers ", s.layers[i - 1].layer->name, " and ", s.layers[i].layer->name,
           " overlap in depth at ", s.layers[i].layer->z_begin, " mm; correct their z");
  return s;
}

}  // namespace

Events simulate(const Geometry& g, const Simulation& simulation, std::int64_t first, int count, int threads) {
  if (first < 0 || count < 1)
    fail("simulate: ", count, " showers from number ", first, "; ask for at least 1 from 0 on");
  const Setup setup = make_setup(g, simulation);
  Events events{zeros({count, g.voxels()}), zeros({count, 1})};
  parallel_for(threads, static_cast<std::size_t>(count), 64, [&](std::size_t begin, std::size_t end) {
    std::vector<double> voxels(static_cast<std::size_t>(g.voxels()));
    for (std::size_t i = begin; i < end; ++i)
      shower(setup, static_cast<std::uint64_t>(first) + i, voxels, &events.incident_energies.data[i],
             events.showers.row(static_cast<int>(i)));
  });
  return events;
}

}  // namespace quench
