// The high-level and low-level vectors of showers.
// SPDX-License-Identifier: MIT
#include "engine/physics/feature_vectors.h"

#include <cmath>
#include <string>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"
#include "engine/physics/observables.h"

namespace quench {
namespace {

constexpr std::size_t kGrain = 256;  // events
constexpr double kLn10 = 2.302585092994045684;

double log10_of(double x) { return log(x) / kLn10; }
double log10_energy(double mev) { return log10_of(mev + 1e-8); }
double per_100(double mm) { return std::isnan(mm) ? 0 : mm / 100; }
double same(double x) { return x; }

struct Column {
  const Observable* observable;
  double (*transform)(double);
};

std::vector<Column> columns_of(const std::vector<Observable>& list) {
  std::vector<Column> columns;
  const auto add = [&](const std::string& name, double (*transform)(double)) {
    for (const Observable& o : list)
      if (o.name.rfind(name + " layer ", 0) == 0) columns.push_back({&o, transform});
  };
  add("E", log10_energy);
  for (const char* name : {"EC_eta", "EC_phi", "width_eta", "width_phi"}) add(name, per_100);
  columns.push_back({&list[0], nullptr});  // E_tot/E_inc, whose logarithm takes the energy of the event
  add("sparsity", same);
  for (const char* name : {"EC_r", "width_r"}) add(name, per_100);
  return columns;
}

}  // namespace

FeatureVectors high_level_features(const Geometry& g, const Events& events, int threads) {
  const std::vector<Observable> list = observables(g, events, threads);
  const std::vector<Column> columns = columns_of(list);
  FeatureVectors f;
  f.columns = static_cast<int>(columns.size()) + 1;
  const std::size_t n = static_cast<std::size_t>(events.size()), width = columns.size() + 1;
  f.data.resize(n * width);
  parallel_for(threads, n, kGrain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const double incident = static_cast<double>(events.incident_energies.data[i]);
      double* row = f.data.data() + i * width;
      row[0] = log10_of(incident);
      for (std::size_t k = 0; k < columns.size(); ++k) {
        const double value = columns[k].observable->value[i];
        row[k + 1] = columns[k].transform ? columns[k].transform(value) : log10_energy(value * incident);
      }
    }
  });
  return f;
}

Tensor low_level_features(const Geometry& g, const Events& events, int threads) {
  const int voxels = g.voxels();
  if (events.showers.columns() != voxels)
    fail("features: showers of ", events.showers.columns(), " voxels, geometry ", g.name, " has ", voxels,
         "; choose the geometry that belongs to the events");
  Tensor f = zeros({events.size(), voxels + 1});
  parallel_for(threads, static_cast<std::size_t>(events.size()), kGrain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      const double incident = static_cast<double>(events.incident_energies.data[static_cast<std::size_t>(i)]);
      const float* shower = events.showers.row(i);
      float* row = f.row(i);
      row[0] = static_cast<float>(log10_of(incident));
      for (int v = 0; v < voxels; ++v) {
        const double e = static_cast<double>(shower[v]);
        row[v + 1] = e >= g.threshold_mev ? static_cast<float>(e / incident) : 0.0f;
      }
    }
  });
  return f;
}

}  // namespace quench
