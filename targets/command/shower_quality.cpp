// A generator's showers compared with showers that were kept aside.
// SPDX-License-Identifier: MIT
#include "targets/command/shower_quality.h"

#include <algorithm>
#include <cstdio>

#include "engine/core/table.h"
#include "engine/physics/metrics.h"
#include "engine/train/deploy.h"
#include "engine/train/streams.h"
#include "targets/command/models.h"

namespace quench {

double ShowerQuality::operator()(const Model& generator) {
  const Events made = sample(deploy(generator, preprocessing), stream_seed(recipe.seed, Use::validation), 0,
                             aside.incident_energies, recipe.compress.latent_bits, threads);
  const Comparison c = compare(data.geometry, aside, made, threads, binning_from(recipe.evaluate.binning));
  const double groups = static_cast<double>(c.groups.size());
  separation = floor = 0;
  for (const GroupSummary& g : c.groups) separation += g.mean_separation / groups, floor += g.mean_floor / groups;
  return -separation;
}

ShowerQuality shower_quality(const Recipe& r, const Data& data, const Preprocessing& p, int threads) {
  const int all = data.training.size(), aside = std::min(r.train.validation_events, all);
  return {r, data, p, threads, select(data.training, all - aside, aside)};
}

std::vector<TrainingCurve> quality_curves(const Recipe& r) {
  const std::string unit = "mean S, " + grouped(r.train.validation_events) + " showers kept aside";
  return {{"averaged generator", unit, {}, {}}, {"statistical floor", unit, {}, {}}};
}

std::vector<double> evaluations(bool evaluated, const ShowerQuality& q) {
  return evaluated ? std::vector<double>{q.separation, q.floor} : std::vector<double>();
}

std::string quality_note(const ShowerQuality& q) {
  if (q.separation <= 0) return "";
  char text[80];
  std::snprintf(text, sizeof text, ", separation %.2fe-3 (floor %.2fe-3)", 1e3 * q.separation, 1e3 * q.floor);
  return text;
}

}  // namespace quench
