// Shower observables, event by event.
// SPDX-License-Identifier: MIT
#include "engine/physics/observables.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Voxels of one layer of one event, below-threshold energies counted as 0.
struct LayerEnergies {
  const float* voxel;
  std::size_t size;
  double threshold;

  double at(std::size_t i) const {
    const double e = static_cast<double>(voxel[i]);
    return e >= threshold ? e : 0;
  }
};

struct Moments {
  double centre = kUndefined, width = kUndefined;
};

// Energy-weighted mean and standard deviation of x. The deviations are taken from the mean: the formula with sum x^2 e
// gives the same number but leaves rounding noise where all energy is in one voxel and the width is 0.
Moments moments(const LayerEnergies& e, const std::vector<double>& x, double total) {
  if (!(total > 0)) return {};
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < e.size; ++i) sum += x[i] * e.at(i);
  const double centre = sum / total;
  for (std::size_t i = 0; i < e.size; ++i) squares += (x[i] - centre) * (x[i] - centre) * e.at(i);
  return {centre, std::sqrt(squares / total)};
}

// Where the observables of each layer stand in the list.
struct Slots {
  std::vector<std::size_t> energy, centre, width, sparsity;
};

Slots make_slots(const Geometry& g, std::vector<Observable>& list) {
  Slots s;
  const int layers = static_cast<int>(g.layers.size());
  const auto add = [&](const std::string& what, const char* unit, Group group, int l) {
    list.push_back({what + " layer " + g.layers[static_cast<std::size_t>(l)].name, unit, group, l, {}});
  };
  list.push_back({"E_tot/E_inc", "", Group::total, -1, {}});
  for (int l = 0; l < layers; ++l) {
    s.energy.push_back(list.size());
    add("E", "MeV", Group::layer, l);
  }
  for (const bool centre : {true, false}) {
    const Group group = centre ? Group::centre : Group::width;
    const std::string prefix = centre ? "EC_" : "width_";
    for (int l = 0; l < layers; ++l) {
      (centre ? s.centre : s.width).push_back(list.size());
      if (g.layers[static_cast<std::size_t>(l)].has_xy) {
        add(prefix + "eta", "mm", group, l);
        add(prefix + "phi", "mm", group, l);
      }
      add(prefix + "r", "mm", group, l);
    }
  }
  for (int l = 0; l < layers; ++l) {
    s.sparsity.push_back(list.size());
    add("sparsity", "", Group::sparsity, l);
  }
  return s;
}

void observe(const Geometry& g, const std::vector<int>& begin, const Slots& s, const float* shower, double incident,
             std::size_t event, std::vector<Observable>& list) {
  double whole = 0;
  for (std::size_t l = 0; l < g.layers.size(); ++l) {
    const GeometryLayer& layer = g.layers[l];
    const LayerEnergies e{shower + begin[l], layer.r.size(), g.threshold_mev};
    double total = 0;
    std::size_t empty = 0;
    for (std::size_t i = 0; i < e.size; ++i) {
      const double energy = e.at(i);
      total += energy;
      empty += energy > 0 ? 0 : 1;
    }
    whole += total;
    list[s.energy[l]].value[event] = total;
    list[s.sparsity[l]].value[event] = static_cast<double>(empty) / static_cast<double>(e.size);
    std::size_t centre = s.centre[l], width = s.width[l];
    const auto put = [&](const std::vector<double>& x) {
      const Moments m = moments(e, x, total);
      list[centre++].value[event] = m.centre;
      list[width++].value[event] = m.width;
    };
    if (layer.has_xy) {
      put(layer.x);
      put(layer.y);
    }
    put(layer.r);
  }
  list[0].value[event] = whole / incident;
}

// In-memory events may come from a model, so they are checked here as files are by load_events.
void check_voxels(const Geometry& g, const Events& events) {
  const std::size_t n = static_cast<std::size_t>(events.size()), voxels = static_cast<std::size_t>(g.voxels());
  if (events.showers.data.size() != n * voxels)
    fail("observables: ", events.showers.data.size(), " voxel energies of ", n, " showers, geometry ", g.name, " has ",
         voxels, " voxels a shower; choose the geometry that belongs to the events");
  if (events.incident_energies.data.size() != n)
    fail("observables: ", n, " showers, but ", events.incident_energies.data.size(),
         " incident energies; give one for each shower");
  for (std::size_t i = 0; i < n; ++i)
    if (!(events.incident_energies.data[i] > 0) || !std::isfinite(events.incident_energies.data[i]))
      fail("observables: event ", i, ": incident energy ", events.incident_energies.data[i],
           " MeV; it must be finite and greater than 0");
  for (std::size_t k = 0; k < n * voxels; ++k)
    if (!(events.showers.data[k] >= 0) || !std::isfinite(events.showers.data[k]))
      fail("observables: event ", k / voxels, ", voxel ", k % voxels, ": energy ", events.showers.data[k],
           " MeV; it must be finite and not negative");
}

}  // namespace

const char* group_name(Group group) {
  switch (group) {
    case Group::total:
      return "total";
    case Group::layer:
      return "layer";
    case Group::centre:
      return "centre";
    case Group::width:
      return "width";
    case Group::sparsity:
      return "sparsity";
    default:
      return "voxel";
  }
}

std::vector<Observable> observables(const Geometry& g, const Events& events, int threads) {
  check_voxels(g, events);
  std::vector<Observable> list;
  const Slots slots = make_slots(g, list);
  const std::vector<int> begin = g.layer_begin();
  const std::size_t n = static_cast<std::size_t>(events.size());
  for (Observable& o : list) o.value.resize(n);
  parallel_for(threads, n, 64, [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i)
      observe(g, begin, slots, events.showers.row(static_cast<int>(i)),
              static_cast<double>(events.incident_energies.data[i]), i, list);
  });
  return list;
}

MeanShower mean_shower(const Geometry& g, const Events& events, int threads) {
  check_voxels(g, events);
  const std::size_t voxels = static_cast<std::size_t>(g.voxels());
  MeanShower m{std::vector<double>(voxels), std::vector<double>(voxels)};
  const double n = events.size();
  if (events.size() == 0) return m;
  parallel_for(threads, voxels, 64, [&](std::size_t first, std::size_t end) {  // each voxel adds up its events in order
    for (int i = 0; i < events.size(); ++i) {
      const LayerEnergies e{events.showers.row(i), voxels, g.threshold_mev};
      for (std::size_t v = first; v < end; ++v) {
        m.mean[v] += e.at(v);
        m.error[v] += e.at(v) * e.at(v);
      }
    }
    for (std::size_t v = first; v < end; ++v) {
      m.mean[v] /= n;
      m.error[v] = std::sqrt(std::max(0.0, m.error[v] / n - m.mean[v] * m.mean[v]) / n);
    }
  });
  return m;
}

}  // namespace quench
