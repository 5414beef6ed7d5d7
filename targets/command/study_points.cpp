// What the studies vary, and the tables, plots and files of what they find.
// SPDX-License-Identifier: MIT
#include "targets/command/study_points.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/table.h"
#include "engine/report/judgement_section.h"

namespace quench {
namespace {

constexpr int tune_steps = 3000;  // where the recipe has none

std::string percent(double sparsity) { return std::to_string(static_cast<int>(100 * sparsity + 0.5)); }

StudyPoint point(const Recipe& r, const std::string& name, const std::string& series, int bits, double sparsity,
                 bool tuned) {
  StudyPoint p{name, series, r, sparsity, bits, false};
  p.recipe.compress.bits = bits, p.recipe.compress.sparsity = sparsity;
  const auto steps = [&](int& n) { n = !tuned ? 0 : n > 0 ? n : tune_steps; };
  steps(p.recipe.compress.tune_steps), steps(p.recipe.compress.quantized_tune_steps);
  return p;
}

std::vector<StudyPoint> quantization(const Recipe& r) {
  std::vector<StudyPoint> points;
  for (bool tuned : {false, true})
    for (int bits : {16, 8, 6, 5, 4, 3, 2})
      if (!tuned || bits <= 8)  // at 16 bits there is nothing to win back
        points.push_back(point(r, "bits-" + std::to_string(bits) + (tuned ? "-tuned" : ""),
                               tuned ? "tuned in integers" : "rounded", bits, 0, tuned));
  return points;
}

std::vector<StudyPoint> pruning(const Recipe& r) {
  std::vector<StudyPoint> points;
  for (bool tuned : {false, true})
    for (double sparsity : {0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98}) {
      StudyPoint p = point(r, "zeros-" + percent(sparsity) + (tuned ? "-tuned" : ""), tuned ? "tuned" : "at once",
                           r.compress.bits, sparsity, tuned);
      p.recipe.compress.quantized_tune_steps = 0;  // what pruning alone costs
      points.push_back(std::move(p));
    }
  return points;
}

std::vector<StudyPoint> distillation(const Recipe& r, const std::string& teacher) {
  if (r.model.family != "gan" || r.model.hidden.size() < 2)
    fail("study distillation: needs a recipe of a GAN with at least 2 hidden layers; this one is a ", r.model.family,
         " with ", r.model.hidden.size());
  std::vector<StudyPoint> points;
  for (bool taught : {true, false})
    for (const std::vector<int>& hidden :
         {std::vector<int>{256, 512}, {128, 256}, {96, 192}, {64, 128}, {48, 96}, {32, 64}}) {
      const std::string size = std::to_string(hidden[0]) + "-" + std::to_string(hidden[1]);
      StudyPoint p = point(r, (taught ? "taught-" : "alone-") + size, taught ? "taught" : "trained alone",
                           r.compress.bits, 0, false);
      p.recipe.model.hidden = hidden, p.trains = true;
      p.recipe.distill.budget_bits = 0;  // the widths are the point's
      p.recipe.distill.steps = r.distill.steps > 0 ? r.distill.steps : r.train.steps;
      if (taught)
        p.recipe.distill.teacher = teacher;
      else
        p.recipe.train.steps = p.recipe.distill.steps, p.recipe.distill = {};
      points.push_back(std::move(p));
    }
  return points;
}

std::vector<StudyPoint> combined(const Recipe& r) {
  std::vector<StudyPoint> points;
  for (int bits : {8, 6, 5, 4, 3})
    for (double sparsity : {0.0, 0.5, 0.8, 0.9})
      points.push_back(point(r, "bits-" + std::to_string(bits) + "-zeros-" + percent(sparsity),
                             std::to_string(bits) + " bits", bits, sparsity, true));
  return points;
}

constexpr Group groups[] = {Group::total, Group::layer, Group::centre, Group::width, Group::sparsity, Group::voxel};

std::string with_error(double value, double error, double scale) {
  return std::isnan(value) ? "-" : estimate_text(Estimate{value, error}, scale);
}

std::vector<std::string> header() {
  std::vector<std::string> cells{"point", "bits", "smaller", "naive", "non-zero %"};
  for (Group g : groups) cells.push_back(group_name(g));
  cells.insert(cells.end(), {"response %", "paired corr.", "sd(dE/E)", "FPD", "KPD", "AUC low", "AUC high", "class"});
  return cells;
}

std::vector<std::string> cells(const StudyPoint& p, const StudyResult& r, const StudyResult& of_float) {
  const double naive =
      static_cast<double>(of_float.stored_bits) / static_cast<double>(std::max<std::int64_t>(r.naive_bits, 1));
  std::vector<std::string> row{
      p.name, grouped(r.stored_bits),
      rounded(static_cast<double>(of_float.stored_bits) / static_cast<double>(r.stored_bits), 3), rounded(naive, 3),
      r.weights ? rounded(100 * static_cast<double>(r.nonzeros) / static_cast<double>(r.weights), 3) : "100"};
  for (double s : r.separation) row.push_back(rounded(1e3 * s, 3));
  row.insert(row.end(),
             {rounded(r.response_percent, 2), rounded(r.log_voxel_correlation, 5), rounded(r.sd_de, 2),
              with_error(r.fpd, r.fpd_error, 1e3), with_error(r.kpd, r.kpd_error, 1e3),
              with_error(r.auc_low, r.auc_low_error, 1), with_error(r.auc_high, r.auc_high_error, 1), r.grade});
  return row;
}

std::vector<std::vector<std::string>> rows(const std::vector<StudyPoint>& points,
                                           const std::vector<StudyResult>& results) {
  std::vector<std::vector<std::string>> all;
  for (std::size_t i = 0; i < points.size(); ++i) all.push_back(cells(points[i], results[i], results[0]));
  std::vector<std::string> floor{"statistical floor", "", "", "", ""};
  for (double s : results[0].floor) floor.push_back(rounded(1e3 * s, 3));
  all.push_back(floor);
  return all;
}

constexpr const char* note =
    "Separation powers S in 1e-3, mean over each group's features, against held-out showers; smaller: 32-bit dense "
    "floats over the bits that the generated code stores; naive: over weights times their width; paired: against the "
    "float model's showers of the same noise; FPD and KPD in 1e-3; AUC of classifiers that see voxels (low) or "
    "observables (high).";

// One line for each series, from the results as `of` sees them.
template <class Y>
ReportPlot plot(const std::string& title, const std::string& label, const std::vector<StudyPoint>& points,
                const std::vector<StudyResult>& results, Y&& of) {
  ReportPlot p{title, "stored bits", label, true, true, true, {}};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto same = [&](const ReportLine& line) { return line.name == points[i].series; };
    auto line = std::find_if(p.lines.begin(), p.lines.end(), same);
    if (line == p.lines.end()) line = p.lines.insert(p.lines.end(), {points[i].series, {}, {}, {}});
    line->x.push_back(static_cast<double>(results[i].stored_bits)), line->y.push_back(of(results[i]));
  }
  return p;
}

// In the order in which plot() took the points.
template <class E>
void add_errors(ReportPlot& p, const std::vector<StudyPoint>& points, const std::vector<StudyResult>& results, E&& of) {
  for (std::size_t i = 0; i < points.size(); ++i)
    for (ReportLine& line : p.lines)
      if (line.name == points[i].series) line.error.push_back(of(results[i]));
}

void add_floor(ReportPlot& p, double floor) {
  double lowest = 1e300, highest = 0;
  for (const ReportLine& line : p.lines)
    for (double x : line.x) lowest = std::min(lowest, x), highest = std::max(highest, x);
  p.lines.push_back({"statistical floor", {lowest, highest}, {floor, floor}, {}});
}

}  // namespace

std::vector<StudyPoint> study_points(const std::string& kind, const Recipe& r, const std::string& teacher) {
  if (kind == "quantization") return quantization(r);
  if (kind == "pruning") return pruning(r);
  if (kind == "distillation") return distillation(r, teacher);
  if (kind == "combined") return combined(r);
  fail("study: \"", kind, "\" is not known; choose quantization, pruning, distillation or combined");
}

std::string study_text(const std::vector<StudyPoint>& points, const std::vector<StudyResult>& results) {
  Table table{header(), rows(points, results), {}};
  table.right.assign(table.header.size(), true), table.right[0] = false;
  return table_text(table) + "\n" + note + "\n";
}

Json study_json(const std::string& kind, const Recipe& r, const std::vector<StudyPoint>& points,
                const std::vector<StudyResult>& results) {
  Json j = Json::object();
  j["study"] = kind, j["seed"] = r.seed, j["events"] = r.evaluate.events, j["recipe"] = print_recipe(r);
  std::vector<std::string> names;
  for (Group g : groups) names.push_back(group_name(g));
  j["groups"] = names;
  Json list = Json::array();
  for (std::size_t i = 0; i < points.size(); ++i) {
    Json entry = Json::object();
    entry["point"] = points[i].name, entry["series"] = points[i].series;
    entry["bits"] = points[i].bits, entry["sparsity"] = points[i].sparsity;
    study_fields(results[i], [&](const char* name, const auto& member) {
      if constexpr (std::is_same_v<std::decay_t<decltype(member)>, double>)
        entry[name] = std::isnan(member) ? Json() : Json(member);
      else
        entry[name] = member;
    });
    list.push_back(entry);
  }
  j["points"] = list;
  return j;
}

Report study_report(const std::string& kind, const Recipe& r, const std::vector<StudyPoint>& points,
                    const std::vector<StudyResult>& results) {
  Report report;
  report.title = r.name + ": study of " + kind;
  report.seed = r.seed, report.recipe = print_recipe(r);
  report.summary = std::to_string(points.size() - 1) + " ways to make the float model's " +
                   grouped(results[0].stored_bits) + " bits smaller, judged on " + grouped(r.evaluate.events) +
                   " generated showers each.";
  report.tables.push_back({"Points", note, header(), rows(points, results)});
  ReportPlot all = plot("All groups", "mean separation power", points, results, mean_separation);
  double mean_floor = 0;
  for (double f : results[0].floor) mean_floor += f / static_cast<double>(results[0].floor.size());
  add_floor(all, mean_floor);
  report.plots.push_back(all);
  for (std::size_t g = 0; g < results[0].separation.size(); ++g) {
    ReportPlot one = plot(group_name(groups[g]), "separation power", points, results,
                          [g](const StudyResult& x) { return x.separation[g]; });
    add_floor(one, results[0].floor[g]);
    report.plots.push_back(one);
  }
  if (!std::isnan(results[0].fpd)) {
    ReportPlot fpd =
        plot("Frechet physics distance", "FPD", points, results, [](const StudyResult& x) { return x.fpd; });
    add_errors(fpd, points, results, [](const StudyResult& x) { return x.fpd_error; });
    report.plots.push_back(fpd);
  }
  if (!std::isnan(results[0].auc_high)) {
    ReportPlot auc =
        plot("Classifier on observables", "AUC", points, results, [](const StudyResult& x) { return x.auc_high; });
    auc.log_y = false;
    add_errors(auc, points, results, [](const StudyResult& x) { return x.auc_high_error; });
    report.plots.push_back(auc);
  }
  ReportPlot same = plot("Against the float model", "1 - log-voxel correlation", points, results,
                         [](const StudyResult& x) { return 1 - x.log_voxel_correlation; });
  report.plots.push_back(same);
  return report;
}

}  // namespace quench
