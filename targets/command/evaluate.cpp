// quench evaluate: physics metrics between any two event files.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <utility>

#include "engine/core/progress.h"
#include "engine/train/judge.h"
#include "targets/command/metrics.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

// Samples of one model, whose noise differs: the same one twice would make errors smaller than they are.
std::vector<Events> load_samples(const Arguments& a, const std::string& option, const Geometry& g) {
  const std::vector<std::string> files = texts(a, option);
  std::vector<Events> samples;
  for (const std::string& file : files) {
    Events sample = load_events(file, g, true);
    if (!samples.empty() && sample.size() != samples[0].size())
      fail(option, " ", file, " holds ", sample.size(), " events, ", files[0], " ", samples[0].size(),
           "; samples whose means are judged need the same number");
    for (std::size_t k = 0; k < samples.size(); ++k)
      if (sample.showers == samples[k].showers)
        fail(option, " ", file, " holds the same ", sample.size(), " showers as ", files[k],
             "; give samples of different seeds");
    samples.push_back(std::move(sample));
  }
  return samples;
}

int evaluate_verb(const Arguments& a) {
  const Geometry g = geometry(text(a, "--geometry"));
  const int workers = threads(a);
  const Binning binning = binning_from(text(a, "--binning"));
  const Events reference = load_events(text(a, "--reference"), g);
  const std::vector<Events> candidates = load_samples(a, "--candidate", g),
                            baselines = load_samples(a, "--baseline", g);
  if (!baselines.empty() && baselines.size() != candidates.size())
    fail("samples of --baseline: ", baselines.size(), ", of --candidate: ", candidates.size(),
         "; give as many of both, in the same order of their seeds");
  JudgeSettings settings;
  settings.seed = seed(a);
  settings.classifier_seeds = static_cast<int>(integer(a, "--classifier-seeds", 0, 100));
  if (given(a, "--official")) settings.classifier = official_classifier();
  const std::size_t samples = candidates.size() + baselines.size();
  std::int64_t epochs = 0;
  Progress bar("classifiers",
               2 * static_cast<std::int64_t>(samples) * settings.classifier_seeds * settings.classifier.epochs,
               "epochs at most");
  settings.after_epoch = [&] { bar.update(++epochs); };
  // Every sample has draws and classifiers of its own.
  const auto against = [&](const std::string& name, const std::vector<Events>& of_model) {
    std::vector<Comparison> comparisons;
    std::vector<Judgement> judgements;
    for (std::size_t k = 0; k < of_model.size(); ++k) {
      JudgeSettings own = settings;
      own.seed += k * static_cast<std::uint64_t>(std::max(settings.classifier_seeds, 1));
      comparisons.push_back(compare(g, reference, of_model[k], workers, binning));
      judgements.push_back(judge_showers(g, reference, of_model[k], own, workers));
    }
    NamedComparison row{name, mean_comparison(comparisons), mean_judgement(judgements)};
    add_floors(*row.judgement, g, reference, settings, workers);
    return row;
  };
  std::vector<NamedComparison> rows;
  std::vector<NamedPaired> pairs;
  std::optional<Quality> cost;
  if (!baselines.empty()) {
    rows.push_back(against("baseline against reference", baselines));
    rows.push_back(against("candidate against reference", candidates));
    bool same_energies = true;
    for (std::size_t k = 0; k < samples / 2; ++k)
      same_energies = same_energies && baselines[k].incident_energies == candidates[k].incident_energies;
    if (same_energies) {
      pairs.push_back({"candidate against baseline, event by event", paired(g, baselines[0], candidates[0], workers)});
      cost = quality(rows[0].comparison, *rows[0].judgement, rows[1].comparison, *rows[1].judgement);
    }
    if (!same_energies)
      std::fprintf(
          stderr,
          "quench: note: no class and no comparison event by event: the incident energies of --candidate differ "
          "from those of --baseline; sample both with the same --energies and --seed\n");
    else if (!cost)
      std::fprintf(stderr,
                   "quench: note: no class: it needs FPD and both classifiers of baseline and candidate; give enough "
                   "events, and "
                   "--classifier-seeds of at least 1\n");
  } else {
    rows.push_back(against("candidate against reference", candidates));
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
            {"--candidate", "EVENTS", "",
             "events to judge; of a model several samples of different seeds, whose means are judged", true, true},
            {"--baseline", "EVENTS", "",
             "events of the uncompressed model, as many samples of the same seeds; with the candidate's energies also "
             "compared event by event (the first sample), and the quality class of the compression is told",
             false, true},
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
