// Overlaid histograms of every feature, and the table of all numbers.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/table.h"
#include "engine/report/page.h"
#include "engine/report/physics_section.h"
#include "engine/report/svg.h"

namespace quench {
namespace {

constexpr std::size_t shown_per_group = 12;  // the others are folded

std::int64_t entries(const Histogram& h) {
  std::int64_t sum = h.zeros + h.below + h.above;
  for (const std::int64_t count : h.counts) sum += count;
  return sum;
}

std::vector<double> fractions(const Histogram& h) {
  const double total = static_cast<double>(std::max<std::int64_t>(entries(h), 1));
  std::vector<double> result;
  for (const std::int64_t count : h.counts) result.push_back(static_cast<double>(count) / total);
  return result;
}

std::string outside_text(const Histogram& h) {
  const double total = static_cast<double>(std::max<std::int64_t>(entries(h), 1));
  std::string text = rounded(100 * static_cast<double>(h.below + h.above) / total, 2) + " %";
  if (h.zeros > 0) text += " (zeros " + rounded(100 * static_cast<double>(h.zeros) / total, 2) + " %)";
  return text;
}

std::string feature_plot(const Report& report, std::size_t k) {
  const Feature& first = report.candidates[0].comparison.features[k];
  StepPlot plot;
  plot.title = first.name;
  plot.x_label = first.name + (first.unit.empty() ? "" : ", " + first.unit);
  plot.y_label = first.group == Group::voxel ? "fraction of voxels" : "fraction of showers";
  plot.edges = first.reference.edges;
  plot.log_x = first.reference.logarithmic;
  plot.curves.push_back({"reference", 0, {}, fractions(first.reference)});
  std::string caption, outside = "outside the axis: reference " + outside_text(first.reference);
  for (const ReportCandidate& candidate : report.candidates) {
    if (!candidate.drawn) continue;
    const Feature& f = candidate.comparison.features[k];
    const std::string name = escaped(candidate.name);
    plot.curves.push_back({candidate.name, static_cast<int>(plot.curves.size()), {}, fractions(f.candidate)});
    const std::string unit = f.unit.empty() ? "" : " " + escaped(f.unit);
    caption += name + ": S " + rounded(f.separation, 3) + " (floor " + rounded(f.floor, 2) + "), W1 " +
               rounded(f.wasserstein, 3) + unit + " (floor " + rounded(f.wasserstein_floor, 2) + ")<br>";
    outside += ", " + name + " " + outside_text(f.candidate);
  }
  return figure(svg(plot), caption + outside);
}

std::string key(const Report& report) {
  std::string out = "<div class=\"key\">" + key_item("reference", 0);
  int colour = 1;
  for (const ReportCandidate& c : report.candidates)
    if (c.drawn) out += key_item(c.name, std::min(colour++, 4));
  return out + "</div>\n";
}

std::string group_plots(const Report& report, const char* title, Group group, Group also) {
  const std::vector<Feature>& features = report.candidates[0].comparison.features;
  std::string shown, folded;
  std::size_t count = 0;
  for (std::size_t k = 0; k < features.size(); ++k)
    if (features[k].group == group || features[k].group == also)
      (count++ < shown_per_group ? shown : folded) += feature_plot(report, k);
  if (count == 0) return "";
  std::string out = "<h3>" + std::string(title) + "</h3>\n" + key(report);
  out += "<div class=\"plots\">" + shown + "</div>\n";
  if (folded.empty()) return out;
  return out + details("the other " + std::to_string(count - shown_per_group) + " histograms of this group",
                       "<div class=\"plots\">" + folded + "</div>\n");
}

std::string feature_table(const Report& report) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t k = 0; k < report.candidates[0].comparison.features.size(); ++k) {
    for (std::size_t c = 0; c < report.candidates.size(); ++c) {
      const Feature& f = report.candidates[c].comparison.features[k];
      rows.push_back({c == 0 ? escaped(f.name) : "", escaped(report.candidates[c].name),
                      rounded(1000 * f.separation, 3), rounded(1000 * f.floor, 3),
                      f.floor > 0 ? rounded(f.separation / f.floor, 3) : "-", rounded(f.wasserstein, 3),
                      rounded(f.wasserstein_floor, 3), rounded(f.reference_mean, 4), rounded(f.candidate_mean, 4),
                      rounded(f.reference_sd, 4), rounded(f.candidate_sd, 4), c == 0 ? escaped(f.unit) : "",
                      grouped(f.reference_values), grouped(f.candidate_values)});
    }
  }
  return html_table({"feature", "sample", "S &#215; 1000", "floor &#215; 1000", "S / floor", "W1", "W1 floor",
                     "mean, reference", "mean", "sd, reference", "sd", "unit", "values, reference", "values"},
                    rows);
}

}  // namespace

void check_comparisons(const Report& report) {
  for (const ReportCandidate& candidate : report.candidates) {
    const std::vector<Feature>& first = report.candidates[0].comparison.features;
    const std::vector<Feature>& features = candidate.comparison.features;
    if (features.size() != first.size()) {
      fail("report: ", candidate.name, " was compared in ", features.size(), " features, ", report.candidates[0].name,
           " in ", first.size());
    }
    for (std::size_t k = 0; k < features.size(); ++k) {
      const Feature& f = features[k];
      if (f.name != first[k].name || f.reference.edges != first[k].reference.edges ||
          f.candidate.edges != f.reference.edges)
        fail("report: ", candidate.name, ": feature ", f.name, " does not share the reference's histogram edges");
      const std::size_t bins = f.reference.counts.size();
      if (bins + 1 != f.reference.edges.size() || f.candidate.counts.size() != bins)
        fail("report: ", candidate.name, ": feature ", f.name, " has ", f.candidate.counts.size(), " bins and ",
             f.reference.edges.size(), " edges");
    }
  }
}

std::string histogram_section(const Report& report) {
  if (report.candidates.empty()) return "";
  std::string body = group_plots(report, "total and voxel energies", Group::total, Group::voxel);
  for (const Group group : {Group::layer, Group::centre, Group::width, Group::sparsity})
    body += group_plots(report, group_title(group), group, group);
  return section("histograms", "Histograms", body) +
         section("features", "All features", details("table of every feature", feature_table(report)));
}

}  // namespace quench
