// quench study: the four standard studies of compression, point by point, each point kept so that a study can go on.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "codegen/plan.h"
#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/core/version.h"
#include "engine/model/onnx.h"
#include "engine/report/report.h"
#include "targets/command/models.h"
#include "targets/command/options.h"
#include "targets/command/study_points.h"
#include "targets/command/training.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {
namespace {

struct Study {
  std::string kind, folder;
  Recipe recipe;
  Data data;
  Model model;  // what is compressed, or the teacher
  int threads;
};

// Trains where a study left off, or reads the model that is there already.
Model base_model(const Recipe& r, const Data& data, const std::string& folder, int threads) {
  const std::string path = folder + "/model.onnx", checkpoint = folder + "/model.checkpoint",
                    key = folder + "/model.key";
  const std::string hash = std::to_string(recipe_hash(r, {"", "data", "model", "train", "flow", "vae", "distill"}));
  if (exists(path) && exists(key) && read_file(key) == hash) return load_model(path);
  const bool resume = exists(checkpoint) && exists(key) && read_file(key) == hash + " begun";
  write_file(key, hash + " begun");
  const Trained trained = train_model(r, data, checkpoint, resume, threads);
  if (!trained.finished) fail("study: interrupted while training; the same command goes on from there");
  save_trained(trained, r, path);
  write_file(key, hash);
  return load_model(path);
}

// The float generator of a point: the study's own, or a student of it.
Model point_model(const Study& s, const StudyPoint& point, const std::string& checkpoint) {
  if (!point.trains) return s.model;
  const Trained trained = train_model(point.recipe, s.data, checkpoint, exists(checkpoint), s.threads);
  if (!trained.finished)
    fail("study: interrupted while training ", point.name, "; the same command goes on from there");
  return trained.model;
}

StudyResult measure(const Study& s, const StudyPoint& point, const Events& from_float) {
  const Recipe& r = point.recipe;
  const std::string base = s.folder + "/" + point.name;
  const Model model = point_model(s, point, base + ".checkpoint");
  const Program program = compress_model(r, model, calibration_inputs(r, model, s.threads), s.threads).program;
  write_file(base + ".qprog", program_text(program));
  const Plan host = plan(program, find_target("host"), encoding_from(r.compress.encoding));
  StudyResult result;
  result.stored_bits = host.stored_bits, result.weights = host.multiplications, result.nonzeros = host.nonzeros;
  for (const QNode& node : program.nodes)
    if (const auto* op = std::get_if<QLinear>(&node.op))
      result.naive_bits += static_cast<std::int64_t>(op->weight.size()) * op->weight_bits;
  const Events made = sample(program, r.seed, 0, from_float.incident_energies, s.threads);
  judge(result, s.data.geometry, s.data.reference, from_float, made, binning_from(r.evaluate.binning), s.threads);
  return result;
}

// Measures what is not in the folder yet.
std::vector<StudyResult> results(const Study& s, const std::vector<StudyPoint>& points) {
  const Tensor energies = cycled(s.data.second.incident_energies, s.recipe.evaluate.events);
  const Events from_float = sample(s.model, s.recipe.seed, 0, energies, s.recipe.compress.latent_bits, s.threads);
  std::vector<StudyResult> all;
  StudyResult of_float;
  of_float.stored_bits = of_float.naive_bits = dense_float_bits(s.model);
  judge(of_float, s.data.geometry, s.data.reference, from_float, from_float, binning_from(s.recipe.evaluate.binning),
        s.threads);
  all.push_back(of_float);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string path = s.folder + "/" + points[i].name + ".toml", key = study_key(points[i].recipe, s.model);
    if (exists(path))
      if (const auto kept = read_result(read_file(path), path, key)) {
        all.push_back(*kept);
        continue;
      }
    if (interrupted()) fail("study: interrupted before ", points[i].name, "; the same command goes on from there");
    std::fprintf(stderr, "%zu of %zu: %s\n", i + 1, points.size(), points[i].name.c_str());
    all.push_back(measure(s, points[i], from_float));
    write_file(path, result_text(all.back(), key));
  }
  return all;
}

int study_verb(const Arguments& a) {
  Study s;
  s.kind = a.positionals[0], s.folder = text(a, "--out"), s.threads = threads(a);
  s.recipe = load_recipe(a.positionals[1]);
  for (const std::string& setting : texts(a, "--set")) set_field(s.recipe, setting);
  if (given(a, "--seed")) s.recipe.seed = seed(a);
  check_recipe(s.recipe, a.positionals[1]);
  std::vector<StudyPoint> points = study_points(s.kind, s.recipe, s.folder + "/model.onnx");
  const bool trained = given(a, "--model");
  if (trained) s.model = load_model(text(a, "--model"));
  make_folder(s.folder);
  if (trained) save_model(s.model, s.folder + "/model.onnx");
  s.data = load_data(s.recipe, s.threads);
  if (!trained) s.model = base_model(s.recipe, s.data, s.folder, s.threads);
  const std::vector<StudyResult> all = results(s, points);
  points.insert(points.begin(), {"float model", "float", s.recipe, 0, 32, false});
  Report report = study_report(s.kind, s.recipe, points, all);
  report.program = std::string("quench ") + version;
  report.facts = {{"data", s.data.origin},
                  {"geometry", s.data.geometry.name},
                  {"held-out showers", grouped(s.data.reference.size())},
                  {"generated showers of each point", grouped(s.recipe.evaluate.events)}};
  write_file(s.folder + "/study.html", html_report(report));
  write_file(s.folder + "/study.json", json_text(study_json(s.kind, s.recipe, points, all)) + "\n");
  if (given(a, "--json"))
    print(study_json(s.kind, s.recipe, points, all));
  else
    std::printf("%s\n%s/study.html shows it, study.json holds it\n", study_text(points, all).c_str(), s.folder.c_str());
  return 0;
}

}  // namespace

Command study_command() {
  return {
      {"study",
       "Compresses a recipe's model in many ways and shows quality against size.",
       {{"KIND", "quantization, pruning, distillation or combined"}, {"RECIPE", "a TOML file"}},
       {{"--out", "DIR", "", "folder for the points, study.html and study.json; what is there already is kept", true},
        {"--model", "MODEL.onnx", "", "compress this one instead of training the recipe's"},
        {"--set", "KEY=VALUE", "", "override one key of the recipe", false, true},
        json_option(),
        seed_option(),
        threads_option()},
       ""},
      study_verb};
}

}  // namespace quench
