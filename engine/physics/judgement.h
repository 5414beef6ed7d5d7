// The judge's sentence on one sample: distances and classifiers against the reference, and the class of a compression.
// SPDX-License-Identifier: MIT
#pragma once
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "engine/physics/distances.h"
#include "engine/physics/metrics.h"

namespace quench {

// Of classifiers of different seeds, each with its own split, trained to tell a sample from the reference.
struct ClassifierScore {
  int seeds = 0, test_events = 0;  // of each class, per seed
  Estimate auc;                    // mean; error: of the mean over the seeds, of one seed `chance`
  double divergence = 0;           // Jensen-Shannon, 0 .. 1, mean over the seeds
  double chance = 0;  // standard deviation of the AUC, about 1/2, when the two samples cannot be told apart

  // The same of the mean over the seeds.
  double chance_of_mean() const { return chance / std::sqrt(seeds); }
};

// Absent: too few events (then `notes` says how many it needs), or not asked for.
struct Judgement {
  int reference_events = 0, candidate_events = 0;
  int samples = 1;                                      // of candidate_events each: see mean_judgement
  int features = 0;                                     // of the high-level vectors
  std::optional<Estimate> frechet, kernel;              // FPD, KPD: see distances.h
  std::optional<Estimate> frechet_floor, kernel_floor;  // the same of two samples of one distribution
  std::optional<ClassifierScore> low, high;             // from voxels, from high-level features
  std::vector<std::string> notes;
};

// Samples of one model that differ in their noise, against one reference: means over the samples. Errors are those of
// the means: what each sample's own error says, or what their spread says where that is more (of classifiers the spread
// alone). FPD's own error is that of its fit; the noise of 20,000 showers moves it by several times as much. Fails
// without a sample, and when they were not all asked the same.
Judgement mean_judgement(const std::vector<Judgement>&);

// What compression cost, from the judgements of the float model (f) and the compressed one (c) on the same reference,
// made with the same noise and energies:
//   lossless    FPD(c) - FPD(f) < 2 sigma, sigma^2 the sum of both errors' squares; AUC(high) at most +.01; every S
//               below 2 floors or below S(f) + floor
//   light       FPD at most +10 %; AUC, high and low, at most +.03
//   aggressive  anything beyond
// A change for the better is no loss.
enum class QualityClass { lossless, light, aggressive };
const char* class_name(QualityClass);  // "lossless", "light", "aggressive"

// One condition. It holds when value <= limit.
struct QualityCheck {
  QualityClass of;
  std::string what;  // "FPD, change"; "S of E layer 3, worst of 42"
  double value = 0, limit = 0;
  bool holds = true;
};

struct Quality {
  QualityClass grade = QualityClass::aggressive;
  std::vector<QualityCheck> checks;  // all of them, those of lossless first
};

// Nothing without FPD and AUC(high) of both. Fails when the two comparisons do not have the same features.
std::optional<Quality> quality(const Comparison& of_float, const Judgement& of_float_judgement,
                               const Comparison& of_compressed, const Judgement& of_compressed_judgement);

// "light: not lossless, because FPD, change is 0.0012, above 0.0004"; of lossless the class alone.
std::string quality_text(const Quality&);

}  // namespace quench
