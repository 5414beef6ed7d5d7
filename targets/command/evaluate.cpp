// quench evaluate: physics metrics between any two event files.
// SPDX-License-Identifier: MIT
#include <cstdio>

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
  std::vector<NamedComparison> rows{
      {"candidate against reference", compare(g, reference, candidate, workers, binning)}};
  std::vector<NamedPaired> pairs;
  if (given(a, "--baseline")) {
    const Events baseline = load_events(text(a, "--baseline"), g, true);
    rows.insert(rows.begin(), {"baseline against reference", compare(g, reference, baseline, workers, binning)});
    const bool same = baseline.incident_energies == candidate.incident_energies;
    if (same) pairs.push_back({"candidate against baseline, event by event", paired(g, baseline, candidate, workers)});
  }
  if (given(a, "--json")) {
    print(metrics_json(rows, pairs));
    return 0;
  }
  std::printf("%s", metrics_text(rows, pairs).c_str());
  return 0;
}

}  // namespace

Command evaluate_command() {
  return {{"evaluate",
           "Compares candidate showers with reference showers: separation powers with floors, Wasserstein distances.",
           {},
           {{"--reference", "EVENTS", "", "events of the truth", true},
            {"--candidate", "EVENTS", "", "events to judge", true},
            {"--baseline", "EVENTS", "",
             "events of the uncompressed model; with the candidate's energies also compared event by event"},
            {"--geometry", "G", "", "read-out geometry of all files", true},
            {"--binning", "B", "automatic",
             "of the histograms: quantiles of the reference, challenge as CaloChallenge, or automatic by geometry"},
            json_option(),
            threads_option()},
           ""},
          evaluate_verb};
}

}  // namespace quench
