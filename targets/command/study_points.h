// The points of the four studies, what is measured at each, and how it is kept and shown.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/recipe.h"
#include "engine/model/model.h"
#include "engine/physics/metrics.h"
#include "engine/report/report.h"

namespace quench {

struct StudyPoint {
  std::string name, series;  // "bits-4-tuned"; the line it belongs to in plots
  Recipe recipe;
  double sparsity = 0;
  int bits = 0;
  bool trains = false;  // a generator of its own, as the recipe says, instead of the study's
};

// quantization: 16, 8, 6, 5, 4, 3, 2 bits, rounded and tuned in integers. pruning: 0 to 98 % zeros, at once and tuned,
// in compress.bits. distillation: students of 100 % to a tenth of the size, taught by `teacher` (a path) and trained
// alone with as many steps. combined: zeros times bits, tuned. Where the recipe tunes for 0 steps, 3000 are taken.
// Fails for another kind, naming the four.
std::vector<StudyPoint> study_points(const std::string& kind, const Recipe&, const std::string& teacher);

struct StudyResult {
  std::int64_t stored_bits = 0;  // what the generated code stores
  std::int64_t naive_bits = 0;   // weights times their width
  std::int64_t weights = 0, nonzeros = 0;
  std::vector<double> separation, floor;  // mean over each group's features, in the order of the groups
  double response_percent = 0, sd_ratio = 0;
  double log_voxel_correlation = 0, sd_de = 0;  // against the float model, same noise
};

// Fills what is said about quality.
void judge(StudyResult&, const Geometry&, const Events& reference, const Events& from_float, const Events& candidate,
           Binning, int threads);

// `all` repeated or cut to `count` rows.
Tensor cycled(const Tensor& all, int count);

// A file for each point. The key is that of the recipe and the model: a file of another one, or of another version of
// quench, is no result (nothing).
std::string study_key(const Recipe&, const Model&);
std::string result_text(const StudyResult&, const std::string& key);
std::optional<StudyResult> read_result(const std::string& text, const std::string& path, const std::string& key);

// Point k's result is results[k]; the first is the float model's.
std::string study_text(const std::vector<StudyPoint>&, const std::vector<StudyResult>&);
Json study_json(const std::string& kind, const Recipe&, const std::vector<StudyPoint>&,
                const std::vector<StudyResult>&);
Report study_report(const std::string& kind, const Recipe&, const std::vector<StudyPoint>&,
                    const std::vector<StudyResult>&);

}  // namespace quench
