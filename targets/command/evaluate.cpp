// quench evaluate: physics metrics between any two event files.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "engine/core/progress.h"
#include "engine/train/judge.h"
#include "targets/command/metrics.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

int evaluate_verb(const Arguments& a) {
  const Geometry g = geometry(text(a, "--geometry"));
  const int workers = threads(a);
  const Binning binning = binning_from(text(a, "--binning"));
  const Events reference = load_events(text(a, "--reference"), g);
  const Events candidate = load_events(text(a, "--candidate"), g, true);
  JudgeSettings settings;
  settings.seed = seed(a);
  settings.classifier_seeds = static_cast<int>(integer(a, "--classifier-seeds", 0, 100));
  if (given(a, "--official")) settings.classifier = official_classifier();
  const int samples = given(a, "--baseline") ? 2 : 1;
  std::int64_t epochs = 0;
  Progress bar("classifiers", 2 * samples * settings.classifier_seeds * settings.classifier.epochs, "epochs at most");
  settings.after_epoch = [&] { bar.update(++epochs); };
  const auto against = [&](const std::string& name, const Events& events) {
    NamedComparison row{name, compare(g, reference, events, workers, binning),
                        judge_showers(g, reference, events, settings, workers)};
    add_floors(*row.judgement, g, reference, settings, workers);
    return row;
  };
  std::vector<NamedComparison> rows;
  std::vector<NamedPaired> pairs;
  std::optional<Quality> cost;
  if (given(a, "--baseline")) {
    const Events baseline = load_events(text(a, "--baseline"), g, true);
    rows.push_back(against("baseline against reference", baseline));
    rows.push_back(against("candidate against reference", candidate));
    if (baseline.incident_energies == candidate.incident_energies) {
      pairs.push_back({"candidate against baseline, event by event", paired(g, baseline, candidate, workers)});
      cost = quality(rows[0].comparison, *rows[0].judgement, rows[1].comparison, *rows[1].judgement);
    }
  } else {
    rows.push_back(against("candidate against reference", candidate));
  }
  if (given(a, "--json"))
    print(metrics_json(rows, pairs, cost, settings.seed));
  else
    std::printf("%s", metrics_text(rows, pairs, cost, settings.seed).c_str());
  return 0;
}

}  // namespace

Command evaluate_command() {
  return {{"evaluate",
           "Compares candidate showers with reference showers: separation powers, distances and classifiers, with "
           "floors.",
           {},
           {{"--reference", "EVENTS", "", "events of the truth", true},
            {"--candidate", "EVENTS", "", "events to judge", true},
            {"--baseline", "EVENTS", "",
             "events of the uncompressed model; with the candidate's energies also compared event by event, and the "
             "quality class of the compression is told"},
            {"--geometry", "G", "", "read-out geometry of all files", true},
            {"--binning", "B", "automatic",
             "of the histograms: quantiles of the reference, challenge as CaloChallenge, or automatic by geometry"},
            {"--classifier-seeds", "N", "1", "classifiers that are trained for each AUC; 0: none"},
            {"--official", "", "", "classifiers of CaloChallenge: 3 layers of 2048, 50 epochs; many times slower"},
            json_option(),
            seed_option(),
            threads_option()},
           ""},
          evaluate_verb};
}

}  // namespace quench
