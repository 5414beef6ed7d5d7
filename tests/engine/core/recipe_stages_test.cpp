// Tests of compress.stages: the usual order, numbers of single stages, and every contradiction's sentence.
// SPDX-License-Identifier: MIT
#include "engine/core/recipe_stages.h"

#include <doctest/doctest.h>

#include "engine/core/error.h"

using namespace quench;

namespace {

Recipe with(const std::string& compress) { return parse_recipe("[compress]\n" + compress, "recipe.toml"); }

std::string error_of(const std::string& stages, const std::string& keys = "") {
  try {
    with("stages = [" + stages + "]\n" + keys);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::vector<std::string> names(const Recipe& r) {
  std::vector<std::string> all;
  for (const Stage& stage : compression_stages(r)) all.push_back(stage_name(stage.kind));
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the usual order holds what the other keys ask for") {
  CHECK(names(Recipe()) == Names{"prune", "tune"});
  CHECK(names(with("sparsity = 0")).empty());
  CHECK(names(with("tune_steps = 0")) == Names{"prune"});
  CHECK(names(with("sparsity = 0\nlayer_sparsity = \"a=0.5\"")) == Names{"prune", "tune"});
  CHECK(names(with("equalise = true\nquantized_tune_steps = 3\nrestandardise = true")) ==
        Names{"equalise", "prune", "tune", "tune-quantized", "restandardise"});
  for (const char* key : {"rounding = \"gptq\"", "bias_correction = true", "weight_range = \"mse\""})
    CHECK(names(with(key)) == Names{"prune", "tune", "round"});
  const std::vector<Stage> stages =
      compression_stages(with("sparsity = 0.3\ntune_steps = 7\nquantized_tune_steps = 9"));
  CHECK(stages[0].sparsity == 0.3);
  CHECK(stages[1].steps == 7);
  CHECK(stages[2].steps == 9);
}

TEST_CASE("stages in the recipe's order, with numbers of their own") {
  const Recipe r = with("stages = [\"prune:0.6\", \"tune:50\", \"prune\", \"tune\", \"tune-quantized:20\"]");
  CHECK(names(r) == Names{"prune", "tune", "prune", "tune", "tune-quantized"});
  const std::vector<Stage> stages = compression_stages(r);
  CHECK(stages[0].sparsity == 0.6);
  CHECK(stages[1].steps == 50);
  CHECK(stages[2].sparsity == 0.8);
  CHECK(stages[3].steps == 4000);
  CHECK(stages[4].steps == 20);
  CHECK_FALSE(usual_stages(r));
  CHECK(usual_stages(Recipe()));
  CHECK(parse_recipe(print_recipe(r), "recipe.toml") == r);
  for (const char* sensible :
       {"\"equalise\", \"prune\", \"equalise\", \"tune\"", "\"tune-quantized:5\", \"prune\"",
        "\"prune\", \"tune-quantized:5\", \"equalise\"", "\"prune:0.5\", \"tune\", \"tune-quantized:5\", \"prune\""}) {
    INFO(sensible);
    CHECK((error_of(sensible) == "no error") == (std::string(sensible).find("5\", \"equ") == std::string::npos));
  }
  CHECK(error_of("\"prune\", \"round\", \"tune-quantized:5\"", "rounding = \"gptq\"") == "no error");
  CHECK(error_of("\"prune\", \"tune-quantized:5\"", "alpha = 0.5\ndead_zone = 0.9") == "no error");
}

TEST_CASE("stages that contradict each other or the other keys are refused in one sentence") {
  const struct {
    const char *stages, *keys, *says;
  } wrong[] = {
      {"'prunee'", "",
       "\"prunee\" is none of equalise, prune, tune, tune-quantized, round and restandardise: did you "
       "mean prune?"},
      {"'*', 'tune'", "", "\"*\" stands for the usual order"},
      {"'equalise:3', 'prune'", "", "equalise takes no number"},
      {"'prune:x'", "", "write prune:FRACTION"},
      {"'prune:nan'", "", "write prune:FRACTION"},
      {"'prune:1'", "", "write prune:FRACTION"},
      {"'prune', 'tune:-1'", "", "write tune:STEPS"},
      {"'prune', 'tune-quantized:5x'", "", "write tune-quantized:STEPS"},
      {"'prune:0', 'tune'", "", "prune at sparsity 0 removes nothing"},
      {"'prune', 'tune'", "sparsity = 0", "prune at sparsity 0 removes nothing"},
      {"'prune', 'tune', 'prune:0.4'", "", "prune at 0.4 behind prune at 0.8"},
      {"'prune', 'tune', 'prune'", "", "prune at 0.8 behind prune at 0.8"},
      {"'prune:0.4'", "", "the last prune is at 0.4, compress.sparsity is 0.8"},
      {"'tune', 'prune'", "", "tune has nothing to win back"},
      {"'equalise', 'tune', 'prune'", "", "tune has nothing to win back"},
      {"'prune', 'tune'", "tune_steps = 0", "tune has 0 steps; set compress.tune_steps"},
      {"'prune', 'tune-quantized'", "", "tune-quantized has 0 steps; set compress.quantized_tune_steps"},
      {"'prune', 'tune', 'tune'", "", "tune twice in a row"},
      {"'prune', 'tune-quantized:5', 'tune'", "", "tune behind tune-quantized, but floats move away"},
      {"'prune', 'round', 'tune'", "rounding = 'gptq'", "tune behind round, but floats move away"},
      {"'prune', 'tune-quantized:5', 'equalise'", "", "equalise behind tune-quantized, which fixed the scales"},
      {"'prune', 'tune-quantized:5', 'round'", "rounding = 'gptq'", "round behind tune-quantized"},
      {"'tune-quantized:5', 'prune'", "prune = 'obc'", "compress.prune obc moves weights whose scales are fixed"},
      {"'tune-quantized:5', 'prune'", "prune = 'neurons'", "compress.prune neurons moves weights"},
      {"'prune', 'restandardise', 'tune'", "restandardise = true", "tune behind restandardise"},
      {"'prune', 'round'", "", "round does nothing with compress.rounding nearest"},
      {"'prune'", "schedule = 'cubic'", "put tune directly behind each prune"},
      {"'prune:0.4', 'tune', 'prune'", "prune = 'n:m'\npattern = '1:5'", "compress.pattern 1:5 says what one alone"},
      {"'prune:0.4', 'tune', 'prune'", "layer_sparsity = 'a=0.9'", "layer_sparsity a=0.9 says what one alone"},
      {"'tune-quantized:5'", "", "compress.sparsity 0.8 is for prune, which is no stage"},
      {"'prune'", "equalise = true", "compress.equalise is for equalise"},
      {"'prune'", "quantized_tune_steps = 4", "compress.quantized_tune_steps 4 is for tune-quantized"},
      {"'prune'", "rounding = 'adaround'", "compress.rounding adaround is for round"},
      {"'prune'", "bias_correction = true", "compress.bias_correction is for round"},
      {"'prune'", "weight_range = 'mse'", "compress.weight_range mse is for round"},
      {"'prune'", "restandardise = true", "compress.restandardise is for restandardise"},
      {"'prune', 'tune-quantized:5'", "calibration = 'mse'", "compress.quantized_tune_steps 5 learns codes"},
      {"'prune'", "dead_zone = 0.5", "compress.dead_zone 0.5 is learned in integers"},
      {"", "", "has 0 items"},
  };
  for (const auto& w : wrong) {
    CAPTURE(w.stages);
    const std::string told = error_of(w.stages, w.keys);
    CAPTURE(told);
    CHECK(told.find(w.says) != std::string::npos);
    CHECK(told.size() < 220);
  }
}
