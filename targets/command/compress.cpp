// quench compress: prunes, tunes and quantises a model into a program.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <optional>

#include "codegen/emit.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/model/onnx.h"
#include "targets/command/models.h"
#include "targets/command/options.h"
#include "targets/command/stages.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {
namespace {

// Options override what the recipe says.
Recipe compression_recipe(const Arguments& a) {
  Recipe r = given(a, "--recipe") ? load_recipe(text(a, "--recipe")) : Recipe{};
  const auto set = [&](const char* option, const char* key) {
    if (given(a, option)) set_field(r, std::string("compress.") + key + "=" + text(a, option), option);
  };
  set("--bits", "bits"), set("--activation-bits", "activation_bits"), set("--sparsity", "sparsity"),
      set("--scope", "scope");
  set("--scales", "scales"), set("--granularity", "granularity"), set("--multiplier", "multiplier"),
      set("--tune-steps", "tune_steps");
  if (given(a, "--seed")) r.seed = seed(a);
  check_recipe(r, "compress");
  return r;
}

bool takes_features(const Model& m) {
  return std::any_of(m.inputs.begin(), m.inputs.end(),
                     [](const ModelInput& in) { return in.kind == InputKind::features; });
}

void set_range(Model& m, const Tensor& energies) {
  const auto [low, high] = std::minmax_element(energies.data.begin(), energies.data.end());
  if (!(*low > 0)) fail("--data: an incident energy of ", *low, " MeV; energies are above 0");
  m.facts.minimum_energy_mev = *low, m.facts.maximum_energy_mev = *high;
}

// --data: showers set the energies to calibrate for, and are what a critic learns from.
Data calibrate_for(Model& m, const std::string& path) {
  if (m.facts.geometry.empty())
    fail("model ", m.name, ": names no geometry, so the events of --data ", path, " cannot be read; leave --data out");
  Data data;
  data.geometry = geometry(m.facts.geometry);
  data.training = load_events(path, data.geometry);
  set_range(m, data.training.incident_energies);
  return data;
}

// Rows of features: the energies to calibrate for are those among them.
std::vector<Tensor> calibrating_rows(Model& m, const std::string& path) {
  std::vector<Tensor> inputs = feature_rows(m, path);
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (m.inputs[k].kind == InputKind::incident_energy) set_range(m, inputs[k]);
  return inputs;
}

int compress_verb(const Arguments& a) {
  const Recipe r = compression_recipe(a);
  Model m = load_model(a.positionals[0]);
  expect_writable(text(a, "--out"));
  const int workers = threads(a);
  const bool features = takes_features(m);
  if (features && !given(a, "--data"))
    fail("model ", m.name, " takes features; give rows of them with --data FILE.npy");
  std::optional<Data> showers;
  if (!features && given(a, "--data")) showers = calibrate_for(m, text(a, "--data"));
  if (given(a, "--tune-steps") && r.compress.tune_steps > 0 && !can_be_tuned(m))
    fail("--tune-steps ", r.compress.tune_steps, ": model ", m.name,
         " is no generator that quench trained and cannot be tuned; give --tune-steps 0");
  if (r.compress.quantized_tune_steps > 0 && !can_be_tuned(m))
    fail("compress.quantized_tune_steps ", r.compress.quantized_tune_steps, ": model ", m.name,
         " is no generator that quench trained and cannot be tuned; set it to 0");
  const std::vector<Tensor> inputs =
      features ? calibrating_rows(m, text(a, "--data")) : calibration_inputs(r, m, workers);
  const Program p = compress_model(r, m, inputs, {showers ? &*showers : nullptr}, workers).program;
  write_file(text(a, "--out"), program_text(p));
  const Plan layout = plan(p, find_target("host"), encoding_from(r.compress.encoding));
  std::printf("%s: %s bits stored, %s than %s bits of dense floats; %s of %s weights non-zero -> %s\n", p.name.c_str(),
              grouped(layout.stored_bits).c_str(), ratio_text(p.original_bits, layout.stored_bits).c_str(),
              grouped(p.original_bits).c_str(), grouped(layout.nonzeros).c_str(),
              grouped(layout.multiplications).c_str(), text(a, "--out").c_str());
  return 0;
}

}  // namespace

Command compress_command() {
  return {{"compress",
           "Prunes, tunes and quantises a model into a program of integers, with its range proof.",
           {{"MODEL", "a .onnx file"}},
           {{"--out", "PROGRAM.qprog", "", "where to write", true},
            {"--data", "EVENTS", "",
             "events: their energies are calibrated for (default: the model's range), compress.alpha below 1 compares "
             "with them; a network of features: FILE.npy"},
            {"--bits", "N", "8", "of weights, 2 to 16"},
            {"--activation-bits", "N", "8", "between layers, 2 to 16"},
            {"--sparsity", "F", "0.8", "fraction of the weights to remove"},
            {"--scope", "S", "layer", "prune per layer or global"},
            {"--scales", "S", "free", "free or power-of-two"},
            {"--granularity", "G", "channel", "weight scales per channel or tensor"},
            {"--multiplier", "M", "wide", "wide, narrow or shift"},
            {"--tune-steps", "N", "4000", "steps of masked fine-tuning after pruning"},
            {"--recipe", "FILE", "", "a recipe whose [compress] table holds for what is not given here"},
            seed_option(),
            threads_option()},
           ""},
          compress_verb};
}

}  // namespace quench
