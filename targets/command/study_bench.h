// The bench of studies and searches: a model, showers to judge by, and a folder that keeps every point measured.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/core/recipe.h"
#include "engine/model/model.h"
#include "engine/physics/metrics.h"
#include "engine/train/judge.h"
#include "targets/command/stages.h"

namespace quench {

struct StudyPoint {
  std::string name, series;  // "bits-4-tuned"; the line it belongs to in plots
  Recipe recipe;
  double sparsity = 0;
  int bits = 0;
  bool trains = false;     // a generator of its own, as the recipe says, instead of the bench's
  std::string model = {};  // path of another model to compress; empty: the bench's
};

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Everything that is measured at a point. Without events enough (or seeds, for classifiers) a judgement stays NaN.
struct StudyResult {
  std::int64_t stored_bits = 0;  // what the generated code stores
  std::int64_t naive_bits = 0;   // weights times their width
  std::int64_t weights = 0, nonzeros = 0;
  std::vector<double> separation, separation_error, floor;  // mean over each group's features, in the order of groups
  double response_percent = 0, sd_ratio = 0;
  double log_voxel_correlation = 0, sd_de = 0;  // against the float model, same noise
  double fpd = nan, fpd_error = nan, kpd = nan, kpd_error = nan;
  double auc_low = nan, auc_low_error = nan, auc_high = nan, auc_high_error = nan;
  std::string grade;   // "lossless", "light", "aggressive"; "" without judgements
  std::string reason;  // the class with what keeps it from a better one
  // What samples of one distribution would get, of as many events. The AUC of such is 1/2; this is its deviation.
  double fpd_floor = nan, fpd_floor_error = nan, kpd_floor = nan, kpd_floor_error = nan, auc_chance = nan;
};

// The one list of what is kept of a result.
template <class R, class F>
void study_fields(R& r, F&& f) {
  f("stored_bits", r.stored_bits), f("naive_bits", r.naive_bits), f("weights", r.weights), f("nonzeros", r.nonzeros);
  f("separation", r.separation), f("separation_error", r.separation_error), f("floor", r.floor);
  f("response_percent", r.response_percent), f("sd_ratio", r.sd_ratio);
  f("log_voxel_correlation", r.log_voxel_correlation), f("sd_de", r.sd_de);
  f("fpd", r.fpd), f("fpd_error", r.fpd_error), f("kpd", r.kpd), f("kpd_error", r.kpd_error);
  f("auc_low", r.auc_low), f("auc_low_error", r.auc_low_error), f("auc_high", r.auc_high);
  f("auc_high_error", r.auc_high_error), f("grade", r.grade), f("reason", r.reason);
  f("fpd_floor", r.fpd_floor), f("fpd_floor_error", r.fpd_floor_error);
  f("kpd_floor", r.kpd_floor), f("kpd_floor_error", r.kpd_floor_error), f("auc_chance", r.auc_chance);
}

// Over the groups.
double mean_separation(const StudyResult&);
double mean_separation_error(const StudyResult&);
double mean_floor(const StudyResult&);

struct StudyBench {
  std::string folder;
  Recipe recipe;
  Data data;
  Model model;  // what is compressed, or the teacher
  int threads;
  // The float model's showers, of the energies and the seed that every point repeats, and what is known of them.
  Events from_float;
  JudgeSettings settings;
  Comparison comparison;
  Judgement judgement;
  std::uint64_t events_hash = 0;  // of `data`
};

// Codes and scales that tuning in integers learns: keys that would solve for them go back to their defaults, which
// check_recipe() asks for.
void set_aside_what_is_learned(Recipe::Compress&);

// The model at `given`, or the recipe's: trained in the folder, or what it holds already. It stands there as
// model.onnx.
StudyBench study_bench(const Recipe&, const std::string& folder, const std::string& given, int threads);

// Trained into the folder as NAME.onnx, or what it holds already. NAME.key says whose the files there are; those of
// another recipe, data or teacher are started over, an interrupted training goes on. `teacher`: of the recipe's
// distill.teacher; without nodes: none.
Model kept_model(const StudyBench&, const std::string& name, const Recipe&, const Model& teacher, int threads);

// The float model itself, as a point.
StudyResult float_result(const StudyBench&, int threads);

// Compressed and judged, or what the folder keeps of it: NAME.qprog, and NAME.toml with the result; NAME.onnx and its
// checkpoint where the point trains. A file of another recipe, model or version of quench, or a damaged one, does not
// count.
StudyResult measured(const StudyBench&, const StudyPoint&, int threads);

// All of them, each in a process of its own, as many at a time as the bench has threads.
std::vector<StudyResult> measured_all(const StudyBench&, const std::vector<StudyPoint>&);

}  // namespace quench
