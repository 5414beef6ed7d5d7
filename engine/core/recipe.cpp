// The recipe's one list of fields, and what is done with it: reading, checking, printing, hashing, help.
// SPDX-License-Identifier: MIT
#include "engine/core/recipe.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/field_value.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/core/text.h"
#include "engine/core/toml.h"

namespace quench {
namespace {

constexpr double max_count = 1e9;
constexpr double max_width = 65536;

// The one list. f(key, member, rule, meaning).
template <class R, class F>
void fields(R& r, F&& f) {
  f("name", r.name, identifier(), "names the model and the generated code");
  f("seed", r.seed, range(0, 9.2e18), "of every random stream");

  f("data.source", r.data.source, any(), "\"simulation\", or the path of events or of a .csv table");
  f("data.geometry", r.data.geometry, any(), "rings-10x5, ds1-photons, ds2, grid-ZxYxX or a geometry file");
  f("data.particle", r.data.particle, one_of({"electron", "photon"}), "what the simulation shoots");
  f("data.events", r.data.events, range(1, max_count), "showers to train on (simulation)");
  f("data.minimum_gev", r.data.minimum_gev, range(1e-3, 1e5), "lowest incident energy, GeV");
  f("data.maximum_gev", r.data.maximum_gev, range(1e-3, 1e5), "highest incident energy, GeV");
  f("data.threshold_mev", r.data.threshold_mev, range(-1, 1e6), "voxels below are empty, MeV; -1: the geometry's");
  f("data.validation_events", r.data.validation_events, range(1, max_count), "held-out showers (simulation)");
  f("data.validation_fraction", r.data.validation_fraction, range(0.01, 0.9), "held-out last part of an events file");
  f("data.test_fraction", r.data.test_fraction, range(0.01, 0.9), "rows of a .csv that are only judged on");
  f("data.columns", r.data.columns, any(), "of a .csv, by name; \"*\": all that hold numbers");

  f("model.family", r.model.family, one_of({"gan", "flow", "vae"}), "how the generator is trained");
  f("model.latent", r.model.latent, range(1, max_width), "latent numbers a shower");
  f("model.hidden", r.model.hidden, range(1, max_width), "widths of the generator's hidden layers");
  f("model.activation", r.model.activation, one_of({"relu", "leaky-relu"}), "after each hidden layer");
  f("model.batch_norm", r.model.batch_norm, any(), "batch normalisation in the generator (folded away later)");
  f("model.skip", r.model.skip, any(), "a Linear from the latents to the numbers beside the GAN's generator");
  f("model.critic_occupancy", r.model.critic_occupancy, any(),
    "the critic also sees, softly, which voxels are above the threshold");
  f("model.critic_hidden", r.model.critic_hidden, range(1, max_width), "widths of the critic's hidden layers");

  f("train.steps", r.train.steps, range(1, max_count), "generator steps");
  f("train.batch", r.train.batch, range(2, max_width), "showers a step");
  f("train.learning_rate", r.train.learning_rate, above(0, 1), "of the generator (Adam)");
  f("train.critic_learning_rate", r.train.critic_learning_rate, above(0, 1), "of the critic (Adam)");
  f("train.beta1", r.train.beta1, below(0, 1), "Adam's memory of the gradient");
  f("train.beta2", r.train.beta2, below(0, 1), "Adam's memory of its square");
  f("train.average", r.train.average, below(0, 1), "decay of the generator's running average, which is kept");
  f("train.decay_from", r.train.decay_from, range(0, 1), "cosine or linear: to 0 from this fraction on; 1: constant");
  f("train.checkpoint_every", r.train.checkpoint_every, range(1, max_count), "steps between checkpoints");
  f("train.loss", r.train.loss, one_of({"least-squares", "bce", "hinge", "wasserstein"}), "of critic and generator");
  f("train.penalty", r.train.penalty, one_of({"none", "wgan-gp", "r1"}), "on the slope of the critic's score");
  f("train.gradient_penalty", r.train.gradient_penalty, range(0, 1e6), "weight of train.penalty");
  f("train.spectral_norm", r.train.spectral_norm, any(), "the critic's weights over their largest singular value");
  f("train.instance_noise", r.train.instance_noise, range(0, 100), "deviation, on the critic's inputs; falls to 0");
  f("train.critic_steps", r.train.critic_steps, range(1, 1000), "of the critic for each of the generator");
  f("train.schedule", r.train.schedule, one_of({"cosine", "constant", "linear", "step"}),
    "of the learning rates; step: halved after 1/2, 3/4, 7/8 of the steps");
  f("train.total_energy_weight", r.train.total_energy_weight, range(0, 1e6), "batch moments of ln(total energy)");
  f("train.layer_energy_weight", r.train.layer_energy_weight, range(0, 1e6), "batch moments of ln(layer energy)");
  f("train.sparsity_weight", r.train.sparsity_weight, range(0, 1e6), "batch moments of voxels above the threshold");

  f("train.warm_up", r.train.warm_up, range(0, max_count), "steps until the learning rate is reached (flow)");
  f("train.clip", r.train.clip, range(0, 1e9), "longest gradient; 0: any (flow)");
  f("train.validation_events", r.train.validation_events, range(0, max_count), "kept aside to choose the best average");
  f("train.evaluate_every", r.train.evaluate_every, range(1, max_count), "steps between validations");
  f("train.patience", r.train.patience, range(0, max_count), "validations without gain before the end; 0: never");

  f("flow.coupling", r.flow.coupling, one_of({"additive", "affine", "spline"}), "what a coupling does");
  f("flow.couplings", r.flow.couplings, range(2, 256), "layers, each moves half of the numbers");
  f("flow.bins", r.flow.bins, range(2, 32), "of a spline");
  f("flow.bound", r.flow.bound, above(0, 1e3), "a spline bends numbers on [-bound, bound]");
  f("flow.hidden", r.flow.hidden, range(1, max_width), "hidden layers of each coupling's network");
  f("flow.act_norm", r.flow.act_norm, any(), "a trained scale and shift before each coupling");
  f("flow.two_step", r.flow.two_step, any(), "layer energies by a flow of their own, then the voxels");
  f("flow.asinh", r.flow.asinh, any(), "trained asinh of each column first, for heavy tails (.csv)");

  f("vae.encoder_hidden", r.vae.encoder_hidden, range(1, max_width), "widths of the encoder's hidden layers");
  f("vae.beta", r.vae.beta, range(0, 1e6), "weight of the divergence from normal latents");
  f("vae.kl_warm_up", r.vae.kl_warm_up, range(0, max_count), "steps in which that weight grows to its value");
  f("vae.heads", r.vae.heads, one_of({"normal", "softmax"}),
    "stick-breaking numbers with output noise, or a softmax a layer without");
  f("vae.quanta", r.vae.quanta, range(1, max_count), "energy parts drawn by a softmax: weight of its cross-entropy");

  f("distill.teacher", r.distill.teacher, optional_text(),
    "a .onnx to learn from (gan, vae: softmax heads, too); empty: a flow's own");
  f("distill.steps", r.distill.steps, range(0, max_count), "of teaching the generator what the flow does; 0: keep it");
  f("distill.batch", r.distill.batch, range(2, max_width), "showers a step");
  f("distill.learning_rate", r.distill.learning_rate, above(0, 1), "of the student (Adam)");
  f("distill.alpha", r.distill.alpha, above(0, 1), "weight of the teacher; 1 - alpha: of the critic on real showers");
  f("distill.feature_weight", r.distill.feature_weight, range(0, 1e6), "of the difference of the last hidden layers");
  f("distill.temperature", r.distill.temperature, above(0, 1e3),
    "of softmax heads, T^2 KL(teacher || student); cancels in squared differences of other outputs");
  f("distill.budget_bits", r.distill.budget_bits, range(0, 1e15),
    "model.hidden gets the widest student whose compressed weights and biases take no more; 0: stays");

  f("compress.bits", r.compress.bits, range(2, 16), "a weight");
  f("compress.activation_bits", r.compress.activation_bits, range(2, 16), "a value between layers");
  f("compress.output_bits", r.compress.output_bits, range(2, 16), "a value of the last layer");
  f("compress.latent_bits", r.compress.latent_bits, range(2, 16), "a latent number");
  f("compress.sparsity", r.compress.sparsity, below(0, 1), "fraction of the weights that become 0");
  f("compress.scope", r.compress.scope, one_of({"layer", "global"}), "the smallest weights of each layer, or of all");
  f("compress.scales", r.compress.scales, one_of({"free", "power-of-two"}), "of the integer codes");
  f("compress.granularity", r.compress.granularity, one_of({"channel", "tensor"}), "one weight scale for each");
  f("compress.multiplier", r.compress.multiplier, one_of({"wide", "narrow", "shift"}), "how sums are rescaled");
  f("compress.fixed_point", r.compress.fixed_point, width_comma_integer(), "ap_fixed<W, I> for the whole model");
  f("compress.calibration_events", r.compress.calibration_events, range(1, max_count), "showers that fix the ranges");
  f("compress.tune_steps", r.compress.tune_steps, range(0, max_count), "steps of training while pruned and quantised");
  f("compress.tune_batch", r.compress.tune_batch, range(2, max_width), "showers a tuning step");
  f("compress.tune_learning_rate", r.compress.tune_learning_rate, above(0, 1), "of tuning (Adam)");
  f("compress.quantized_tune_steps", r.compress.quantized_tune_steps, range(0, max_count),
    "steps of training in integers, which learns the scales (LSQ)");
  f("compress.alpha", r.compress.alpha, range(0, 1),
    "in integers: weight of the float model's outputs; the rest is that of a critic, on real showers");
  f("compress.dead_zone", r.compress.dead_zone, range(0, 0.99),
    "in integers: share of zeros that learned dead zones reach; 0: none");
  f("compress.table_tolerance", r.compress.table_tolerance, range(0.001, 0.5),
    "largest error of a standardisation's tables, in each number's own deviation; 20 times that of fractions");
  f("compress.stages", r.compress.stages, any(),
    "in order, as prune:0.5, tune:2000; \"*\": what the keys here ask for");
  f("compress.layer_bits", r.compress.layer_bits, optional_text(),
    "\"LAYER=BITS\" or \"LAYER=BITS/OUTPUT_BITS\", other than bits");
  f("compress.layer_fixed_point", r.compress.layer_fixed_point, optional_text(),
    "\"LAYER=W,I\"; ...: ap_fixed<W, I> of its weights and outputs, other than fixed_point");
  f("compress.layer_sparsity", r.compress.layer_sparsity, optional_text(), "LAYER=FRACTION, ...: of its own");
  f("compress.encoding", r.compress.encoding, one_of({"smallest", "dense", "csr", "delta-csr", "bitmap", "blocks"}),
    "how weights are stored");
  f("compress.calibration", r.compress.calibration, one_of({"min-max", "percentile", "mse", "entropy"}),
    "how the ranges between layers follow from their showers");
  f("compress.percentile", r.compress.percentile, above(50, 100), "of the values that a range holds (percentile)");
  f("compress.symmetric", r.compress.symmetric, any(), "codes around 0; false: with zero points where that helps");
  f("compress.symmetric_weights", r.compress.symmetric_weights, any(),
    "weights around 0; false: with zero points, which devices store in up to one bit more");
  f("compress.weight_range", r.compress.weight_range, one_of({"largest", "mse"}), "weight scales: no weight saturates");
  f("compress.rounding", r.compress.rounding, one_of({"nearest", "adaround", "gptq"}), "of weights to their codes");
  f("compress.bias_correction", r.compress.bias_correction, any(), "biases that keep the mean of every output");
  f("compress.restandardise", r.compress.restandardise, any(),
    "tables that give every number of the program the mean and deviation of real ones");
  f("compress.occupancy", r.compress.occupancy, one_of({"none", "layers", "voxels"}),
    "with restandardise: layers, and voxels, that are empty as often as those of real showers");
  f("compress.equalise", r.compress.equalise, any(), "the ranges of neighbouring layers' weights first");
  f("compress.prune", r.compress.prune, one_of({"magnitude", "wanda", "obc", "n:m", "blocks", "neurons"}),
    "which weights go");
  f("compress.pattern", r.compress.pattern, n_of_m(), "of every M weights of a row N stay (n:m)");
  f("compress.schedule", r.compress.schedule, one_of({"at-once", "cubic"}), "pruning before, or while tuning");

  f("evaluate.events", r.evaluate.events, range(2, max_count), "showers of each model that are compared");
  f("evaluate.binning", r.evaluate.binning, one_of({"automatic", "quantiles", "challenge"}), "of the histograms");
  f("evaluate.classifier_seeds", r.evaluate.classifier_seeds, range(0, 100), "classifiers for each AUC; 0: none");
  f("evaluate.mixture", r.evaluate.mixture, range(1, 100), "Gaussians of the mixture a flow is compared with (.csv)");
  f("evaluate.mixture_starts", r.evaluate.mixture_starts, range(1, 100), "its fits, the best of which is compared");

  f("generate.targets", r.generate.targets, any(), "machines to write code for (see quench targets)");
  f("generate.energy_unit_mev", r.generate.energy_unit_mev, range(1e-9, 1e3), "one count of energy on the device, MeV");
}

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  const Recipe recipe;
  fields(recipe, [&](const char* key, const auto&, const Rule&, const char*) { keys.push_back(key); });
  return keys;
}

std::string section_of(const std::string& key) {
  const std::size_t dot = key.find('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::vector<std::string> all_sections() {
  std::vector<std::string> sections;
  for (const std::string& key : all_keys()) {
    const std::string section = section_of(key);
    if (!section.empty() && (sections.empty() || sections.back() != section)) sections.push_back(section);
  }
  return sections;
}

// The TOML value of one --set for a member of this type.
template <class T>
TomlValue setting(const T&, const std::string& text, const std::string& where) {
  return parse_toml_value(text, where);
}
TomlValue setting(const std::string&, const std::string& text, const std::string& where) {
  if (!text.empty() && (text[0] == '"' || text[0] == '\'')) return parse_toml_value(text, where);
  return {text, {}};
}
template <class T>
TomlValue setting(const std::vector<T>&, const std::string& text, const std::string& where) {
  if (!text.empty() && text[0] == '[') return parse_toml_value(text, where);
  TomlValue list{std::vector<TomlValue>(), {}};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    std::get<std::vector<TomlValue>>(list.value).push_back(setting(T(), text.substr(begin, comma - begin), where));
    begin = comma + 1;
  }
  return list;
}

// A command line has no lines.
void forget_places(TomlValue& value) {
  value.place = {0, 0};
  if (std::vector<TomlValue>* items = std::get_if<std::vector<TomlValue>>(&value.value))
    for (TomlValue& item : *items) forget_places(item);
}

// Gives the member of this key its value; false when no field has this key.
bool assign_field(Recipe& recipe, const std::string& file, const TomlEntry& entry) {
  bool known = false;
  fields(recipe, [&](const char* key, auto& member, const Rule& rule, const char*) {
    if (known || entry.key != key) return;
    known = true;
    assign(member, entry.value, rule, FieldSource{file, key});
  });
  return known;
}

[[noreturn]] void unknown_key(const std::string& file, TomlPlace place, const std::string& key) {
  for (const std::string& section : all_sections())
    if (key == section) fail_at(file, place, key + " is a table: write [" + key + "] and its keys below");
  fail_at(file, place, "unknown key " + toml_string(key) + suggestion(key, all_keys()));
}

void check_tables(const TomlDocument& document) {
  const std::vector<std::string> sections = all_sections();
  for (const TomlTable& table : document.tables) {
    if (std::find(sections.begin(), sections.end(), table.name) != sections.end()) continue;
    fail_at(document.file, table.place, "unknown table [" + table.name + "]" + suggestion(table.name, sections));
  }
}

}  // namespace

bool operator==(const Recipe& a, const Recipe& b) { return print_recipe(a) == print_recipe(b); }

void set_field(Recipe& recipe, const std::string& key_is_value, const std::string& option) {
  const std::string where = option + " " + key_is_value;
  const std::size_t equals = key_is_value.find('=');
  if (equals == std::string::npos || equals == 0) fail(where, ": write --set KEY=VALUE, for instance data.events=5000");
  const std::string key = key_is_value.substr(0, equals), value = key_is_value.substr(equals + 1);
  TomlEntry entry{key, {0, 0}, {}};
  bool known = false;
  fields(recipe, [&](const char* name, auto& member, const Rule&, const char*) {
    if (key != name) return;
    known = true;
    entry.value = setting(member, value, option + " " + key);
    forget_places(entry.value);
  });
  if (!known) fail(where, ": unknown key ", key, suggestion(key, all_keys()));
  assign_field(recipe, option, entry);
}

Recipe parse_recipe(std::string_view toml, const std::string& file) {
  const TomlDocument document = parse_toml(toml, file);
  check_tables(document);
  Recipe recipe;
  for (const TomlEntry& entry : document.entries)
    if (!assign_field(recipe, file, entry)) unknown_key(file, entry.place, entry.key);
  check_recipe(recipe, file);
  return recipe;
}

Recipe load_recipe(const std::string& path) { return parse_recipe(read_file(path), path); }

std::string print_recipe(const Recipe& recipe, bool explained) {
  std::string text, section;
  fields(recipe, [&](const std::string& key, const auto& member, const Rule& rule, const char* meaning) {
    if (section_of(key) != section) text += "\n[" + (section = section_of(key)) + "]\n";
    const std::string accepted = rule_text(member, rule);
    if (explained) ((text += "# ") += meaning) += accepted.empty() ? "\n" : " (" + accepted + ")\n";
    text += key.substr(section.empty() ? 0 : section.size() + 1) + " = " + value_text(member) + "\n";
  });
  return text;
}

std::uint64_t recipe_hash(const Recipe& recipe, const std::vector<std::string>& sections) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  fields(recipe, [&](const std::string& key, const auto& member, const Rule&, const char*) {
    const bool chosen = std::find(sections.begin(), sections.end(), section_of(key)) != sections.end();
    if (!sections.empty() && !chosen) return;
    for (const char c : key + " = " + value_text(member) + "\n")
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  });
  return hash;
}

std::string recipe_help() {
  Table table;
  table.header = {"key", "default", "accepted", "meaning"};
  const Recipe recipe;
  fields(recipe, [&](const char* key, const auto& member, const Rule& rule, const char* meaning) {
    table.rows.push_back({key, value_text(member), rule_text(member, rule), meaning});
  });
  table.right = {false, false, false, false};
  return table_text(table);
}

SparsePattern sparse_pattern(const Recipe& recipe) {
  const auto pattern = read_pair(recipe.compress.pattern, ':');
  return pattern ? SparsePattern{pattern->first, pattern->second} : SparsePattern{};
}

}  // namespace quench
