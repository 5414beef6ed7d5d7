// What the studies vary, and the tables, plots and files of what they find.
// SPDX-License-Identifier: MIT
#include "targets/command/study_points.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/core/table.h"
#include "engine/report/judgement_section.h"
#include "engine/train/deploy.h"
#include "engine/train/student_widths.h"
#include "targets/command/training.h"

namespace quench {
namespace {

constexpr int tune_steps = 3000;  // where the recipe has none

std::string percent(double sparsity) { return std::to_string(static_cast<int>(100 * sparsity + 0.5)); }

enum class Tuned { no, in_floats, in_integers };  // in integers: behind that of what is pruned

// All layers alike, in the usual stages. What the recipe says of single layers, of zeros that are learned, and what
// check_recipe() refuses beside the point's own settings is set aside.
StudyPoint point(const Recipe& r, const std::string& name, const std::string& series, int bits, double sparsity,
                 Tuned tuned) {
  StudyPoint p{name, series, r, sparsity, bits, false};
  Recipe::Compress& c = p.recipe.compress;
  const Recipe::Compress usual;
  const auto steps = [](bool wanted, int of_recipe) { return !wanted ? 0 : of_recipe > 0 ? of_recipe : tune_steps; };
  c.bits = bits, c.sparsity = sparsity;
  c.tune_steps = steps(tuned != Tuned::no, c.tune_steps);
  c.quantized_tune_steps = steps(tuned == Tuned::in_integers, c.quantized_tune_steps);
  c.stages = usual.stages, c.layer_bits = c.layer_fixed_point = c.layer_sparsity = "", c.dead_zone = 0;
  if (bits == 16) c.symmetric_weights = true;  // which leave no bit for a zero point
  if (sparsity == 0) c.prune = usual.prune, c.pattern = "";
  if (tuned == Tuned::no) c.schedule = usual.schedule;
  if (tuned == Tuned::in_integers)
    set_aside_what_is_learned(c);
  else
    c.alpha = usual.alpha;
  return p;
}

std::vector<StudyPoint> quantization(const Recipe& r) {
  std::vector<StudyPoint> points;
  const auto add = [&](int bits, const char* suffix, const char* series, Tuned tuned) -> StudyPoint& {
    return points.emplace_back(point(r, "bits-" + std::to_string(bits) + suffix, series, bits, 0, tuned));
  };
  for (int bits : {16, 8, 6, 5, 4, 3, 2}) add(bits, "", "weights rounded", Tuned::no);
  for (int bits : {16, 8, 6, 5, 4, 3, 2})
    add(bits, "-values", "weights and values rounded", Tuned::no).recipe.compress.activation_bits = bits;
  for (int bits : {8, 6, 5, 4, 3, 2})  // at 16 bits there is nothing to win back
    add(bits, "-tuned", "weights tuned in integers", Tuned::in_integers);
  return points;
}

std::vector<StudyPoint> pruning(const Recipe& r) {
  std::vector<StudyPoint> points;
  for (bool tuned : {false, true})  // in floats alone: what pruning costs
    for (double sparsity : {0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98})
      points.push_back(point(r, "zeros-" + percent(sparsity) + (tuned ? "-tuned" : ""), tuned ? "tuned" : "at once",
                             r.compress.bits, sparsity, tuned ? Tuned::in_floats : Tuned::no));
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
                           r.compress.bits, 0, Tuned::no);
      p.recipe.model.hidden = hidden, p.trains = true;
      p.recipe.distill.budget_bits = 0;  // the widths are the point's
      const int steps = r.distill.steps > 0 ? r.distill.steps : r.train.steps;
      if (!taught) p.recipe.distill = {};
      if (taught) p.recipe.distill.teacher = teacher;
      const bool of_teacher_alone = taught && r.distill.alpha == 1;
      p.recipe.distill.steps = of_teacher_alone ? steps : 0;
      if (!of_teacher_alone) p.recipe.train.steps = steps;
      points.push_back(std::move(p));
    }
  return points;
}

std::vector<StudyPoint> combined(const Recipe& r) {
  std::vector<StudyPoint> points;
  for (int bits : {8, 6, 5, 4, 3})
    for (double sparsity : {0.0, 0.5, 0.8, 0.9})
      points.push_back(point(r, "bits-" + std::to_string(bits) + "-zeros-" + percent(sparsity),
                             std::to_string(bits) + " bits", bits, sparsity, Tuned::in_integers));
  return points;
}

// A key that would make all points the same, and that only the user can choose against.
void expect_variable(const std::string& kind, const Recipe::Compress& c) {
  if (kind != "quantization" && c.prune == "n:m")
    fail("study ", kind, ": compress.pattern ", c.pattern,
         " fixes the zeros that the study varies; set compress.prune to magnitude and compress.pattern to \"\"");
  if (kind != "pruning" && !c.fixed_point.empty())
    fail("study ", kind, ": compress.fixed_point ", c.fixed_point,
         " fixes the bits that the study varies; set it to \"\"");
}

std::vector<StudyPoint> points_of(const std::string& kind, const Recipe& r, const std::string& teacher) {
  if (kind == "distillation") return distillation(r, teacher);
  if (kind != "quantization" && kind != "pruning" && kind != "combined")
    fail("study: \"", kind, "\" is not known; choose quantization, pruning, distillation or combined");
  expect_variable(kind, r.compress);
  return kind == "quantization" ? quantization(r) : kind == "pruning" ? pruning(r) : combined(r);
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
  const StudyResult& r = results[0];
  std::vector<std::string> floor{"statistical floor", "", "", "", ""};
  for (double s : r.floor) floor.push_back(rounded(1e3 * s, 3));
  const std::string auc = with_error(std::isnan(r.auc_chance) ? nan : 0.5, r.auc_chance, 1);
  floor.insert(floor.end(), {"", "", "", with_error(r.fpd_floor, r.fpd_floor_error, 1e3),
                             with_error(r.kpd_floor, r.kpd_floor_error, 1e3), auc, auc, ""});
  all.push_back(floor);
  return all;
}

constexpr const char* columns =
    "Separation powers S in 1e-3, mean over each group's features, against held-out showers; smaller: 32-bit dense "
    "floats over the bits that the generated code stores; naive: over weights times their width; paired: against the "
    "float model's showers of the same noise; FPD and KPD in 1e-3; AUC of classifiers that see voxels (low) or "
    "observables (high).";

std::string note(const std::vector<StudyPoint>& points) {
  const Recipe::Compress& c = points[0].recipe.compress;
  if (!c.fixed_point.empty()) return columns;
  const bool varied = std::any_of(points.begin(), points.end(), [&](const StudyPoint& p) {
    return p.recipe.compress.activation_bits != c.activation_bits;
  });
  return std::string(columns) + " Values between layers keep compress.activation_bits (" +
         std::to_string(c.activation_bits) + ")" +
         (varied ? "; in points named values they have the weights' bits." : ".");
}

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

void add_floor(ReportPlot& p, double floor, double error = 0) {
  double lowest = 1e300, highest = 0;
  for (const ReportLine& line : p.lines)
    for (double x : line.x) lowest = std::min(lowest, x), highest = std::max(highest, x);
  p.lines.push_back({"statistical floor", {lowest, highest}, {floor, floor}, {error, error}});
}

// Distances and classifiers, where there are any. A distance's floor may lie about 0, which a logarithmic axis cannot
// show: there its error stands for it.
void add_judged(std::vector<ReportPlot>& plots, const std::vector<StudyPoint>& points,
                const std::vector<StudyResult>& results) {
  const StudyResult& r = results[0];
  const auto add = [&](const char* title, const char* label, double StudyResult::*value, double StudyResult::*error,
                       bool log_y, double floor, double floor_error) {
    if (std::isnan(r.*value)) return;
    ReportPlot p = plot(title, label, points, results, [&](const StudyResult& x) { return x.*value; });
    p.log_y = log_y;
    add_errors(p, points, results, [&](const StudyResult& x) { return x.*error; });
    add_floor(p, floor, floor_error);
    plots.push_back(p);
  };
  add("Frechet physics distance", "FPD", &StudyResult::fpd, &StudyResult::fpd_error, true,
      std::max(r.fpd_floor, r.fpd_floor_error), 0);
  add("Kernel physics distance", "KPD, where above 0", &StudyResult::kpd, &StudyResult::kpd_error, true,
      std::max(r.kpd_floor, r.kpd_floor_error), 0);
  add("Classifier on voxels", "AUC", &StudyResult::auc_low, &StudyResult::auc_low_error, false, 0.5, r.auc_chance);
  add("Classifier on observables", "AUC", &StudyResult::auc_high, &StudyResult::auc_high_error, false, 0.5,
      r.auc_chance);
}

}  // namespace

std::vector<StudyPoint> study_points(const std::string& kind, const Recipe& r, const std::string& teacher) {
  std::vector<StudyPoint> points = points_of(kind, r, teacher);
  for (const StudyPoint& p : points) check_recipe(p.recipe, "study: point " + p.name);
  return points;
}

std::vector<StudyPoint> smaller_students(std::vector<StudyPoint> points, const Model& teacher) {
  const Model core = generator_core(teacher);
  const int outputs = core.values[index(core.outputs[0])].width;
  const auto bits = [&](const StudyPoint& p) {
    return student_bits(gan_settings(p.recipe), p.recipe.model.hidden, outputs, {0, 32, 0});
  };
  const std::int64_t limit = dense_float_bits(teacher);
  const std::int64_t least = bits(points.back());
  points.erase(std::remove_if(points.begin(), points.end(), [&](const StudyPoint& p) { return bits(p) >= limit; }),
               points.end());
  if (points.empty())
    fail("study distillation: no student is smaller than the teacher of ", limit,
         " bits of floats, the smallest takes ", least,
         "; take a larger teacher: set model.hidden, or give one with --model");
  return points;
}

std::string study_text(const std::vector<StudyPoint>& points, const std::vector<StudyResult>& results) {
  Table table{header(), rows(points, results), {}};
  table.right.assign(table.header.size(), true), table.right[0] = false;
  return table_text(table) + "\n" + note(points) + "\n";
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
    const bool mixed = points[i].bits == 0;  // layers of their own, which the search tells
    entry["bits"] = mixed ? Json() : Json(points[i].bits),
    entry["sparsity"] = mixed ? Json() : Json(points[i].sparsity);
    entry["activation_bits"] = i ? points[i].recipe.compress.activation_bits : 32;
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
  report.tables.push_back({"Points", note(points), header(), rows(points, results)});
  ReportPlot all = plot("All groups", "mean separation power", points, results, mean_separation);
  add_errors(all, points, results, mean_separation_error);
  add_floor(all, mean_floor(results[0]));
  report.plots.push_back(all);
  for (std::size_t g = 0; g < results[0].separation.size(); ++g) {
    ReportPlot one = plot(group_name(groups[g]), "separation power", points, results,
                          [g](const StudyResult& x) { return x.separation[g]; });
    add_errors(one, points, results, [g](const StudyResult& x) { return x.separation_error[g]; });
    add_floor(one, results[0].floor[g]);
    report.plots.push_back(one);
  }
  add_judged(report.plots, points, results);
  ReportPlot same = plot("Against the float model", "1 - log-voxel correlation", points, results,
                         [](const StudyResult& x) { return 1 - x.log_voxel_correlation; });
  report.plots.push_back(same);
  return report;
}

}  // namespace quench
