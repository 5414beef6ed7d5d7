// Tables, plots and files of a search.
// SPDX-License-Identifier: MIT
#include "targets/command/search_report.h"

#include <algorithm>

#include "engine/compress/neurons.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/core/version.h"
#include "engine/report/report.h"
#include "targets/command/study_points.h"

namespace quench {
namespace {

std::int64_t weights(const Width& w, const std::string& layer) {
  for (const Node& node : w.core.nodes)
    if (const Linear* op = std::get_if<Linear>(&node.op); op && node.name == layer)
      return static_cast<std::int64_t>(op->weight.size());
  return 0;
}

// f(layer's name, its weights, its option)
template <class F>
void for_each_choice(const Width& w, const Candidate& c, F&& f) {
  for (std::size_t l = 0; l < w.layers.size(); ++l)
    f(w.layers[l].layer, weights(w, w.layers[l].layer), w.layers[l].options[c.option[l]]);
}

std::string layers_text(const Width& w, const Candidate& c) {
  Table table;
  table.header = {"layer", "weights", "bits", "zeros %", "stored bits", "change alone %"};
  table.right = {false, true, true, true, true, true};
  for_each_choice(w, c, [&](const std::string& layer, std::int64_t n, const LayerOption& o) {
    table.rows.push_back({layer, grouped(n), std::to_string(o.choice.bits), rounded(100 * o.choice.sparsity, 3),
                          grouped(o.cost), rounded(100 * o.error, 3)});
  });
  return table_text(table);
}

constexpr const char* widths_note =
    "Students have as many weights as equal parts of all hidden layers would have; change alone: of the teacher's "
    "outputs' mean square, when it keeps so many neurons of this layer, untuned.";

// f(width's name, layer and its neurons, the teacher's error with them alone)
template <class F>
void for_each_hidden_layer(const Found& found, F&& f) {
  for (const Width& w : found.widths) {
    const std::vector<LayerWidth> layers = hidden_widths(w.core);
    for (std::size_t l = 0; l < layers.size(); ++l) f(w.name, layers[l], w.hidden[l].error);
  }
}

ReportTable widths_table(const Found& f) {
  ReportTable t{"Widths", widths_note, {"width", "layer", "neurons", "change alone %"}, {}};
  for_each_hidden_layer(f, [&](const std::string& width, const LayerWidth& hidden, double error) {
    t.rows.push_back({width, hidden.layer, std::to_string(hidden.neurons), rounded(100 * error, 3)});
  });
  return t;
}

std::string text_of(const ReportTable& t, std::size_t left) {
  Table table{t.header, t.rows, {}};
  for (std::size_t i = 0; i < t.header.size(); ++i) table.right.push_back(i >= left);
  return table_text(table) + "\n" + t.note + "\n";
}

constexpr const char* note =
    "Score: mean of ln(x / x of the float model) over FPD, mean separation and distance of both AUC from 1/2, each at "
    "least its error; smaller is better. Front: no other candidate is as small and scores as well.";

ReportTable candidates_table(const Found& f) {
  ReportTable t{"Candidates", note, {"candidate"}, {}};
  for (const char* name : resource_names) t.header.push_back(name);
  t.header.insert(t.header.end(), {"score", "class", "fits", "front"});
  for (const Candidate& c : f.candidates) {
    std::vector<std::string> row{c.point.name};
    for (std::int64_t x : c.has) row.push_back(grouped(x));
    row.insert(row.end(), {rounded(c.score, 3), c.result.grade, c.fits ? "yes" : "no", c.on_front ? "*" : ""});
    t.rows.push_back(row);
  }
  return t;
}

ReportPlot front_plot(const Found& f) {
  const Resource x = scarce(f.budget);
  ReportPlot p{"Front", resource_names[x], "score", true, false, true, {{"candidates", {}, {}}, {"front", {}, {}}}};
  for (const Candidate& c : f.candidates) {
    ReportLine& line = p.lines[c.on_front];
    line.x.push_back(static_cast<double>(c.has[x])), line.y.push_back(c.score);
  }
  p.lines.erase(std::remove_if(p.lines.begin(), p.lines.end(), [](const ReportLine& l) { return l.x.empty(); }),
                p.lines.end());
  return p;
}

Json candidate_json(const Width& w, const Candidate& c) {
  Json j = Json::object();
  j["point"] = c.point.name, j["width"] = w.name, j["quick"] = c.quick;
  for (int r = 0; r < resource_count; ++r) j[resource_keys[r]] = c.has[r];
  j["fits"] = c.fits, j["front"] = c.on_front, j["score"] = c.score, j["class"] = c.result.grade;
  j["reason"] = c.result.reason;
  Json layers = Json::array();
  for_each_choice(w, c, [&](const std::string& layer, std::int64_t n, const LayerOption& o) {
    Json entry = Json::object();
    entry["layer"] = layer, entry["weights"] = n, entry["bits"] = o.choice.bits;
    entry["sparsity"] = o.choice.sparsity, entry["stored_bits"] = o.cost, entry["change_alone"] = o.error;
    layers.push_back(entry);
  });
  j["layers"] = layers;
  return j;
}

Json widths_json(const Found& f) {
  Json list = Json::array();
  for_each_hidden_layer(f, [&](const std::string& width, const LayerWidth& hidden, double error) {
    Json entry = Json::object();
    entry["width"] = width, entry["layer"] = hidden.layer, entry["neurons"] = hidden.neurons;
    entry["change_alone"] = error;
    list.push_back(entry);
  });
  return list;
}

const Candidate* winner(const Found& f) {
  for (const Candidate& c : f.candidates)
    if (c.point.name == f.choice.name) return &c;
  return nullptr;
}

struct Shown {
  std::vector<StudyPoint> points;
  std::vector<StudyResult> results;
};

Shown shown(const Found& f) {
  Shown all{{{"float model", "float", f.bench.recipe, 0, 32, false}}, {f.of_float}};
  for (const Candidate& c : f.candidates) all.points.push_back(c.point), all.results.push_back(c.result);
  return all;
}

}  // namespace

Json write_search(const Found& f) {
  const Shown all = shown(f);
  Report report = study_report("search", f.bench.recipe, all.points, all.results);
  report.program = std::string("quench ") + version;
  report.remarks.push_back(f.choice.why);
  report.tables.insert(report.tables.begin(), {candidates_table(f), widths_table(f)});
  report.plots.insert(report.plots.begin(), front_plot(f));
  write_file(f.bench.folder + "/search.html", html_report(report));
  Json j = study_json("search", f.bench.recipe, all.points, all.results);
  const Candidate* best = winner(f);
  j["chosen"] = best ? Json(f.choice.name) : Json();
  j["why"] = f.choice.why;
  j["budget"] = budget_json(f.budget, best ? &best->has : nullptr);
  j["front_cost"] = resource_keys[scarce(f.budget)];
  Json list = Json::array();
  for (const Candidate& c : f.candidates) list.push_back(candidate_json(f.widths[c.width], c));
  j["candidates"] = list;
  j["widths"] = widths_json(f);
  write_file(f.bench.folder + "/search.json", json_text(j) + "\n");
  return j;
}

std::string search_text(const Found& f) {
  const Shown all = shown(f);
  const Candidate& best = *winner(f);
  std::string text = study_text(all.points, all.results) + "\n" + text_of(widths_table(f), 2) + "\n" +
                     text_of(candidates_table(f), 1) + "\n" + f.choice.why + "\n\n" +
                     layers_text(f.widths[best.width], best) +
                     "\nchange alone: of the outputs' mean square, when only this layer is coarsened, untuned\n";
  for (int r = 0; r < resource_count; ++r)
    if (f.budget.limit[r])
      text += grouped(best.has[r]) + " " + resource_names[r] + " of " + grouped(f.budget.limit[r]) + "\n";
  return text;
}

}  // namespace quench
