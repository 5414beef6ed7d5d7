// Students of a search, and the costs of their layers.
// SPDX-License-Identifier: MIT
#include "targets/command/search_width.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "engine/compress/fold.h"
#include "engine/compress/neurons.h"
#include "engine/compress/quantize_layers.h"
#include "engine/core/error.h"
#include "engine/core/parallel_for.h"
#include "engine/encode/encode.h"
#include "engine/train/deploy.h"
#include "engine/train/student_widths.h"
#include "targets/command/training.h"

namespace quench {
namespace {

constexpr int sensitivity_events = 1024, student_steps = 8000;  // steps where the recipe has none
constexpr double narrower[] = {0.7, 0.5};

std::vector<LayerChoice> all_choices() {
  std::vector<LayerChoice> all;
  for (int bits : {8, 6, 5, 4, 3, 2})
    for (double sparsity : {0.0, 0.5, 0.7, 0.8, 0.9, 0.95}) all.push_back({bits, sparsity});
  return all;
}

// One node as a program of its own.
Amounts alone(const Program& p, const QNode& node, const Target& target, Encoding encoding) {
  Program one;
  one.values = p.values, one.nodes = {node}, one.inputs = node.inputs, one.output = node.output;
  return amounts(plan(one, target, encoding));
}

Amounts linear_amounts(const Linear& op, LayerChoice choice, const Target& target, Encoding encoding) {
  Program p;
  p.values = {code_value(op.weight.columns(), 8, true, 1.0 / 127), code_value(op.weight.rows(), 8, true, 1)};
  const std::vector<double> columns(static_cast<std::size_t>(op.weight.columns()), p.values[0].scale);
  const QLinear codes =
      quantize_linear(op, p.values[0], columns, p.values[1], 0, {choice.bits, true, false, "wide"}, "search");
  return alone(p, {"linear", codes, {ValueId{0}}, ValueId{1}}, target, encoding);
}

// The same errors, at the cost of instructions.
std::vector<LayerSensitivity> in_work(const Width& w, const Target& target, Encoding encoding, int threads) {
  std::vector<LayerSensitivity> all = w.layers;
  for (LayerSensitivity& layer : all) {
    const auto node =
        std::find_if(w.core.nodes.begin(), w.core.nodes.end(), [&](const Node& n) { return n.name == layer.layer; });
    const Linear& op = std::get<Linear>(node->op);
    parallel_for(threads, layer.options.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) {
        LayerOption& o = layer.options[k];
        o.cost = linear_amounts(coarsened(op, o.choice), o.choice, target, encoding)[work];
      }
    });
  }
  return all;
}

// The recipe's model section as this generator has it; nothing when its Linears are no chain from latents to numbers.
std::optional<Recipe::Model> chain_of(const Model& core, Recipe::Model m) {
  if (core.facts.latent != "normal" || core.inputs.size() != 2) return {};
  for (const ModelInput& input : core.inputs)
    if (input.kind == InputKind::latent) m.latent = core.values[index(input.value)].width;
  int width = m.latent + 1;
  m.hidden.clear(), m.skip = false;
  for (const Node& node : core.nodes) {
    const std::string type = type_name(node.op);
    if (const Linear* op = std::get_if<Linear>(&node.op); op && node.name != "skip") {
      if (op->weight.columns() != width) return {};
      m.hidden.push_back(width = op->weight.rows());
    } else if (op) {
      m.skip = true;
    } else if (type == "Coupling" || type == "Slice" || type == "Permute" || type == "Product") {
      return {};
    }
  }
  if (m.hidden.size() < 2 || width != core.values[index(core.outputs.at(0))].width) return {};
  m.hidden.pop_back();
  if (m.hidden.size() != hidden_widths(core).size()) return {};
  return m;
}

// Taught once, then kept.
Model taught(const StudyBench& s, const Recipe::Model& shape, const std::string& name) {
  Recipe r = s.recipe;
  r.model = shape, r.model.family = "gan", r.distill = {};
  r.distill.steps = s.recipe.distill.steps > 0 ? s.recipe.distill.steps : student_steps;
  r.distill.teacher = s.folder + "/model.onnx";
  return kept_model(s, name, r, s.model, s.threads);
}

std::vector<Tensor> sensitivity_inputs(const StudyBench& s, const Model& deployed) {
  Recipe r = s.recipe;
  r.compress.calibration_events = sensitivity_events;
  return calibration_inputs(r, deployed, s.threads);
}

Width measured_width(const StudyBench& s, const Budget& b, const std::string& name, const std::string& file,
                     const Model& model) {
  Width w;
  w.name = name, w.path = s.folder + "/" + file + ".onnx";
  const Model deployed = fold_batch_norm(model);
  w.core = generator_core(deployed);
  for (const LayerWidth& layer : hidden_widths(w.core)) w.hidden.push_back({layer.neurons, 0});
  Recipe r = s.recipe;
  const Encoding encoding = encoding_from(r.compress.encoding);
  const std::vector<Tensor> inputs = sensitivity_inputs(s, deployed);
  const auto bits = [&](const Linear& op, LayerChoice c) { return linear_amounts(op, c, b.target, encoding)[stored]; };
  w.layers = sensitivity(w.core, inputs, all_choices(), bits, s.threads);
  w.layers_in_work = in_work(w, b.target, encoding, s.threads);
  r.compress.sparsity = r.compress.dead_zone = 0, r.compress.tune_steps = r.compress.quantized_tune_steps = 0;
  r.compress.occupancy = "none";
  const Program program = compress_model(r, deployed, inputs, {}, s.threads).program;
  const Plan layout = plan(program, b.target, encoding);
  w.fixed = amounts(layout), w.ram_peak = ram_peak(program, layout);
  w.fixed[flash] = b.target.code_bytes;
  for (const QNode& node : program.nodes)
    for (const LayerSensitivity& layer : w.layers)
      if (node.name == layer.layer) {
        const Amounts one = alone(program, node, b.target, encoding);
        w.fixed[stored] -= one[stored], w.fixed[work] -= one[work];
      }
  return w;
}

}  // namespace

Amounts without_linears(const Width& w) { return estimate(w, {}); }

Amounts estimate(const Width& w, const std::vector<std::size_t>& option) {
  Amounts all = w.fixed;
  for (std::size_t l = 0; l < option.size(); ++l) {
    all[stored] += w.layers[l].options[option[l]].cost;
    all[work] += w.layers_in_work[l].options[option[l]].cost;
  }
  all[flash] += (all[stored] + 7) / 8;
  return all;
}

Width full_width(const StudyBench& s, const Budget& b) { return measured_width(s, b, "full", "model", s.model); }

std::vector<Width> students(const StudyBench& s, const Budget& b, const Width& whole) {
  std::vector<Width> all;
  const std::optional<Recipe::Model> full = chain_of(whole.core, s.recipe.model);
  if (!full) {
    std::fprintf(stderr, "quench: note: the Linears of model %s are no chain: only its full width is searched\n",
                 s.model.name.c_str());
    return all;
  }
  const std::vector<WidthSensitivity> hidden =
      width_sensitivity(whole.core, sensitivity_inputs(s, fold_batch_norm(s.model)), s.threads);
  GanSettings settings;
  settings.latent = full->latent, settings.skip = full->skip;
  const auto parameters = [&](const std::vector<int>& widths) {
    return student_bits(settings, widths, whole.core.values[index(whole.core.outputs[0])].width, {0, 1, 0});
  };
  std::vector<int> last = full->hidden;
  for (double width : narrower) {
    std::vector<int> alike;
    for (int neurons : full->hidden) alike.push_back(std::max(1, static_cast<int>(width * neurons + 0.5)));
    const std::vector<WidthOption> chosen = narrowed(hidden, parameters, parameters(alike));
    Recipe::Model shape = *full;
    for (std::size_t l = 0; l < chosen.size(); ++l) shape.hidden[l] = chosen[l].neurons;
    if (shape.hidden == last) continue;
    last = shape.hidden;
    const std::string name = std::to_string(static_cast<int>(100 * width + 0.5)), file = "student-" + name;
    all.push_back(measured_width(s, b, name, file, taught(s, shape, file)));
    all.back().hidden = chosen;
  }
  return all;
}

}  // namespace quench
