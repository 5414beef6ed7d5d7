// Reading compress.stages, and what makes no sense in it.
// SPDX-License-Identifier: MIT
#include "engine/core/recipe_stages.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/core/error.h"
#include "engine/core/text.h"

namespace quench {
namespace {

constexpr const char* names[] = {"equalise", "prune", "tune", "tune-quantized", "round", "restandardise"};  // by kind

bool rounds(const Recipe::Compress& c) {
  return c.rounding != "nearest" || c.bias_correction || c.weight_range != "largest";
}

bool prunes(const Recipe::Compress& c) { return c.sparsity > 0 || !c.layer_sparsity.empty(); }

std::vector<Stage> usual(const Recipe::Compress& c) {
  std::vector<Stage> stages;
  const auto add = [&](bool wanted, const Stage& stage) {
    if (wanted) stages.push_back(stage);
  };
  add(c.equalise, {StageKind::equalise});
  add(prunes(c), {StageKind::prune, c.sparsity});
  add(prunes(c) && c.tune_steps > 0, {StageKind::tune, 0, c.tune_steps});
  add(c.quantized_tune_steps > 0, {StageKind::tune_quantized, 0, c.quantized_tune_steps});
  add(rounds(c), {StageKind::round});
  add(c.restandardise, {StageKind::restandardise});
  return stages;
}

// What stands behind the colon, checked.
void read_number(Stage& stage, const std::string& item, const std::string& number) {
  const char* const text = number.c_str();
  char more = 0;
  if (stage.kind == StageKind::prune) {
    if (std::sscanf(text, "%lf%c", &stage.sparsity, &more) != 1 || !(stage.sparsity >= 0 && stage.sparsity < 1))
      fail("compress.stages: \"", item, "\"; write prune:FRACTION with a fraction above 0, below 1");
  } else if (stage.kind == StageKind::tune || stage.kind == StageKind::tune_quantized) {
    if (number.size() > 9 || std::sscanf(text, "%d%c", &stage.steps, &more) != 1 || stage.steps < 0)
      fail("compress.stages: \"", item, "\"; write ", stage_name(stage.kind), ":STEPS with 1 to 999999999 steps");
  } else {
    fail("compress.stages: \"", item, "\": ", stage_name(stage.kind), " takes no number; write it without");
  }
}

Stage stage_of(const Recipe::Compress& c, const std::string& item) {
  const std::size_t colon = std::min(item.find(':'), item.size());
  const std::string name = item.substr(0, colon);
  if (name == "*")
    fail("compress.stages: \"*\" stands for the usual order of all stages; write it alone, or name each");
  const auto found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names))
    fail("compress.stages: \"", name, "\" is none of equalise, prune, tune, tune-quantized, round and restandardise",
         suggestion(name, {std::begin(names), std::end(names)}));
  Stage stage{static_cast<StageKind>(found - std::begin(names))};
  if (colon < item.size()) {
    read_number(stage, item, item.substr(colon + 1));
  } else {
    if (stage.kind == StageKind::prune) stage.sparsity = c.sparsity;
    if (stage.kind == StageKind::tune) stage.steps = c.tune_steps;
    if (stage.kind == StageKind::tune_quantized) stage.steps = c.quantized_tune_steps;
  }
  return stage;
}

// What the stages before one have done.
struct Past {
  const Stage* last = nullptr;
  double sparsity = 0;
  bool pruned = false;
  const char* scales = nullptr;  // the stage that fixed the weights' scales
};

void check_prune(const Recipe::Compress& c, const Past& past, const Stage& stage, const Stage* next) {
  if (stage.sparsity == 0 && c.layer_sparsity.empty())
    fail("compress.stages: prune at sparsity 0 removes nothing; set compress.sparsity, or write prune:0.5");
  if (past.pruned && (c.prune == "n:m" || !c.layer_sparsity.empty()))
    fail("compress.stages: a second prune, but compress.", c.prune == "n:m" ? "pattern " : "layer_sparsity ",
         c.prune == "n:m" ? c.pattern : c.layer_sparsity, " says what one alone does; leave one out");
  if (past.pruned && stage.sparsity <= past.sparsity)
    fail("compress.stages: prune at ", stage.sparsity, " behind prune at ", past.sparsity,
         ", but zeros stay zeros; let the sparsity grow from each to the next");
  if (past.scales && c.prune != "magnitude" && c.prune != "wanda")
    fail("compress.stages: prune behind ", past.scales, ", but compress.prune ", c.prune,
         " moves weights whose scales are fixed by then; prune before it, or by magnitude or wanda");
  if (c.schedule == "cubic" && (!next || next->kind != StageKind::tune))
    fail("compress.stages: compress.schedule cubic prunes while tuning; put tune directly behind each prune");
}

void check_tuning(const Past& past, const Stage& stage) {
  const char* const name = stage_name(stage.kind);
  if (stage.steps == 0)
    fail("compress.stages: ", name, " has 0 steps; set compress.",
         stage.kind == StageKind::tune ? "tune_steps" : "quantized_tune_steps", ", or write ", name, ":2000");
  if (stage.kind == StageKind::tune_quantized) return;
  if (!past.pruned)
    fail("compress.stages: tune has nothing to win back, the model is still the float one; put prune before it");
  if (past.scales)
    fail("compress.stages: tune behind ", past.scales,
         ", but floats move away from scales that are fixed by then; tune before it, or by tune-quantized");
}

void check_stage(const Recipe::Compress& c, const Past& past, const Stage& stage, const Stage* next) {
  const char* const name = stage_name(stage.kind);
  if (past.last && past.last->kind == StageKind::restandardise)
    fail("compress.stages: ", name, " behind restandardise, whose tables are for the finished model; put it last");
  if (past.last && past.last->kind == stage.kind) fail("compress.stages: ", name, " twice in a row; write it once");
  if (stage.kind == StageKind::prune) check_prune(c, past, stage, next);
  if (stage.kind == StageKind::tune || stage.kind == StageKind::tune_quantized) check_tuning(past, stage);
  if (stage.kind == StageKind::round && !rounds(c))
    fail("compress.stages: round does nothing with compress.rounding nearest; set it, weight_range or bias_correction");
  if ((stage.kind == StageKind::equalise || stage.kind == StageKind::round) && past.scales)
    fail("compress.stages: ", name, " behind ", past.scales, ", which fixed the scales of the weights; put it before");
}

// What other keys ask for and no stage does.
void check_left_out(const Recipe::Compress& c, const std::vector<Stage>& stages, double sparsity) {
  const auto expect = [&](bool wanted, StageKind kind, const std::string& key, const char* otherwise) {
    if (wanted && !has_stage(stages, kind))
      fail("compress.stages: compress.", key, " is for ", stage_name(kind), ", which is no stage; add it, or set ",
           otherwise);
  };
  char number[32];
  std::snprintf(number, sizeof number, "sparsity %g", c.sparsity);
  expect(c.equalise, StageKind::equalise, "equalise", "it to false");
  expect(!c.layer_sparsity.empty(), StageKind::prune, "layer_sparsity " + c.layer_sparsity, "it to \"\"");
  expect(c.sparsity > 0, StageKind::prune, number, "it to 0");
  expect(c.quantized_tune_steps > 0, StageKind::tune_quantized,
         "quantized_tune_steps " + std::to_string(c.quantized_tune_steps), "it to 0");
  expect(c.rounding != "nearest", StageKind::round, "rounding " + c.rounding, "it to nearest");
  expect(c.bias_correction, StageKind::round, "bias_correction", "it to false");
  expect(c.weight_range != "largest", StageKind::round, "weight_range " + c.weight_range, "it to largest");
  expect(c.restandardise, StageKind::restandardise, "restandardise", "it to false");
  if (std::fabs(sparsity - c.sparsity) > 1e-9)
    fail("compress.stages: the last prune is at ", sparsity, ", compress.sparsity is ", c.sparsity,
         "; set it to what is reached, or write prune without a number");
}

}  // namespace

const char* stage_name(StageKind kind) { return names[static_cast<int>(kind)]; }

bool usual_stages(const Recipe& recipe) { return recipe.compress.stages == std::vector<std::string>{"*"}; }

bool has_stage(const std::vector<Stage>& stages, StageKind kind) {
  return std::any_of(stages.begin(), stages.end(), [kind](const Stage& s) { return s.kind == kind; });
}

std::vector<Stage> compression_stages(const Recipe& recipe) {
  const Recipe::Compress& c = recipe.compress;
  if (usual_stages(recipe)) return usual(c);
  std::vector<Stage> stages;
  for (const std::string& item : c.stages) stages.push_back(stage_of(c, item));
  Past past;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    check_stage(c, past, stage, i + 1 < stages.size() ? &stages[i + 1] : nullptr);
    if (stage.kind == StageKind::prune) past.pruned = true, past.sparsity = stage.sparsity;
    if (stage.kind == StageKind::tune_quantized || stage.kind == StageKind::round) past.scales = stage_name(stage.kind);
    past.last = &stage;
  }
  check_left_out(c, stages, past.sparsity);
  return stages;
}

}  // namespace quench
