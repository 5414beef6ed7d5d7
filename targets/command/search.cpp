// quench search: bits, zeros and width of every layer for a budget, by measured sensitivity and judged physics.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "codegen/plan.h"
#include "engine/compress/fold.h"
#include "engine/compress/quantize.h"
#include "engine/compress/quantize_layers.h"
#include "engine/compress/sensitivity.h"
#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/core/version.h"
#include "engine/encode/encode.h"
#include "engine/model/onnx.h"
#include "engine/report/report.h"
#include "engine/train/deploy.h"
#include "targets/command/options.h"
#include "targets/command/study_points.h"
#include "targets/command/training.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {
namespace {

constexpr int sensitivity_events = 1024, quick_part = 4;  // the first round has a quarter of the recipe's tuning steps
constexpr double widths[] = {1, 0.7, 0.5};                // of the hidden layers
constexpr double fills[] = {1, 0.8, 0.6};                 // of the budget that a candidate may use

// What may not be exceeded; 0: no limit.
struct Budget {
  Target target;  // without limits of its own: what does not fit is told, not refused
  std::int64_t stored_bits = 0, flash_bytes = 0, ram_bytes = 0, instructions = 0;
  std::string grade;  // the class that is wanted; "": the best that fits
};

struct Limit {
  const char* what;
  std::int64_t has, limit;
  bool holds() const { return limit == 0 || has <= limit; }
};

std::vector<Limit> limits(const Plan& p, const Budget& b) {
  return {{"stored bits", p.stored_bits, b.stored_bits},
          {"bytes of flash", p.flash_bytes, b.flash_bytes},
          {"bytes of RAM", p.ram_bytes, b.ram_bytes},
          {"instructions an event", p.instructions, b.instructions}};
}

bool fits(const Plan& p, const Budget& b) {
  const std::vector<Limit> all = limits(p, b);
  return std::all_of(all.begin(), all.end(), [](const Limit& l) { return l.holds(); });
}

Budget budget(const Arguments& a) {
  const auto limit = [&](const char* option) { return given(a, option) ? integer(a, option, 1, 1e15) : 0; };
  Budget b{find_target(given(a, "--target") ? text(a, "--target") : "host"),
           limit("--bits"),
           limit("--flash"),
           limit("--ram"),
           limit("--instructions"),
           given(a, "--class") ? text(a, "--class") : ""};
  if (given(a, "--target") && !b.flash_bytes) b.flash_bytes = b.target.flash_bytes;
  if (given(a, "--target") && !b.ram_bytes) b.ram_bytes = b.target.ram_bytes;
  if (!b.grade.empty() && b.grade != "lossless" && b.grade != "light")
    fail("--class: \"", b.grade, "\" is not known; choose lossless or light");
  if (b.instructions && b.target.costs.output == 0)
    fail("search: the instructions of target ", b.target.name, " are not known; leave --instructions out");
  if (!b.stored_bits && !b.flash_bytes && b.grade.empty())
    fail("search: nothing is asked for; give --bits, --flash, --target or --class");
  b.target.flash_bytes = b.target.ram_bytes = 0;
  return b;
}

// A model of one width, and what of the budget is left for its Linears.
struct Width {
  std::string name, path;  // "full", "70"
  Model core;
  std::vector<LayerSensitivity> layers;
  std::vector<Allocation> hull;
  std::int64_t fixed_bits = 0, fixed_flash_bits = 0;  // of all other layers; flash: code, too
};

std::int64_t linear_bits(const Linear& op, LayerChoice choice) {
  const QValue in = code_value(op.weight.columns(), 8, true, 1.0 / 127), out = code_value(op.weight.rows(), 8, true, 1);
  const std::vector<double> columns(static_cast<std::size_t>(op.weight.columns()), in.scale);
  return stored_bits(encode(quantize_linear(op, in, columns, out, 0, {choice.bits, true, false, "wide", {}}, "search"),
                            Encoding::smallest));
}

std::vector<LayerChoice> all_choices() {
  std::vector<LayerChoice> all;
  for (int bits : {8, 6, 5, 4, 3, 2})
    for (double sparsity : {0.0, 0.5, 0.7, 0.8, 0.9, 0.95}) all.push_back({bits, sparsity});
  return all;
}

// A student of the bench's model with narrower hidden layers; taught once, then kept.
void teach(const StudyBench& s, double width, const std::string& path) {
  if (exists(path)) return;
  Recipe r = s.recipe;
  for (int& hidden : r.model.hidden) hidden = std::max(8, static_cast<int>(width * hidden / 8 + 0.5) * 8);
  r.model.family = "gan", r.distill = {};
  r.distill.teacher = s.folder + "/model.onnx";
  r.distill.steps = s.recipe.distill.steps > 0 ? s.recipe.distill.steps : 8000;
  std::fprintf(stderr, "student of %g of the width ...\n", width);
  save_model(train_model(r, s.data, path + ".checkpoint", false, s.threads).model, path);
}

Width explored(const StudyBench& s, const Budget& b, double width) {
  Width w;
  w.name = width == 1 ? "full" : std::to_string(static_cast<int>(100 * width + 0.5));
  w.path = s.folder + "/" + (width == 1 ? "model.onnx" : "student-" + w.name + ".onnx");
  if (width != 1) teach(s, width, w.path);
  const Model deployed = fold_batch_norm(load_model(w.path));
  w.core = generator_core(deployed);
  Recipe r = s.recipe;
  r.compress.calibration_events = sensitivity_events;
  const std::vector<Tensor> inputs = calibration_inputs(r, deployed, s.threads);
  w.layers = sensitivity(w.core, inputs, all_choices(), linear_bits, s.threads);
  w.hull = allocations(w.layers);
  r.compress.sparsity = 0, r.compress.tune_steps = r.compress.quantized_tune_steps = 0;
  const Program program = compress_model(r, deployed, inputs, {}, s.threads).program;
  const Plan whole = plan(program, b.target, Encoding::smallest);
  const auto chosen = [&](const std::string& name) {
    return std::any_of(w.layers.begin(), w.layers.end(), [&](const LayerSensitivity& l) { return l.layer == name; });
  };
  for (std::size_t i = 0; i < program.nodes.size(); ++i)
    if (!chosen(program.nodes[i].name)) w.fixed_bits += stored_bits(whole.layers[i]);
  w.fixed_flash_bits = 8 * whole.flash_bytes - (whole.stored_bits - w.fixed_bits);
  return w;
}

// Bits that the Linears may take; by class alone: a 15th to a 40th of the float model.
std::vector<std::int64_t> bits_for_linears(const StudyBench& s, const Budget& b, const Width& w) {
  std::int64_t most = -1;
  const auto bound = [&](std::int64_t limit) { most = most < 0 ? limit : std::min(most, limit); };
  if (b.stored_bits) bound(std::max<std::int64_t>(0, b.stored_bits - w.fixed_bits));
  if (b.flash_bytes) bound(std::max<std::int64_t>(0, 8 * b.flash_bytes - w.fixed_flash_bits));
  std::vector<std::int64_t> all;
  if (most >= 0)
    for (double fill : fills) all.push_back(static_cast<std::int64_t>(fill * static_cast<double>(most)));
  else
    for (int ratio : {15, 20, 25, 32, 40}) all.push_back(dense_float_bits(s.model) / ratio - w.fixed_bits);
  return all;
}

struct Candidate {
  std::size_t width;
  Allocation allocation;
  StudyPoint point;
};

StudyPoint candidate_point(const Recipe& recipe, const Width& w, const Allocation& a, bool quick) {
  std::string bits, zeros;
  for (std::size_t l = 0; l < w.layers.size(); ++l) {
    const LayerChoice& c = w.layers[l].options[a.option[l]].choice;
    bits += (l ? "," : "") + w.layers[l].layer + "=" + std::to_string(c.bits);
    zeros += (l ? "," : "") + w.layers[l].layer + "=" + rounded(c.sparsity, 3);
  }
  StudyPoint p{w.name + "-" + std::to_string(a.cost) + (quick ? "-quick" : ""), w.name + " width", recipe};
  p.model = w.path;
  Recipe::Compress& c = p.recipe.compress;
  c.layer_bits = bits, c.layer_sparsity = zeros, c.sparsity = 0, c.schedule = "at-once", c.scope = "layer";
  if (c.tune_steps == 0) c.tune_steps = 4000;
  if (c.quantized_tune_steps == 0) c.quantized_tune_steps = 4000;
  if (quick) c.tune_steps /= quick_part, c.quantized_tune_steps /= quick_part;
  return p;
}

// For each width the largest allocations that fill these parts of the budget; fails when not even the smallest fits.
std::vector<Candidate> candidates(const StudyBench& s, const Budget& b, const std::vector<Width>& all) {
  std::vector<Candidate> found;
  for (std::size_t w = 0; w < all.size(); ++w)
    for (std::int64_t limit : bits_for_linears(s, b, all[w])) {
      const auto fitting =
          std::find_if(all[w].hull.begin(), all[w].hull.end(), [&](const Allocation& a) { return a.cost <= limit; });
      if (fitting == all[w].hull.end()) continue;
      const bool known = std::any_of(found.begin(), found.end(), [&](const Candidate& c) {
        return c.width == w && c.allocation.option == fitting->option;
      });
      if (!known) found.push_back({w, *fitting, candidate_point(s.recipe, all[w], *fitting, true)});
    }
  if (!found.empty()) return found;
  const Width& least = *std::min_element(all.begin(), all.end(), [](const Width& x, const Width& y) {
    return x.fixed_bits + x.hull.back().cost < y.fixed_bits + y.hull.back().cost;
  });
  std::size_t largest = 0;
  const auto cost = [&](std::size_t l) { return least.layers[l].options[least.hull.back().option[l]].cost; };
  for (std::size_t l = 1; l < least.layers.size(); ++l)
    if (cost(l) > cost(largest)) largest = l;
  const std::int64_t bits = least.fixed_bits + least.hull.back().cost,
                     flash = (least.fixed_flash_bits + least.hull.back().cost + 7) / 8;
  if (b.stored_bits && bits > b.stored_bits)
    fail("search: ", b.stored_bits, " stored bits cannot be met: the smallest form takes ", bits, ", ",
         bits - b.stored_bits, " too many; its largest layer, ", least.layers[largest].layer, ", takes ", cost(largest),
         "; use a smaller model.hidden");
  fail("search: ", b.flash_bytes, " bytes of flash cannot be met: the smallest form takes ", flash, ", ",
       flash - b.flash_bytes, " too many; its largest layer, ", least.layers[largest].layer, ", takes ",
       cost(largest) / 8, "; use a smaller model.hidden");
}

// Small is good: means of separations over the groups, which classes refine.
bool better(const StudyResult& a, const StudyResult& b) {
  const auto rank = [](const StudyResult& r) { return r.grade == "lossless" ? 0 : r.grade == "light" ? 1 : 2; };
  return rank(a) != rank(b) ? rank(a) < rank(b) : mean_separation(a) < mean_separation(b);
}

Plan plan_of(const StudyBench& s, const Budget& b, const StudyPoint& p) {
  const std::string path = s.folder + "/" + p.name + ".qprog";
  return plan(read_program(read_file(path), path), b.target, encoding_from(p.recipe.compress.encoding));
}

// Which of the results is taken: of those that fit, the smallest of the class that is asked for, else the best.
std::optional<std::size_t> chosen(const StudyBench& s, const Budget& b, const std::vector<StudyPoint>& points,
                                  const std::vector<StudyResult>& results) {
  std::optional<std::size_t> best, of_class;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!fits(plan_of(s, b, points[i]), b)) continue;
    if (!best || better(results[i], results[*best])) best = i;
    const bool good = results[i].grade == b.grade || (b.grade == "light" && results[i].grade == "lossless");
    if (good && (!of_class || results[i].stored_bits < results[*of_class].stored_bits)) of_class = i;
  }
  return b.grade.empty() || !of_class ? best : of_class;
}

std::string why(const Width& w, const Candidate& c) {
  Table table;
  table.header = {"layer", "weights", "bits", "zeros %", "stored bits", "change alone %"};
  table.right = {false, true, true, true, true, true};
  for (std::size_t l = 0; l < w.layers.size(); ++l) {
    const LayerOption& o = w.layers[l].options[c.allocation.option[l]];
    std::int64_t weights = 0;
    for (const Node& node : w.core.nodes)
      if (const Linear* op = std::get_if<Linear>(&node.op); op && node.name == w.layers[l].layer)
        weights = static_cast<std::int64_t>(op->weight.size());
    table.rows.push_back({w.layers[l].layer, grouped(weights), std::to_string(o.choice.bits),
                          rounded(100 * o.choice.sparsity, 3), grouped(o.cost), rounded(100 * o.error, 3)});
  }
  return table_text(table);
}

int search_verb(const Arguments& a) {
  const std::string folder = text(a, "--out");
  Recipe r = load_recipe(a.positionals[0]);
  for (const std::string& setting : texts(a, "--set")) set_field(r, setting);
  if (given(a, "--seed")) r.seed = seed(a);
  check_recipe(r, a.positionals[0]);
  const Budget b = budget(a);
  const StudyBench s = study_bench(r, folder, given(a, "--model") ? text(a, "--model") : "", threads(a));
  std::vector<Width> all;
  for (double width : widths) all.push_back(explored(s, b, width));
  std::vector<Candidate> round = candidates(s, b, all);
  std::vector<StudyPoint> quick;
  for (const Candidate& c : round) quick.push_back(c.point);
  const std::vector<StudyResult> first = measured_all(s, quick);
  // The better half, at least two, gets all steps.
  std::vector<std::size_t> order(round.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return better(first[x], first[y]); });
  order.resize(std::min(order.size(), std::max<std::size_t>(2, (order.size() + 1) / 2)));
  std::vector<StudyPoint> points;
  for (std::size_t i : order) points.push_back(candidate_point(r, all[round[i].width], round[i].allocation, false));
  const std::vector<StudyResult> second = measured_all(s, points);
  const std::optional<std::size_t> best = chosen(s, b, points, second);
  if (!best) {
    const std::vector<Limit> told = limits(plan_of(s, b, points[0]), b);
    for (const Limit& l : told)
      if (!l.holds())
        fail("search: none of ", points.size(), " candidates fits: ", points[0].name, " takes ", l.has, " ", l.what,
             ", the limit is ", l.limit, "; use a smaller model.hidden or fewer activation bits");
  }
  write_file(folder + "/program.qprog", read_file(folder + "/" + points[*best].name + ".qprog"));
  const Candidate& winner = round[order[*best]];

  std::vector<StudyPoint> shown{{"float model", "float", r, 0, 32, false}};
  std::vector<StudyResult> results{float_result(s, s.threads)};
  shown.insert(shown.end(), points.begin(), points.end()), results.insert(results.end(), second.begin(), second.end());
  for (std::size_t i = 0; i < quick.size(); ++i) {
    shown.push_back(quick[i]), results.push_back(first[i]);
    shown.back().series += ", quick";
  }
  Report report = study_report("search", r, shown, results);
  report.program = std::string("quench ") + version;
  const std::string told = points[*best].name +
                           " is chosen: " + (second[*best].grade.empty() ? "best" : second[*best].grade) + ", " +
                           ratio_text(results[0].stored_bits, second[*best].stored_bits) + " than " +
                           grouped(results[0].stored_bits) + " bits of dense floats";
  report.remarks.push_back(told);
  write_file(folder + "/search.html", html_report(report));
  Json j = study_json("search", r, shown, results);
  j["chosen"] = points[*best].name;
  write_file(folder + "/search.json", json_text(j) + "\n");
  if (given(a, "--json")) {
    print(j);
    return 0;
  }
  std::printf("%s\n%s\n\n%s\nchange alone: of the outputs' mean square, when only this layer is coarsened, untuned\n",
              study_text(shown, results).c_str(), told.c_str(), why(all[winner.width], winner).c_str());
  for (const Limit& l : limits(plan_of(s, b, points[*best]), b))
    if (l.limit) std::printf("%s %s of %s\n", grouped(l.has).c_str(), l.what, grouped(l.limit).c_str());
  std::printf("%s/program.qprog is the chosen program, search.html shows the front\n", folder.c_str());
  return 0;
}

}  // namespace

Command search_command() {
  return {{"search",
           "Finds bits, zeros and width of every layer for a budget, judged by physics.",
           {{"RECIPE", "a TOML file; its compress.tune_steps and quantized_tune_steps are what a finalist gets"}},
           {{"--out", "DIR", "", "folder for candidates, program.qprog and search.html; what is there already is kept",
             true},
            {"--model", "MODEL.onnx", "", "compress this one instead of training the recipe's"},
            {"--bits", "N", "", "bits that the generated code may store"},
            {"--target", "T", "", "a target whose flash and RAM may not be exceeded"},
            {"--flash", "BYTES", "", "less flash than the target has"},
            {"--ram", "BYTES", "", "less RAM than the target has"},
            {"--instructions", "N", "", "instructions an event on the target"},
            {"--class", "C", "", "lossless or light: the smallest program of this class"},
            {"--set", "KEY=VALUE", "", "override one key of the recipe", false, true},
            json_option(),
            seed_option(),
            threads_option()},
           ""},
          search_verb};
}

}  // namespace quench
