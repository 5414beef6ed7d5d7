// Tables of separation powers with their statistical floors.
// SPDX-License-Identifier: MIT
#include "targets/command/metrics.h"

#include "engine/core/table.h"
#include "engine/report/judgement_section.h"

namespace quench {
namespace {

// "20000 v 20000"; of the means over samples "5 x 20000 v 20000".
template <class Compared>
std::string events_text(const Compared& c) {
  return (c.samples > 1 ? std::to_string(c.samples) + " x " : "") + std::to_string(c.candidate_events) + " v " +
         std::to_string(c.reference_events);
}

// Distances and classifiers of the rows that were judged, with floors, seeds, sample sizes and notes; "" without any.
std::string judgements_text(const std::vector<NamedComparison>& rows, std::uint64_t seed) {
  Table table;
  table.header = {"", "events", "FPD", "KPD", "AUC voxels", "AUC features", "JSD voxels", "JSD features"};
  table.right.assign(table.header.size(), true);
  table.right[0] = false;
  std::string below, tested;
  for (const NamedComparison& row : rows) {
    if (!row.judgement) continue;
    const Judgement& j = *row.judgement;
    std::vector<std::string> cells{row.name, events_text(j), estimate_text(j.frechet, 1e3),
                                   estimate_text(j.kernel, 1e3)};
    std::vector<std::string> floors{"  floor", "", estimate_text(j.frechet_floor, 1e3),
                                    estimate_text(j.kernel_floor, 1e3)};
    for (const auto* c : {&j.low, &j.high}) {
      cells.push_back(*c ? estimate_text((*c)->auc) : "-");
      floors.push_back(*c ? estimate_text(Estimate{0.5, (*c)->chance_of_mean()}) : "-");
    }
    for (const auto* c : {&j.low, &j.high}) cells.push_back(*c ? rounded((*c)->divergence, 2) : "-");
    table.rows.push_back(cells);
    table.rows.push_back(floors);
    for (const std::string& note : j.notes) below += row.name + ": " + note + "\n";
    if (j.high && tested.empty())
      tested = "classifiers of each kind: " + std::to_string(j.high->seeds) + ", tested on " +
               std::to_string(j.high->test_events) + " events of each sample\n";
  }
  if (table.rows.empty()) return "";
  return "\nDistances in 1e-3 of high-level features, and classifiers; seed " + std::to_string(seed) + "\n\n" +
         table_text(table) + tested + below;
}

// Wasserstein-1 distances of the groups in their features' units, with floors.
std::string wasserstein_text(const std::vector<NamedComparison>& rows) {
  Table table;
  table.header = {"", "events"};
  for (const GroupSummary& g : rows.front().comparison.groups)
    table.header.push_back(group_name(g.group) + (g.unit.empty() ? "" : ", " + g.unit));
  table.right.assign(table.header.size(), true);
  table.right[0] = false;
  for (const NamedComparison& row : rows) {
    std::vector<std::string> cells{row.name, events_text(row.comparison)}, floors{"  floor", ""};
    for (const GroupSummary& g : row.comparison.groups)
      cells.push_back(rounded(g.mean_wasserstein, 3)), floors.push_back(rounded(g.mean_wasserstein_floor, 3));
    table.rows.push_back(cells);
    table.rows.push_back(floors);
  }
  return "\nWasserstein-1 distance, mean over the group's features, and its statistical floor\n\n" + table_text(table);
}

}  // namespace

std::string metrics_text(const std::vector<NamedComparison>& rows, const std::vector<NamedPaired>& pairs,
                         const std::optional<Quality>& quality, std::uint64_t seed) {
  std::string out =
      "Separation power S in 1e-3, mean over the group's features (largest), its error and its statistical floor\n\n";
  Table table;
  table.header = {"", "events"};
  for (const GroupSummary& g : rows.front().comparison.groups) table.header.push_back(group_name(g.group));
  table.header.insert(table.header.end(), {"response %", "sd ratio"});
  for (const NamedComparison& row : rows) {
    const Comparison& c = row.comparison;
    std::vector<std::string> cells{row.name, events_text(c)};
    std::vector<std::string> errors{"  error, at most", ""}, floors{"  floor", ""};
    for (const GroupSummary& g : c.groups) {
      cells.push_back(rounded(1e3 * g.mean_separation, 3) +
                      (g.features > 1 ? " (" + rounded(1e3 * g.max_separation, 3) + ")" : ""));
      errors.push_back(rounded(1e3 * g.mean_separation_error, 2));
      floors.push_back(rounded(1e3 * g.mean_floor, 3));
    }
    cells.insert(cells.end(), {rounded(c.response_difference_percent, 2), rounded(c.response_sd_ratio, 3)});
    table.rows.push_back(cells);
    table.rows.push_back(errors);
    table.rows.push_back(floors);
  }
  table.right.assign(table.header.size(), true);
  table.right[0] = false;
  out += table_text(table) + wasserstein_text(rows) + judgements_text(rows, seed);
  for (const NamedPaired& p : pairs)
    out += "\n" + p.name + " (" + std::to_string(p.paired.events) + " events): log-voxel correlation " +
           rounded(p.paired.log_voxel_correlation, 6) + ", sd(dE/E) " + rounded(p.paired.sd_de, 3) + ", mean(dE/E) " +
           rounded(p.paired.mean_de, 3) + ", max |dE/E| " + rounded(p.paired.max_abs_de, 3) +
           ", voxels empty in one only " + rounded(100 * p.paired.emptiness_differs, 3) + " %\n";
  if (quality) out += "\nquality class " + quality_text(*quality) + "\n";
  return out;
}

Json metrics_json(const std::vector<NamedComparison>& rows, const std::vector<NamedPaired>& pairs,
                  const std::optional<Quality>& quality, std::uint64_t seed) {
  Json out = Json::object();
  out["seed"] = seed;
  Json comparisons = Json::array();
  for (const NamedComparison& row : rows) {
    const Comparison& c = row.comparison;
    Json entry = Json::object();
    entry["name"] = row.name;
    entry["reference_events"] = c.reference_events, entry["candidate_events"] = c.candidate_events;
    entry["samples"] = c.samples;
    entry["response_difference_percent"] = c.response_difference_percent,
    entry["response_sd_ratio"] = c.response_sd_ratio;
    Json groups = Json::object();
    for (const GroupSummary& g : c.groups) {
      Json& group = groups[group_name(g.group)];
      group["mean_separation"] = g.mean_separation, group["max_separation"] = g.max_separation;
      group["mean_separation_error"] = g.mean_separation_error;
      group["mean_floor"] = g.mean_floor, group["mean_wasserstein"] = g.mean_wasserstein;
      group["mean_wasserstein_floor"] = g.mean_wasserstein_floor, group["unit"] = g.unit;
      group["features"] = g.features, group["worst"] = g.worst;
    }
    entry["groups"] = groups;
    Json features = Json::array();
    for (const Feature& f : c.features) {
      Json feature = Json::object();
      feature["name"] = f.name, feature["unit"] = f.unit, feature["group"] = group_name(f.group);
      feature["separation"] = f.separation, feature["separation_error"] = f.separation_error;
      feature["floor"] = f.floor, feature["wasserstein"] = f.wasserstein;
      feature["wasserstein_floor"] = f.wasserstein_floor;
      feature["reference_values"] = f.reference_values, feature["candidate_values"] = f.candidate_values;
      features.push_back(feature);
    }
    entry["features"] = features;
    if (row.judgement) entry["judgement"] = judgement_json(*row.judgement);
    comparisons.push_back(entry);
  }
  out["comparisons"] = comparisons;
  Json list = Json::array();
  for (const NamedPaired& p : pairs) {
    Json entry = Json::object();
    entry["name"] = p.name, entry["events"] = p.paired.events;
    entry["log_voxel_correlation"] = p.paired.log_voxel_correlation,
    entry["emptiness_differs"] = p.paired.emptiness_differs;
    entry["max_abs_de"] = p.paired.max_abs_de, entry["mean_de"] = p.paired.mean_de, entry["sd_de"] = p.paired.sd_de;
    list.push_back(entry);
  }
  out["paired"] = list;
  if (quality) out["quality"] = quality_json(*quality);
  return out;
}

}  // namespace quench
