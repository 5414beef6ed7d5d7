// Events to standardised numbers.
// SPDX-License-Identifier: MIT
#include "engine/train/preprocess.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

double smallest_energy(const Tensor& showers) {
  float smallest = std::numeric_limits<float>::max();
  for (float e : showers.data)
    if (e > 0 && e < smallest) smallest = e;
  return static_cast<double>(smallest);
}

Tensor conditions(const LogEnergy& op, const Tensor& energies) {
  Tensor c;
  forward(op, energies, c);
  return c;
}

Tensor logarithms(Tensor voxels) {
  for (float& v : voxels.data) v = log(v);
  return voxels;
}

void check_showers(const Tensor& showers, const Tensor& energies, int voxels) {
  if (showers.rows() < 2) fail("training data: ", showers.rows(), " events; at least 2 are needed");
  if (showers.columns() != voxels)
    fail("training data: showers have ", showers.columns(), " voxels, the geometry has ", voxels);
  if (energies.rows() != showers.rows())
    fail("training data: ", showers.rows(), " showers but ", energies.rows(), " incident energies");
}

int voxels_of(const Preprocessing& p) {
  return std::accumulate(p.split.layer_voxels.begin(), p.split.layer_voxels.end(), 0);
}

}  // namespace

int polynomial_degree(const Tensor& c) {
  std::vector<float> sorted = c.data;
  std::sort(sorted.begin(), sorted.end());
  const int different = static_cast<int>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
  const auto [low, high] = std::minmax_element(c.data.begin(), c.data.end());
  const float span = *high - *low;
  const int degree = span >= 0.5f ? 3 : span >= 0.2f ? 2 : span >= 0.02f ? 1 : 0;
  return std::min(degree, different - 1);
}

TrainingSet training_set(const Preprocessing& p, const Events& events, std::uint64_t seed, int threads) {
  check_showers(events.showers, events.incident_energies, voxels_of(p));
  const Tensor c = conditions(p.condition, events.incident_energies);
  return training_set(p, filled(p.empty_voxels, events.showers, c, seed, threads), events.incident_energies, threads);
}

TrainingSet training_set(const Preprocessing& p, const Tensor& filled_showers, const Tensor& energies, int threads) {
  check_showers(filled_showers, energies, voxels_of(p));
  ConditionalAffine standardise = p.numbers;
  standardise.inverse = true;
  TrainingSet set;
  set.energies = energies;
  std::vector<Tensor> saved;
  forward(standardise, stick_breaking_numbers(p.split, filled_showers, energies, threads),
          conditions(p.condition, energies), set.numbers, saved, threads);
  return set;
}

Preprocessing fit_preprocessing(const Events& events, const Geometry& geometry, std::uint64_t seed, int threads,
                                Tensor* filled_showers) {
  check_showers(events.showers, events.incident_energies, geometry.voxels());
  Preprocessing p;
  p.geometry = geometry.name;
  const auto [low, high] =
      std::minmax_element(events.incident_energies.data.begin(), events.incident_energies.data.end());
  p.minimum_energy_mev = static_cast<double>(*low), p.maximum_energy_mev = static_cast<double>(*high);
  p.threshold_mev = geometry.threshold_mev > 0 ? geometry.threshold_mev : smallest_energy(events.showers);
  p.split.layer_voxels = geometry.layer_voxels();
  const Tensor c = conditions(p.condition, events.incident_energies);
  const int degree = polynomial_degree(c);
  p.empty_voxels = fit_empty_voxels(events.showers, c, p.split.layer_voxels, p.threshold_mev, degree, seed, threads);
  Tensor voxels = filled(p.empty_voxels, events.showers, c, seed, threads);
  p.numbers =
      fit_conditional(stick_breaking_numbers(p.split, voxels, events.incident_energies, threads), c, degree, threads);
  p.log_voxels = fit_conditional(logarithms(voxels), c, degree, threads);
  if (filled_showers) *filled_showers = std::move(voxels);
  return p;
}

}  // namespace quench
