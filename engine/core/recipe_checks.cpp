// What single fields of a recipe cannot say: settings that exclude each other.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/recipe.h"
#include "engine/core/recipe_stages.h"

namespace quench {
namespace {

constexpr std::uint64_t max_seed = 9223372036854775807u;  // TOML has signed integers

// The slope of a wasserstein critic must be bounded, and a penalty needs both its kind and its weight.
void check_train(const Recipe::Train& train, const std::string& where) {
  const bool penalised = train.penalty != "none";
  if (train.gradient_penalty > 0 && !penalised)
    fail(where, ": train.gradient_penalty ", train.gradient_penalty,
         " weighs nothing: set train.penalty to wgan-gp or r1");
  if (train.gradient_penalty <= 0 && penalised)
    fail(where, ": train.penalty ", train.penalty,
         " has weight 0: set train.gradient_penalty above 0, for instance to 10");
  if (train.loss == "wasserstein" && !penalised && !train.spectral_norm)
    fail(where,
         ": train.loss wasserstein needs a critic of bounded slope: set train.penalty = \"wgan-gp\" with "
         "train.gradient_penalty = 10, or train.spectral_norm = true");
}

// A teacher's outputs are learned by a student alone, or beside its own loss through a critic.
void check_distill(const Recipe& r, const std::string& where) {
  const Recipe::Distill& d = r.distill;
  const bool teacher = !d.teacher.empty();
  if (teacher && r.model.family == "flow")
    fail(where, ": distill.teacher ", d.teacher,
         " is for model.family = \"gan\" or \"vae\", whose generator learns; the family is ", r.model.family);
  if (d.alpha < 1 && !teacher)
    fail(where, ": distill.alpha ", d.alpha,
         " weighs a teacher against a critic: name the teacher (distill.teacher) or set alpha = 1");
  if (d.alpha < 1 && r.model.family != "gan")
    fail(where, ": distill.alpha ", d.alpha, " needs a critic, which model.family = \"", r.model.family,
         "\" has not: set it to 1");
  if (teacher && d.alpha == 1 && d.steps == 0)
    fail(where, ": distill.teacher ", d.teacher,
         " has nothing to teach in 0 steps: set distill.steps, or alpha below 1");
  if (d.alpha < 1 && d.steps > 0)
    fail(where, ": distill.steps ", d.steps, " is for alpha = 1; with a critic beside the teacher, alpha ", d.alpha,
         ", train.steps is what counts: leave it out");
  if (d.alpha < 1 && d.temperature != 1)
    fail(where, ": distill.temperature ", d.temperature, " is for alpha = 1; it is ", d.alpha,
         ", where outputs are compared by squared differences, in which a temperature cancels: leave it out");
  if (d.feature_weight > 0 && r.model.family == "flow")
    fail(where, ": distill.feature_weight ", d.feature_weight,
         " compares last hidden values, which a flow has not: set it to 0");
  if (d.feature_weight > 0 && d.alpha < 1)
    fail(where, ": distill.feature_weight ", d.feature_weight, " is for alpha = 1; it is ", d.alpha);
  if (d.budget_bits > 0 && !teacher && (r.model.family != "flow" || d.steps == 0))
    fail(where, ": distill.budget_bits ", d.budget_bits,
         " is a student's, and there is none: name its teacher (distill.teacher), or give a flow distill.steps");
}

// Codes and scales that are learned must not be solved for behind it; explicit stages may solve for them before it.
void check_integers(const Recipe& recipe, const std::string& where) {
  const Recipe::Compress& c = recipe.compress;
  const std::vector<Stage> stages = compression_stages(recipe);
  const auto tuned =
      std::find_if(stages.begin(), stages.end(), [](const Stage& s) { return s.kind == StageKind::tune_quantized; });
  if (tuned != stages.end()) {
    const bool solved = c.rounding != "nearest" || c.bias_correction || c.weight_range != "largest";
    if ((solved && usual_stages(recipe)) || c.calibration != "min-max" || !c.symmetric)
      fail(
          where, ": compress.quantized_tune_steps ", tuned->steps,
          " learns codes and scales: leave compress.rounding, bias_correction, weight_range, calibration and symmetric "
          "as they are, or set it to 0");
    return;
  }
  if (c.dead_zone > 0)
    fail(where, ": compress.dead_zone ", c.dead_zone, " is learned in integers: set compress.quantized_tune_steps");
  if (c.alpha < 1)
    fail(where, ": compress.alpha ", c.alpha, " weighs a critic in integers: set compress.quantized_tune_steps");
}

// What post-training options exclude each other.
void check_compress(const Recipe& recipe, const std::string& where) {
  const Recipe::Compress& c = recipe.compress;
  if (!c.fixed_point.empty() &&
      (c.calibration != "min-max" || c.weight_range != "largest" || !c.symmetric || !c.symmetric_weights))
    fail(where, ": compress.fixed_point ", c.fixed_point,
         " fixes every scale: leave compress.calibration, weight_range, symmetric and symmetric_weights as they are");
  if (!c.fixed_point.empty() && !c.layer_bits.empty())
    fail(where, ": compress.layer_bits ", c.layer_bits,
         " is for scales that follow from the ranges; beside compress.fixed_point ", c.fixed_point,
         " single layers get theirs by compress.layer_fixed_point");
  const Recipe::Compress usual;
  if (!c.fixed_point.empty() && (c.bits != usual.bits || c.activation_bits != usual.activation_bits))
    fail(where, ": compress.fixed_point ", c.fixed_point,
         " fixes the bits of weights and of values, too: leave compress.bits and activation_bits out, which are ",
         c.bits, " and ", c.activation_bits);
  if (c.multiplier == "narrow" && (c.scales == "power-of-two" || !c.fixed_point.empty()))
    fail(where, ": compress.multiplier narrow is for free scales; powers of two need no multiplier: leave it out");
  if (c.calibration != "percentile" && c.percentile != usual.percentile)
    fail(where, ": compress.percentile ", c.percentile, " is for compress.calibration percentile, which is ",
         c.calibration);
  for (const auto& [layer, own] : layer_fixed_point(recipe))
    if (layer_bits(recipe).count(layer))
      fail(where, ": layer ", layer,
           " has bits in compress.layer_bits and a format, which has its own, in "
           "compress.layer_fixed_point: remove one of the two");
  int most_bits = c.bits;
  for (const auto& [layer, own] : layer_bits(recipe)) most_bits = std::max(most_bits, own.bits);
  if (!c.symmetric_weights && most_bits > 15)
    fail(where, ": compress.symmetric_weights = false needs a bit for zero points, which ", most_bits,
         "-bit weights have not: at most 15 bits");
  if (!layer_fixed_point(recipe).empty() && c.fixed_point.empty() && c.scales != "power-of-two")
    fail(where, ": compress.layer_fixed_point ", c.layer_fixed_point,
         " reads codes whose scales are no powers of two: set compress.scales = \"power-of-two\", or "
         "compress.fixed_point");
  if (c.multiplier == "shift" && c.scales != "power-of-two" && c.fixed_point.empty())
    fail(where, ": compress.multiplier shift rescales by powers of two only: set compress.scales = \"power-of-two\"");
  if (!c.layer_sparsity.empty() && (c.prune == "n:m" || c.prune == "neurons"))
    fail(where, ": compress.layer_sparsity ", c.layer_sparsity,
         " is for weights that go one by one or in blocks; compress.prune is ", c.prune, ": leave it out");
  const SparsePattern p = sparse_pattern(recipe);
  if (c.prune == "n:m" && !p.of) fail(where, ": compress.prune n:m needs compress.pattern, for instance 2:4");
  if (c.prune != "n:m" && p.of)
    fail(where, ": compress.pattern ", c.pattern, " is for compress.prune n:m, which is ", c.prune);
  const double given = p.of ? 1 - static_cast<double>(p.keep) / p.of : c.sparsity;
  if (std::fabs(given - c.sparsity) > 1e-3)
    fail(where, ": compress.pattern ", c.pattern, " gives sparsity ", given, ", compress.sparsity is ", c.sparsity,
         ": set it to ", given);
  if (c.scope == "global" && c.prune != "magnitude")
    fail(where, ": compress.scope global compares weights of all layers, which only compress.prune magnitude can, not ",
         c.prune);
  if (c.occupancy != "none" && !c.restandardise)
    fail(where, ": compress.occupancy is what restandardise does with real showers: set compress.restandardise = true");
  check_integers(recipe, where);
  if (c.dead_zone > 0 && c.dead_zone <= c.sparsity)
    fail(where, ": compress.dead_zone ", c.dead_zone, " finds compress.sparsity ", c.sparsity,
         " pruned already: set compress.sparsity = 0, or below it");
  if (c.schedule == "cubic" && (c.prune != "magnitude" || (c.tune_steps == 0 && usual_stages(recipe))))
    fail(where, ": compress.schedule cubic prunes by magnitude while tuning; compress.prune is ", c.prune,
         " and compress.tune_steps ", c.tune_steps);
}

}  // namespace

void check_recipe(const Recipe& recipe, const std::string& where) {
  const Recipe::Data& data = recipe.data;
  if (recipe.seed > max_seed)  // --seed knows larger ones, which no recipe could write down
    fail(where, ": seed ", recipe.seed, " is above ", max_seed, ": choose a smaller one");
  if (!(data.minimum_gev < data.maximum_gev)) {
    fail(where, ": data.minimum_gev ", data.minimum_gev, " must be below data.maximum_gev ", data.maximum_gev);
  }
  if (data.threshold_mev < 0 && data.threshold_mev != -1) {
    fail(where, ": data.threshold_mev ", data.threshold_mev, " is neither -1 (the geometry's) nor at least 0");
  }
  check_train(recipe.train, where);
  layer_bits(recipe);
  if (!layer_sparsity(recipe).empty() && (recipe.compress.schedule == "cubic" || recipe.compress.scope == "global"))
    fail(where, ": compress.layer_sparsity is for layers pruned at once, each alone; compress.schedule is ",
         recipe.compress.schedule, ", compress.scope ", recipe.compress.scope);
  check_distill(recipe, where);
  check_compress(recipe, where);
  const double counts = data.maximum_gev * 1000 / recipe.generate.energy_unit_mev;
  if (counts > 4294967295.0) {
    fail(where, ": data.maximum_gev ", data.maximum_gev, " is ", counts, " counts of generate.energy_unit_mev ",
         recipe.generate.energy_unit_mev, ", more than the 4294967295 of a device's 32 bits: use a larger unit");
  }
  std::vector<std::string> targets = recipe.generate.targets;
  std::sort(targets.begin(), targets.end());
  const auto twice = std::adjacent_find(targets.begin(), targets.end());
  if (twice != targets.end()) fail(where, ": generate.targets names ", *twice, " twice: remove one of the two");
}

}  // namespace quench
