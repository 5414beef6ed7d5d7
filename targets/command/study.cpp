// quench study: the four standard studies of compression, point by point, each point kept so that a study can go on.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/core/version.h"
#include "engine/report/report.h"
#include "targets/command/options.h"
#include "targets/command/study_points.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

int study_verb(const Arguments& a) {
  const std::string kind = a.positionals[0], folder = text(a, "--out");
  Recipe r = load_recipe(a.positionals[1]);
  for (const std::string& setting : texts(a, "--set")) set_field(r, setting);
  if (given(a, "--seed")) r.seed = seed(a);
  check_recipe(r, a.positionals[1]);
  std::vector<StudyPoint> points = study_points(kind, r, folder + "/model.onnx");
  const int workers = threads(a);
  const StudyBench bench = study_bench(r, folder, given(a, "--model") ? text(a, "--model") : "", workers);
  if (kind == "distillation") points = smaller_students(std::move(points), bench.model);
  std::vector<StudyResult> all = measured_all(bench, points);
  points.insert(points.begin(), {"float model", "float", r, 0, 32, false});
  all.insert(all.begin(), float_result(bench, workers));
  Report report = study_report(kind, r, points, all);
  report.program = std::string("quench ") + version;
  report.facts = {{"data", bench.data.origin},
                  {"geometry", bench.data.geometry.name},
                  {"held-out showers", grouped(bench.data.reference.size())},
                  {"generated showers of each point", grouped(r.evaluate.events)},
                  {"classifiers for each AUC", std::to_string(r.evaluate.classifier_seeds)}};
  write_file(folder + "/study.html", html_report(report));
  write_file(folder + "/study.json", json_text(study_json(kind, r, points, all)) + "\n");
  if (given(a, "--json"))
    print(study_json(kind, r, points, all));
  else
    std::printf("%s\n%s/study.html shows it, study.json holds it\n", study_text(points, all).c_str(), folder.c_str());
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
       "Bits are varied for weights; values between layers keep compress.activation_bits. Quantization has a\n"
       "series in which they have as many as weights, too. What else a point varies overrides the recipe, also\n"
       "that of single layers. Students of distillation are smaller than their teacher, MODEL.onnx or the recipe's.\n"},
      study_verb};
}

}  // namespace quench
