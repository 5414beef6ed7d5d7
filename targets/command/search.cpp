// quench search: bits, zeros and width of every layer for a budget, by measured sensitivity and judged physics.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>

#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "targets/command/options.h"
#include "targets/command/search_budget.h"
#include "targets/command/search_rank.h"
#include "targets/command/search_report.h"
#include "targets/command/search_width.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

constexpr int quick_part = 4;                          // the first round has a quarter of the recipe's tuning steps
constexpr double fills[] = {1, 0.8, 0.6};              // of what the budget leaves to the Linears
constexpr int ratios[] = {8, 12, 16, 24, 32, 48, 64};  // of the bits of dense floats, beside tables and noise

// Parts of the budget that candidates fill, each a limit of its own; of a class, or where nothing limits bits, sizes,
// too.
std::vector<Amounts> ceilings(const Budget& b, const Width& w, std::int64_t float_bits, Resource by) {
  std::vector<Amounts> all;
  const bool limited = by == work ? b.limit[work] > 0 : b.limit[stored] || b.limit[flash];
  const Amounts fixed = without_linears(w);
  for (double fill : fills) {
    Amounts part = b.limit;
    for (int r : by == work ? std::vector<int>{work} : std::vector<int>{stored, flash})
      if (b.limit[r] > fixed[r])
        part[r] = fixed[r] + static_cast<std::int64_t>(fill * static_cast<double>(b.limit[r] - fixed[r]));
    if (limited) all.push_back(part);
  }
  if (by == work || (b.grade.empty() && !all.empty()) || (b.grade.empty() && b.limit[work])) return all;
  for (int ratio : ratios) {
    Amounts part = b.limit;
    part[stored] = w.fixed[stored] + float_bits / ratio;
    if (b.limit[stored]) part[stored] = std::min(part[stored], b.limit[stored]);
    all.push_back(part);
  }
  return all;
}

// Of the layers whose bits are chosen.
std::size_t largest_layer(const std::vector<LayerSensitivity>& layers, const std::vector<std::size_t>& option) {
  std::size_t largest = 0;
  const auto cost = [&](std::size_t l) { return layers[l].options[option[l]].cost; };
  for (std::size_t l = 1; l < option.size(); ++l)
    if (cost(l) > cost(largest)) largest = l;
  return largest;
}

// What lets the smallest form of every width not fit, told of the width that misses the limit by least.
[[noreturn]] void refuse(const StudyBench& s, const Budget& b, const std::vector<Width>& all) {
  for (int r = 0; r < resource_count; ++r) {
    const auto smallest = [&](const Width& w) {
      return estimate(w, allocations(r == work ? w.layers_in_work : w.layers).back().option)[r];
    };
    const Width& least = *std::min_element(all.begin(), all.end(),
                                           [&](const Width& x, const Width& y) { return smallest(x) < smallest(y); });
    const std::int64_t need = smallest(least);
    if (!b.limit[r] || need <= b.limit[r]) continue;
    const std::string what = "search: " + std::to_string(b.limit[r]) + " " + resource_names[r] +
                             " cannot be met: the smallest form takes " + std::to_string(need) + ", " +
                             std::to_string(need - b.limit[r]) + " too many; ";
    if (r == ram)
      fail(what, "layer ", least.ram_peak.layer, ", which reads and makes most, takes ", least.ram_peak.bytes,
           "; use a smaller model.hidden or fewer compress.activation_bits");
    const std::int64_t fixed = without_linears(least)[r];
    if (r == flash && least.fixed[flash] > b.limit[flash])
      fail(what, "the code alone takes ", least.fixed[flash], ": raise --flash");
    if (fixed > b.limit[r])
      fail(what, r == flash ? "code, noise and tables" : "noise and tables", " alone take ", fixed,
           r == work ? ": lower model.latent" : ": raise compress.table_tolerance, which is ",
           r == work ? "" : rounded(s.recipe.compress.table_tolerance, 3));
    const std::vector<LayerSensitivity>& layers = r == work ? least.layers_in_work : least.layers;
    const std::vector<std::size_t> option = allocations(layers).back().option;
    const std::size_t largest = largest_layer(layers, option);
    const std::int64_t cost = layers[largest].options[option[largest]].cost;
    fail(what, "its largest layer, ", layers[largest].layer, ", takes ", r == flash ? cost / 8 : cost,
         "; use a smaller model.hidden");
  }
  fail("search: the limits can be met one by one, but not together; relax one of them");
}

// What no student changes is refused before one is taught.
std::vector<Width> all_widths(const StudyBench& s, const Budget& b) {
  std::vector<Width> all{full_width(s, b)};
  const Amounts fixed = without_linears(all[0]);
  for (int r : {stored, flash})
    if (b.limit[r] && fixed[r] > b.limit[r]) refuse(s, b, all);
  for (Width& student : students(s, b, all[0])) all.push_back(std::move(student));
  return all;
}

StudyPoint candidate_point(const Recipe& recipe, const Width& w, const Candidate& candidate) {
  std::string bits, zeros;
  for (std::size_t l = 0; l < w.layers.size(); ++l) {
    const LayerChoice& c = w.layers[l].options[candidate.option[l]].choice;
    bits += (l ? "," : "") + w.layers[l].layer + "=" + std::to_string(c.bits);
    zeros += (l ? "," : "") + w.layers[l].layer + "=" + rounded(c.sparsity, 3);
  }
  const std::string size = std::to_string(estimate(w, candidate.option)[stored] - w.fixed[stored]);
  StudyPoint p{w.name + "-" + size + (candidate.quick ? "-quick" : ""), w.name + " width", recipe};
  p.model = w.path;
  Recipe::Compress& c = p.recipe.compress;
  c.layer_bits = bits, c.layer_sparsity = zeros, c.layer_fixed_point = "", c.sparsity = 0;
  c.schedule = "at-once", c.scope = "layer", c.dead_zone = 0;
  set_aside_what_is_learned(c);
  if (c.tune_steps == 0) c.tune_steps = 4000;
  if (c.quantized_tune_steps == 0) c.quantized_tune_steps = 4000;
  if (candidate.quick)
    p.series += ", quick", c.tune_steps /= quick_part,
        c.quantized_tune_steps = std::max(1, c.quantized_tune_steps / quick_part);
  check_recipe(p.recipe, "search: candidate " + p.name);
  return p;
}

// For each width the best allocations on the hull of each limited resource that keep all limits, parts of them filled.
std::vector<Candidate> candidates(const StudyBench& s, const Budget& b, const std::vector<Width>& all) {
  std::vector<Candidate> found;
  for (std::size_t w = 0; w < all.size(); ++w)
    for (Resource by : {stored, work})
      for (const Amounts& ceiling : ceilings(b, all[w], dense_float_bits(s.model), by)) {
        const std::vector<Allocation> hull = allocations(by == work ? all[w].layers_in_work : all[w].layers);
        const auto fitting = std::find_if(
            hull.begin(), hull.end(), [&](const Allocation& a) { return fits(estimate(all[w], a.option), ceiling); });
        if (fitting == hull.end()) continue;
        Candidate c{w, fitting->option, true, {}, {}, {}, 0, false, false};
        c.point = candidate_point(s.recipe, all[w], c);
        const bool known = std::any_of(found.begin(), found.end(),
                                       [&](const Candidate& other) { return other.point.name == c.point.name; });
        if (!known) found.push_back(std::move(c));
      }
  if (found.empty()) refuse(s, b, all);
  return found;
}

// Set against each other.
std::vector<Candidate> with_front(const Budget& b, std::vector<Candidate> all) {
  std::vector<double> costs, scores;
  for (const Candidate& c : all) costs.push_back(static_cast<double>(c.has[scarce(b)])), scores.push_back(c.score);
  const std::vector<bool> on = front(costs, scores);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].on_front = on[i];
  return all;
}

// Compressed, judged, and set against the budget.
std::vector<Candidate> judged(const StudyBench& s, const Budget& b, const StudyResult& of_float,
                              std::vector<Candidate> all) {
  std::vector<StudyPoint> points;
  for (const Candidate& c : all) points.push_back(c.point);
  const std::vector<StudyResult> results = measured_all(s, points);
  for (std::size_t i = 0; i < all.size(); ++i) {
    Candidate& c = all[i];
    const std::string path = s.folder + "/" + c.point.name + ".qprog";
    c.result = results[i], c.score = score(c.result, of_float);
    c.has = amounts(plan(read_program(read_file(path), path), b.target, encoding_from(s.recipe.compress.encoding)));
    c.fits = fits(c.has, b.limit);
  }
  return all;
}

// The better half, at least two, gets all steps; of a class, whose smallest program is wanted, the front first.
std::vector<Candidate> finalists(const StudyBench& s, const Budget& b, const StudyResult& of_float,
                                 const std::vector<Width>& widths, std::vector<Candidate> all) {
  std::stable_sort(all.begin(), all.end(),
                   [&](const Candidate& x, const Candidate& y) { return better(x.result, y.result, of_float); });
  if (!b.grade.empty()) std::stable_partition(all.begin(), all.end(), [](const Candidate& c) { return c.on_front; });
  all.resize(std::min(all.size(), std::max<std::size_t>(2, (all.size() + 1) / 2)));
  for (Candidate& c : all) c.quick = false, c.point = candidate_point(s.recipe, widths[c.width], c);
  return all;
}

bool is_of(const std::string& grade, const StudyResult& r) {
  return !grade.empty() && (r.grade == grade || (grade == "light" && r.grade == "lossless"));
}

// By which part of itself the limit that is missed most is missed.
double excess(const Amounts& has, const Amounts& limit) {
  double most = 0;
  for (int r = 0; r < resource_count; ++r)
    if (limit[r]) most = std::max(most, static_cast<double>(has[r]) / static_cast<double>(limit[r]) - 1);
  return most;
}

// Of those that fit the smallest of the class that is asked for, or the best; with the sentence that says so.
Choice chosen(const Budget& b, const StudyResult& of_float, const std::vector<Width>& widths,
              const std::vector<Candidate>& all) {
  const Candidate *best = nullptr, *of_class = nullptr;
  int fitting = 0;
  for (const Candidate& c : all) {
    if (!c.fits) continue;
    ++fitting;
    if (!best || better(c.result, best->result, of_float)) best = &c;
    if (is_of(b.grade, c.result) && (!of_class || c.has[scarce(b)] < of_class->has[scarce(b)])) of_class = &c;
  }
  const std::string count = std::to_string(fitting);
  if (!best) {
    const Candidate& nearest = *std::min_element(all.begin(), all.end(), [&](const Candidate& x, const Candidate& y) {
      return excess(x.has, b.limit) < excess(y.has, b.limit);
    });
    std::string why = "none of " + std::to_string(all.size()) + " candidates fits; the nearest, " + nearest.point.name;
    for (int r = 0; r < resource_count; ++r)
      if (b.limit[r] && nearest.has[r] > b.limit[r])
        why += ", takes " + grouped(nearest.has[r]) + " " + resource_names[r] + ", " +
               grouped(nearest.has[r] - b.limit[r]) + " more than the limit of " + grouped(b.limit[r]);
    const std::vector<LayerSensitivity>& layers = widths[nearest.width].layers;
    return {{},
            why + "; its largest layer is " + layers[largest_layer(layers, nearest.option)].layer +
                "; use a smaller model.hidden or fewer activation bits"};
  }
  if (!b.grade.empty() && !of_class)
    return {{},
            "none of the " + count + " candidates that fit is " + b.grade + ": the nearest, " + best->point.name +
                ", is " + best->result.reason + "; they are kept"};
  const Candidate& c = of_class ? *of_class : *best;
  return {c.point.name, c.point.name +
                            " is chosen: " + (of_class ? "the smallest " + b.grade + " program" : "the best") +
                            " of the " + count + " that fit, " + (c.result.grade.empty() ? "" : c.result.grade + ", ") +
                            ratio_text(of_float.stored_bits, c.result.stored_bits) + " than " +
                            grouped(of_float.stored_bits) + " bits of dense floats"};
}

// A class that nothing can tell is refused before anything is taught.
void expect_judge(const Budget& b, const StudyBench& s) {
  if (b.grade.empty() || (s.judgement.frechet && s.judgement.high)) return;
  fail("search: --class ", b.grade, " cannot be told with evaluate.events = ", s.recipe.evaluate.events, ": ",
       s.judgement.notes.empty() ? "classifiers are off" : s.judgement.notes[0]);
}

// Keys that fix what a search chooses.
void expect_choice(const Recipe::Compress& c) {
  if (!c.symmetric_weights)
    fail("search: it measures and sizes symmetric codes, compress.symmetric_weights is false: set it to true");
  if (!c.fixed_point.empty())
    fail("search: compress.fixed_point ", c.fixed_point, " fixes the bits of every layer; set it to \"\"");
  if (c.prune == "n:m" || c.prune == "neurons")
    fail("search: compress.prune ", c.prune,
         " leaves no zeros to choose for single layers; set it to magnitude, wanda, obc or blocks");
}

int search_verb(const Arguments& a) {
  const std::string folder = text(a, "--out");
  Recipe r = load_recipe(a.positionals[0]);
  for (const std::string& setting : texts(a, "--set")) set_field(r, setting);
  if (given(a, "--seed")) r.seed = seed(a);
  check_recipe(r, a.positionals[0]);
  expect_choice(r.compress);
  const Budget b = search_budget(a);
  if (!b.grade.empty() && r.evaluate.classifier_seeds == 0)
    fail("search: --class ", b.grade, " needs classifiers to tell it: set evaluate.classifier_seeds to 1 or more");
  const StudyBench s = study_bench(r, folder, given(a, "--model") ? text(a, "--model") : "", threads(a));
  expect_judge(b, s);
  const std::vector<Width> widths = all_widths(s, b);
  const StudyResult of_float = float_result(s, s.threads);
  const std::vector<Candidate> quick = with_front(b, judged(s, b, of_float, candidates(s, b, widths)));
  std::vector<Candidate> all = judged(s, b, of_float, finalists(s, b, of_float, widths, quick));
  all.insert(all.end(), quick.begin(), quick.end());  // more steps need not make a better one
  all = with_front(b, std::move(all));
  const Found found{s, b, of_float, widths, all, chosen(b, of_float, widths, all)};
  const std::string program = folder + "/program.qprog";
  if (found.choice.name.empty())
    std::remove(program.c_str());  // of an earlier search
  else
    write_file(program, read_file(folder + "/" + found.choice.name + ".qprog"));
  const Json j = write_search(found);
  if (found.choice.name.empty()) fail("search: ", found.choice.why, " in ", folder, ", search.html shows the front");
  if (given(a, "--json"))
    print(j);
  else
    std::printf("%s%s is the chosen program, search.html shows the front\n", search_text(found).c_str(),
                program.c_str());
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
            {"--flash", "BYTES", "", "flash, in place of the target's"},
            {"--ram", "BYTES", "", "RAM, in place of the target's"},
            {"--instructions", "N", "", "instructions an event on the target"},
            {"--class", "C", "", "lossless or light: the smallest program of this class; fails when none is"},
            {"--set", "KEY=VALUE", "", "override one key of the recipe", false, true},
            json_option(),
            seed_option(),
            threads_option()},
           ""},
          search_verb};
}

}  // namespace quench
