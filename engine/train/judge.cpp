// A sample's judgement, and its floors.
// SPDX-License-Identifier: MIT
#include "engine/train/judge.h"

#include <algorithm>

#include "engine/train/streams.h"

namespace quench {
namespace {

Tensor floats(const FeatureVectors& f) { return {{f.rows(), f.columns}, {f.data.begin(), f.data.end()}}; }

std::string few(const char* what, int needed, const Judgement& j) {
  return std::string(what) + " need at least " + std::to_string(needed) + " events of each sample; here are " +
         std::to_string(j.reference_events) + " and " + std::to_string(j.candidate_events);
}

// Events 0, 2, 4, ... or 1, 3, 5, ..., as many of both.
FeatureVectors every_other(const FeatureVectors& f, int first) {
  FeatureVectors half;
  half.columns = f.columns;
  for (int i = first; i < f.rows() / 2 * 2; i += 2) half.data.insert(half.data.end(), f.row(i), f.row(i) + f.columns);
  return half;
}

}  // namespace

Judgement judge_showers(const Geometry& g, const Events& reference, const Events& candidate, const JudgeSettings& s,
                        int threads) {
  const FeatureVectors a = high_level_features(g, reference, threads), b = high_level_features(g, candidate, threads);
  Judgement j;
  j.reference_events = reference.size(), j.candidate_events = candidate.size(), j.features = a.columns;
  const int fewest = std::min(reference.size(), candidate.size());
  if (fewest >= events_needed(a.columns)) {
    const std::uint64_t draws = stream_seed(s.seed, Use::bootstrap);
    j.frechet = frechet_physics_distance(a, b, draws, threads);
    j.kernel = kernel_physics_distance(a, b, draws, threads);
  } else {
    j.notes.push_back(few("FPD and KPD", events_needed(a.columns), j));
  }
  if (s.classifier_seeds < 1) return j;
  if (fewest < classifier_events_needed) {
    j.notes.push_back(few("the classifiers", classifier_events_needed, j));
    return j;
  }
  j.low = classifier_score(low_level_features(g, reference, threads), low_level_features(g, candidate, threads),
                           s.classifier, s.seed, s.classifier_seeds, threads, s.after_epoch);
  j.high = classifier_score(floats(a), floats(b), s.classifier, s.seed, s.classifier_seeds, threads, s.after_epoch);
  return j;
}

void add_floors(Judgement& j, const Geometry& g, const Events& reference, const JudgeSettings& s, int threads) {
  const FeatureVectors all = high_level_features(g, reference, threads);
  const FeatureVectors even = every_other(all, 0), odd = every_other(all, 1);
  if (even.rows() < events_needed(all.columns)) {
    j.notes.push_back("the floors of FPD and KPD need at least " + std::to_string(2 * events_needed(all.columns)) +
                      " reference events; here are " + std::to_string(j.reference_events));
    return;
  }
  const double scale = (1.0 / j.reference_events + 1.0 / j.candidate_events) / (2.0 / even.rows());
  const auto scaled = [&](const Estimate& e) { return Estimate{scale * e.value, scale * e.error}; };
  const std::uint64_t draws = stream_seed(s.seed, Use::bootstrap);
  j.frechet_floor = scaled(frechet_physics_distance(even, odd, draws, threads));
  j.kernel_floor = scaled(kernel_physics_distance(even, odd, draws, threads));
}

}  // namespace quench
