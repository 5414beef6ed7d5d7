// quench train: trains a generator and writes it as ONNX.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/tensor/csv.h"
#include "targets/command/options.h"
#include "targets/command/training.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

int train_verb(const Arguments& a) {
  Recipe recipe = load_recipe(a.positionals[0]);
  for (const std::string& setting : texts(a, "--set")) set_field(recipe, setting);
  if (given(a, "--seed")) recipe.seed = seed(a);
  check_recipe(recipe, a.positionals[0]);
  const int workers = threads(a);
  const std::string out = text(a, "--out"), checkpoint = out + ".checkpoint";
  expect_writable(out), expect_writable(checkpoint);
  if (is_csv(recipe.data.source)) return train_table(recipe, out, given(a, "--resume"), workers);
  const Data data = load_data(recipe, workers);
  const Trained trained = train_model(recipe, data, checkpoint, given(a, "--resume"), workers);
  if (!trained.finished)
    fail("interrupted after ", trained.steps, " of ", recipe.train.steps,
         " steps; continue with the same command and --resume");
  save_trained(trained, recipe, out);
  std::printf("trained %s on %d showers, %s steps (seed %llu) in %s -> %s\n", recipe.name.c_str(), data.training.size(),
              grouped(trained.steps).c_str(), static_cast<unsigned long long>(recipe.seed),
              duration_text(trained.seconds).c_str(), out.c_str());
  return 0;
}

}  // namespace

Command train_command() {
  return {{"train",
           "Trains the generator of a recipe, or the flow of a .csv; checkpoints as it goes (MODEL.checkpoint).",
           {{"RECIPE", "a TOML file; the keys are listed by quench run --help"}},
           {{"--out", "MODEL.onnx", "", "where to write", true},
            {"--resume", "", "", "continue from the checkpoint; the result has the bytes of an uninterrupted run"},
            {"--set", "KEY=VALUE", "", "override one key of the recipe", false, true},
            seed_option(),
            threads_option()},
           ""},
          train_verb};
}

}  // namespace quench
