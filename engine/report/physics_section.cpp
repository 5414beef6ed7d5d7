// Separations, same-noise pairs and average showers as HTML.
// SPDX-License-Identifier: MIT
#include "engine/report/physics_section.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/table.h"
#include "engine/report/judgement_section.h"
#include "engine/report/page.h"
#include "engine/report/svg.h"

namespace quench {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string per_mille(double separation) { return rounded(1000 * separation, 3); }

std::string times_floor(double separation, double floor) {
  return floor > 0 ? rounded(separation / floor, 3) : std::string("-");
}

std::string group_table(const Report& report) {
  Rows rows;
  for (const GroupSummary& group : report.candidates[0].comparison.groups) {
    for (const ReportCandidate& candidate : report.candidates) {
      for (const GroupSummary& g : candidate.comparison.groups) {
        if (g.group != group.group) continue;
        const std::string unit = g.unit.empty() ? "" : " " + escaped(g.unit);
        const bool first = &candidate == &report.candidates[0];
        rows.push_back(
            {first ? group_title(g.group) : "", first ? std::to_string(g.features) : "", escaped(candidate.name),
             per_mille(g.mean_separation) + " &#177; " + rounded(1e3 * g.mean_separation_error, 2),
             per_mille(g.mean_floor), times_floor(g.mean_separation, g.mean_floor), per_mille(g.max_separation),
             escaped(g.worst), rounded(g.mean_wasserstein, 3) + unit, rounded(g.mean_wasserstein_floor, 3) + unit});
      }
    }
  }
  return html_table(
      {"features", "number", "sample", "mean S &#215; 1000", "floor &#215; 1000", "mean S / floor",
       "largest S &#215; 1000", "of feature", "mean W1", "W1 floor"},
      rows,
      "Separation power S from the reference (0: equal, 1: no overlap), averaged over the features "
      "of each group with at most its standard deviation, and the Wasserstein-1 distance, with their statistical "
      "floors");
}

std::string response_table(const Report& report) {
  Rows rows;
  for (const ReportCandidate& candidate : report.candidates) {
    const Comparison& c = candidate.comparison;
    rows.push_back({escaped(candidate.name), grouped(c.candidate_events), grouped(c.reference_events),
                    rounded(c.response_difference_percent, 3) + " %", rounded(c.response_sd_ratio, 4)});
  }
  return html_table({"sample", "showers", "reference showers", "mean response difference", "spread ratio"}, rows,
                    "Response E_tot / E_inc against the reference: difference of the mean, ratio of the standard "
                    "deviations");
}

std::string paired_table(const Report& report) {
  Rows rows;
  for (const ReportPaired& pair : report.paired) {
    const Paired& p = pair.paired;
    rows.push_back({escaped(pair.first) + " &#8594; " + escaped(pair.second), grouped(p.events),
                    rounded(p.log_voxel_correlation, 5), rounded(100 * p.emptiness_differs, 3) + " %",
                    rounded(100 * p.mean_de, 3) + " %", rounded(100 * p.sd_de, 3) + " %",
                    rounded(100 * p.max_abs_de, 3) + " %", grouped(p.skipped_events)});
  }
  if (rows.empty()) return "";
  return "<h3>Same noise, same energies</h3>\n" +
         paragraph("Event by event: what compression changed in the very same showers.") +
         html_table({"pair", "showers", "correlation of ln(voxel energy)", "voxels empty in one only", "mean &#916;E/E",
                     "sd of &#916;E/E", "largest |&#916;E/E|", "skipped (empty)"},
                    rows);
}

// --- average showers

// A grid of cells is one panel of y rows; rings with azimuth are r rows of alpha columns.
HeatPanel layer_panel(const GeometryLayer& layer, const std::vector<double>& mean, std::size_t begin) {
  const int voxels = std::max(static_cast<int>(layer.r.size()), 1);
  int columns = voxels;
  if (layer.x_edges.size() > 1)
    columns = static_cast<int>(layer.x_edges.size()) - 1;
  else if (layer.alpha_bins > 1 && layer.r_edges.size() > 1)
    columns = static_cast<int>(layer.r_edges.size()) - 1;
  HeatPanel panel{"layer " + layer.name, voxels / columns, columns, {}};
  for (std::size_t k = 0; k < layer.r.size(); ++k) panel.values.push_back(mean[begin + k]);
  return panel;
}

// Layers of one row each become the rows of one map.
HeatPanel stacked(const std::vector<HeatPanel>& layers) {
  HeatPanel map;
  map.rows = static_cast<int>(layers.size());
  for (const HeatPanel& layer : layers) map.columns = std::max(map.columns, layer.columns);
  for (const HeatPanel& layer : layers) {
    map.values.insert(map.values.end(), layer.values.begin(), layer.values.end());
    map.values.resize(map.values.size() + static_cast<std::size_t>(map.columns - layer.columns));
  }
  return map;
}

HeatMap shower_map(const std::string& title, const Geometry& geometry, const std::vector<double>& mean) {
  HeatMap map;
  map.title = title;
  std::vector<HeatPanel> layers;
  const std::vector<int> begin = geometry.layer_begin();
  bool rows_only = true;
  for (std::size_t l = 0; l < geometry.layers.size(); ++l) {
    layers.push_back(layer_panel(geometry.layers[l], mean, static_cast<std::size_t>(begin[l])));
    rows_only = rows_only && layers.back().rows == 1;
    map.row_names.push_back(geometry.layers[l].name);
  }
  map.panels = rows_only ? std::vector<HeatPanel>{stacked(layers)} : layers;
  const bool rings = geometry.layers[0].x_edges.empty();
  map.x_label = rings ? "ring, from the axis outwards" : "cell";
  map.y_label = "layer (depth)";
  map.panels_per_row = layers.size() > 24 ? 8 : 4;
  return map;
}

}  // namespace

const char* group_title(Group group) {
  switch (group) {
    case Group::total:
      return "total energy";
    case Group::layer:
      return "layer energies";
    case Group::centre:
      return "centres";
    case Group::width:
      return "widths";
    case Group::sparsity:
      return "sparsity";
    case Group::voxel:
      return "voxel energies";
  }
  return "";
}

std::string separation_section(const Report& report) {
  if (report.candidates.empty() && report.paired.empty()) return "";
  std::string body;
  if (!report.reference.empty()) body += paragraph("Reference: " + escaped(report.reference) + ".");
  if (!report.candidates.empty()) body += group_table(report) + response_table(report) + judgement_table(report);
  return section("physics", "Physics", body + paired_table(report));
}

std::string shower_section(const Report& report) {
  if (!report.geometry || report.candidates.empty()) return "";
  const Geometry& geometry = *report.geometry;
  std::vector<std::pair<std::string, const MeanShower*>> showers;
  showers.push_back({"reference", &report.candidates[0].comparison.reference_mean});
  for (const ReportCandidate& c : report.candidates)
    if (c.drawn) showers.push_back({c.name, &c.comparison.candidate_mean});
  double highest = 0;
  for (const auto& shower : showers) {
    if (shower.second->mean.size() != static_cast<std::size_t>(geometry.voxels())) {
      fail("report: the mean shower of ", shower.first, " has ", shower.second->mean.size(), " voxels, geometry ",
           geometry.name, " has ", geometry.voxels());
    }
    for (const double v : shower.second->mean) highest = std::max(highest, v);
  }
  if (!(highest > 0)) return "";
  double lowest = highest;  // five decades at most: what is below has the first colour
  for (const auto& shower : showers)
    for (const double v : shower.second->mean) lowest = v > 0 ? std::max(std::min(lowest, v), highest * 1e-5) : lowest;
  std::string plots;
  for (const auto& shower : showers) {
    HeatMap map = shower_map(shower.first, geometry, shower.second->mean);
    map.lowest = lowest;
    map.highest = highest;
    plots += figure(svg(map), "");
  }
  return section("showers", "Average showers",
                 "<div class=\"plots\">" + plots + "</div>\n<div class=\"wide\">" +
                     colour_scale(lowest, highest, "mean energy of a voxel, MeV (blank: no energy)") + "</div>\n");
}

}  // namespace quench
