// What the studies vary, and the tables, plots and files of what they find.
// SPDX-License-Identifier: MIT
#include "targets/command/study_points.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/field_value.h"
#include "engine/core/table.h"
#include "engine/core/toml.h"
#include "engine/core/version.h"
#include "engine/train/hash.h"

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

// The one list of what is kept of a result.
template <class R, class F>
void fields(R& r, F&& f) {
  f("stored_bits", r.stored_bits), f("naive_bits", r.naive_bits), f("weights", r.weights), f("nonzeros", r.nonzeros);
  f("separation", r.separation), f("floor", r.floor);
  f("response_percent", r.response_percent), f("sd_ratio", r.sd_ratio);
  f("log_voxel_correlation", r.log_voxel_correlation), f("sd_de", r.sd_de);
}

std::string kept(std::int64_t x) { return std::to_string(x); }
std::string kept(double x) { return value_text(x); }
std::string kept(const std::vector<double>& list) {
  std::string text;
  for (double x : list) text += (text.empty() ? "[" : ", ") + value_text(x);
  return text + "]";
}

bool read(const TomlValue& v, std::int64_t& to) {
  const std::int64_t* x = std::get_if<std::int64_t>(&v.value);
  if (x) to = *x;
  return x;
}
bool read(const TomlValue& v, double& to) {
  const double* x = std::get_if<double>(&v.value);
  if (x) to = *x;
  return x;
}
bool read(const TomlValue& v, std::vector<double>& to) {
  const std::vector<TomlValue>* items = std::get_if<std::vector<TomlValue>>(&v.value);
  to.resize(items ? items->size() : 0);
  for (std::size_t i = 0; i < to.size(); ++i)
    if (!read((*items)[i], to[i])) return false;
  return items;
}

constexpr Group groups[] = {Group::total, Group::layer, Group::centre, Group::width, Group::sparsity, Group::voxel};

double mean(const std::vector<double>& list) {
  double sum = 0;
  for (double x : list) sum += x;
  return list.empty() ? 0 : sum / static_cast<double>(list.size());
}

std::vector<std::string> header() {
  std::vector<std::string> cells{"point", "bits", "smaller", "naive", "non-zero %"};
  for (Group g : groups) cells.push_back(group_name(g));
  cells.insert(cells.end(), {"response %", "sd ratio", "paired corr.", "sd(dE/E)"});
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
  row.insert(row.end(), {rounded(r.response_percent, 2), rounded(r.sd_ratio, 3), rounded(r.log_voxel_correlation, 5),
                         rounded(r.sd_de, 2)});
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
    "float model's showers of the same noise.";

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

void judge(StudyResult& result, const Geometry& g, const Events& reference, const Events& from_float,
           const Events& candidate, Binning binning, int threads) {
  const Comparison c = compare(g, reference, candidate, threads, binning);
  for (const GroupSummary& s : c.groups)
    result.separation.push_back(s.mean_separation), result.floor.push_back(s.mean_floor);
  result.response_percent = c.response_difference_percent, result.sd_ratio = c.response_sd_ratio;
  const Paired same_noise = paired(g, from_float, candidate, threads);
  result.log_voxel_correlation = same_noise.log_voxel_correlation, result.sd_de = same_noise.sd_de;
}

Tensor cycled(const Tensor& all, int count) {
  Tensor rows = zeros({count, all.columns()});
  for (int i = 0; i < count; ++i) std::copy_n(all.row(i % all.rows()), all.columns(), rows.row(i));
  return rows;
}

std::string study_key(const Recipe& r, const Model& m) {
  Hash h;
  h.text(version), h.word(recipe_hash(r));
  for_each_parameter(m, [&](std::size_t, const std::string&, const Tensor& t) { h.tensor(t); });
  return std::to_string(h.value);
}

std::string result_text(const StudyResult& r, const std::string& key) {
  std::string text = "key = \"" + key + "\"\n";
  fields(r, [&](const char* name, const auto& member) { text += std::string(name) + " = " + kept(member) + "\n"; });
  return text;
}

std::optional<StudyResult> read_result(const std::string& text, const std::string& path, const std::string& key) {
  const TomlDocument document = parse_toml(text, path);
  const auto entry = [&](const std::string& name) {
    return std::find_if(document.entries.begin(), document.entries.end(),
                        [&](const TomlEntry& e) { return e.key == name; });
  };
  const auto end = document.entries.end();
  if (entry("key") == end) return {};
  const std::string* of = std::get_if<std::string>(&entry("key")->value.value);
  if (!of || *of != key) return {};
  StudyResult r;
  bool whole = true;
  fields(r, [&](const char* name, auto& member) {
    whole = whole && entry(name) != end && read(entry(name)->value, member);
  });
  if (!whole) return {};
  return r;
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
    fields(results[i], [&](const char* name, const auto& member) { entry[name] = member; });
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
  ReportPlot all = plot("All groups", "mean separation power", points, results,
                        [](const StudyResult& x) { return mean(x.separation); });
  add_floor(all, mean(results[0].floor));
  report.plots.push_back(all);
  for (std::size_t g = 0; g < results[0].separation.size(); ++g) {
    ReportPlot one = plot(group_name(groups[g]), "separation power", points, results,
                          [g](const StudyResult& x) { return x.separation[g]; });
    add_floor(one, results[0].floor[g]);
    report.plots.push_back(one);
  }
  ReportPlot same = plot("Against the float model", "1 - log-voxel correlation", points, results,
                         [](const StudyResult& x) { return 1 - x.log_voxel_correlation; });
  report.plots.push_back(same);
  return report;
}

}  // namespace quench
