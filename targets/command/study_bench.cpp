// Points of studies: measured once, kept, read again.
// SPDX-License-Identifier: MIT
#include "targets/command/study_bench.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "codegen/plan.h"
#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/core/field_value.h"
#include "engine/core/files.h"
#include "engine/core/recipe_stages.h"
#include "engine/core/toml.h"
#include "engine/core/version.h"
#include "engine/model/onnx.h"
#include "engine/train/hash.h"
#include "targets/command/models.h"
#include "targets/command/processes.h"
#include "targets/command/training.h"
#include "targets/targets.h"

namespace quench {
namespace {

std::string kept(std::int64_t x) { return std::to_string(x); }
std::string kept(double x) { return std::isnan(x) ? "\"none\"" : value_text(x); }
std::string kept(const std::string& s) { return toml_string(s); }
std::string kept(const std::vector<double>& list) {
  std::string text;
  for (double x : list) text += (text.empty() ? "[" : ", ") + value_text(x);
  return text + "]";
}

bool read(const TomlValue& v, std::int64_t& to) {
  const std::int64_t* x = std::get_if<std::int64_t>(&v.value);
  if (x) to = *x;
  return x;
}
bool read(const TomlValue& v, double& to) {
  const double* x = std::get_if<double>(&v.value);
  to = x ? *x : nan;
  return x || std::holds_alternative<std::string>(v.value);
}
bool read(const TomlValue& v, std::string& to) {
  const std::string* s = std::get_if<std::string>(&v.value);
  if (s) to = *s;
  return s;
}
bool read(const TomlValue& v, std::vector<double>& to) {
  const std::vector<TomlValue>* items = std::get_if<std::vector<TomlValue>>(&v.value);
  to.resize(items ? items->size() : 0);
  for (std::size_t i = 0; i < to.size(); ++i)
    if (!read((*items)[i], to[i])) return false;
  return items;
}

std::string result_text(const StudyResult& r, const std::string& key) {
  std::string text = "key = \"" + key + "\"\n";
  study_fields(r,
               [&](const char* name, const auto& member) { text += std::string(name) + " = " + kept(member) + "\n"; });
  return text;
}

// Nothing when it is damaged, or of another key.
std::optional<StudyResult> read_result(const std::string& text, const std::string& path, const std::string& key) {
  TomlDocument document;
  try {
    document = parse_toml(text, path);
  } catch (const Error&) {
    return {};
  }
  const auto entry = [&](const std::string& name) {
    return std::find_if(document.entries.begin(), document.entries.end(),
                        [&](const TomlEntry& e) { return e.key == name; });
  };
  const auto end = document.entries.end();
  std::string of;
  if (entry("key") == end || !read(entry("key")->value, of) || of != key) return {};
  StudyResult r;
  bool whole = true;
  study_fields(r, [&](const char* name, auto& member) {
    whole = whole && entry(name) != end && read(entry(name)->value, member);
  });
  if (!whole) return {};
  return r;
}

// Files may hold other events, and another geometry, than those of their names did before.
std::uint64_t hash_of(const Data& data) {
  Hash h;
  h.text(data.origin), h.text(data.geometry.name), h.number(data.geometry.threshold_mev);
  for (const GeometryLayer& layer : data.geometry.layers)
    for (const std::vector<double>* of_voxels : {&layer.r, &layer.x, &layer.y}) {
      h.word(of_voxels->size());
      for (const double mm : *of_voxels) h.number(mm);
    }
  for (const Events* events : {&data.training, &data.reference, &data.second})
    h.tensor(events->showers), h.tensor(events->incident_energies);
  return h.value;
}

// Of all that decides a result.
std::string key_of(const StudyBench& s, const Recipe& r) {
  Hash h;
  h.text(version), h.word(recipe_hash(r)), h.word(s.events_hash);
  for_each_parameter(s.model, [&](std::size_t, const std::string&, const Tensor& t) { h.tensor(t); });
  return std::to_string(h.value);
}

// Of all that decides what is trained. A teacher counts by its weights.
std::string training_key(const StudyBench& s, const Recipe& r, const Model& teacher) {
  std::vector<std::string> sections{"", "data", "model", "train", "flow", "vae", "distill"};
  if (r.distill.budget_bits > 0) sections.push_back("compress");  // which says how wide a student may be
  Hash h;
  h.word(recipe_hash(r, sections)), h.word(static_cast<std::uint64_t>(r.compress.latent_bits)), h.word(s.events_hash);
  for_each_parameter(teacher, [&](std::size_t, const std::string&, const Tensor& t) { h.tensor(t); });
  return std::to_string(h.value);
}

// The float generator of a point: the bench's own, another, or one that is trained now.
Model point_model(const StudyBench& s, const StudyPoint& point, int threads) {
  if (!point.model.empty()) return load_model(point.model);
  if (!point.trains) return s.model;
  return kept_model(s, point.name, point.recipe, point.recipe.distill.teacher.empty() ? Model() : s.model, threads);
}

void judge(StudyResult& result, const StudyBench& s, const Events& candidate, int threads) {
  const Comparison c =
      compare(s.data.geometry, s.data.reference, candidate, threads, binning_from(s.recipe.evaluate.binning));
  for (const GroupSummary& g : c.groups)
    result.separation.push_back(g.mean_separation), result.separation_error.push_back(g.mean_separation_error),
        result.floor.push_back(g.mean_floor);
  result.response_percent = c.response_difference_percent, result.sd_ratio = c.response_sd_ratio;
  const Paired same_noise = paired(s.data.geometry, s.from_float, candidate, threads);
  result.log_voxel_correlation = same_noise.log_voxel_correlation, result.sd_de = same_noise.sd_de;
  const Judgement found = judge_showers(s.data.geometry, s.data.reference, candidate, s.settings, threads);
  const auto take = [](const std::optional<Estimate>& e, double& value, double& error) {
    if (e) value = e->value, error = e->error;
  };
  take(found.frechet, result.fpd, result.fpd_error), take(found.kernel, result.kpd, result.kpd_error);
  take(s.judgement.frechet_floor, result.fpd_floor, result.fpd_floor_error);
  take(s.judgement.kernel_floor, result.kpd_floor, result.kpd_floor_error);
  if (found.low) take(found.low->auc, result.auc_low, result.auc_low_error);
  if (found.high) take(found.high->auc, result.auc_high, result.auc_high_error);
  if (found.high) result.auc_chance = found.high->chance_of_mean();
  if (const auto q = quality(s.comparison, s.judgement, c, found))
    result.grade = class_name(q->grade), result.reason = quality_text(*q);
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v / static_cast<double>(values.size());
  return sum;
}

}  // namespace

double mean_separation(const StudyResult& r) { return mean(r.separation); }
double mean_separation_error(const StudyResult& r) { return mean(r.separation_error); }
double mean_floor(const StudyResult& r) { return mean(r.floor); }

Model kept_model(const StudyBench& s, const std::string& name, const Recipe& r, const Model& teacher, int threads) {
  const std::string base = s.folder + "/" + name, path = base + ".onnx", key = training_key(s, r, teacher),
                    key_path = base + ".key", found = exists(key_path) ? read_file(key_path) : "";
  if (exists(path) && found == key) return load_model(path);
  // A student's checkpoint, and a flow's after its own.
  const std::string checkpoint = base + ".checkpoint", of_distillation = checkpoint + ".distillation";
  if (found != key + " begun")
    for (const std::string& stale : {checkpoint, of_distillation}) std::filesystem::remove(stale);
  write_file(key_path, key + " begun");
  std::fprintf(stderr, "train %s ...\n", name.c_str());
  const Trained trained = train_model(r, s.data, checkpoint, exists(checkpoint) || exists(of_distillation), threads);
  if (!trained.finished) fail("the training of ", path, " was interrupted; the same command goes on from there");
  save_trained(trained, r, path);
  write_file(key_path, key);
  return load_model(path);
}

void set_aside_what_is_learned(Recipe::Compress& c) {
  const Recipe::Compress usual;
  c.rounding = usual.rounding, c.weight_range = usual.weight_range, c.bias_correction = usual.bias_correction;
  c.calibration = usual.calibration, c.percentile = usual.percentile, c.symmetric = usual.symmetric;
}

StudyBench study_bench(const Recipe& r, const std::string& folder, const std::string& given, int threads) {
  if (!usual_stages(r))
    fail(
        "compress.stages is for quench run and compress; a study and a search choose the stages of their points "
        "themselves: set it to [\"*\"]");
  StudyBench s{folder, r, {}, {}, threads, {}, {}, {}, {}};
  if (!given.empty()) s.model = load_model(given);
  make_folder(folder);
  if (!given.empty()) save_model(s.model, folder + "/model.onnx"), std::filesystem::remove(folder + "/model.key");
  s.data = load_data(r, threads), s.events_hash = hash_of(s.data);
  if (given.empty()) s.model = kept_model(s, "model", r, {}, threads);
  s.settings.seed = r.seed, s.settings.classifier_seeds = r.evaluate.classifier_seeds;
  const Tensor energies = generated_energies(s.data, r.evaluate.events);
  s.from_float = sample(s.model, r.seed, 0, energies, r.compress.latent_bits, threads);
  s.comparison = compare(s.data.geometry, s.data.reference, s.from_float, threads, binning_from(r.evaluate.binning));
  s.judgement = judge_showers(s.data.geometry, s.data.reference, s.from_float, s.settings, threads);
  if (s.judgement.frechet) add_floors(s.judgement, s.data.geometry, s.data.reference, s.settings, threads);
  return s;
}

StudyResult float_result(const StudyBench& s, int threads) {
  StudyResult r;
  r.stored_bits = r.naive_bits = dense_float_bits(s.model);
  judge(r, s, s.from_float, threads);
  r.grade = r.reason = "";
  return r;
}

StudyResult measured(const StudyBench& s, const StudyPoint& point, int threads) {
  const std::string base = s.folder + "/" + point.name, path = base + ".toml", key = key_of(s, point.recipe);
  if (exists(path) && exists(base + ".qprog"))
    if (const auto kept_result = read_result(read_file(path), path, key)) return *kept_result;
  if (interrupted()) fail("study: interrupted before ", point.name, "; the same command goes on from there");
  std::fprintf(stderr, "%s ...\n", point.name.c_str());
  const Recipe& r = point.recipe;
  const Model model = point_model(s, point, threads);
  const Program program = compress_model(r, model, calibration_inputs(r, model, threads), {&s.data}, threads).program;
  write_file(base + ".qprog", program_text(program));
  const Plan host = plan(program, find_target("host"), encoding_from(r.compress.encoding));
  StudyResult result;
  result.stored_bits = host.stored_bits, result.weights = host.multiplications, result.nonzeros = host.nonzeros;
  for (const QNode& node : program.nodes)
    if (const auto* op = std::get_if<QLinear>(&node.op))
      result.naive_bits += static_cast<std::int64_t>(op->weight.size()) * op->weight_bits;
  judge(result, s, sample(program, r.seed, 0, s.from_float.incident_energies, threads), threads);
  write_file(path, result_text(result, key));
  return result;
}

std::vector<StudyResult> measured_all(const StudyBench& s, const std::vector<StudyPoint>& points) {
  in_processes(s.threads, points.size(), [&](std::size_t i) { measured(s, points[i], 1); });
  std::vector<StudyResult> all;
  for (const StudyPoint& point : points) all.push_back(measured(s, point, s.threads));  // kept
  return all;
}

}  // namespace quench
