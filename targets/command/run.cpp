// quench run: the whole chain, from showers to generated code and a report.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "codegen/emit.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/core/version.h"
#include "engine/report/report.h"
#include "engine/tensor/csv.h"
#include "engine/train/judge.h"
#include "targets/command/generate.h"
#include "targets/command/metrics.h"
#include "targets/command/models.h"
#include "targets/command/options.h"
#include "targets/command/stages.h"
#include "targets/command/training.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Prints each stage to standard error as it begins: the chain takes minutes. Only an error begins with "quench: ".
void stage(const char* what) {
  if (interrupted())
    fail("run: interrupted before the stage \"", what, "\"; run the same command again",
         std::string(what) == "train" ? "" : " with --resume");
  std::fprintf(stderr, "%s ...\n", what);
}

struct Judged {  // everything that is said about quality and speed
  std::vector<NamedComparison> comparisons;
  std::vector<NamedPaired> pairs;
  std::optional<Quality> quality;  // of the compressed model
  double float_events_per_second = 0, integer_events_per_second = 0;
};

Judged judge(const Recipe& r, const Data& data, const Trained& trained, const Compressed& c, const std::string& folder,
             int threads) {
  const Model& model = trained.model;
  Judged j;
  const Tensor e = generated_energies(data, r.evaluate.events);
  const int latent_bits = r.compress.latent_bits;
  auto start = Clock::now();
  const Events from_float = sample(model, r.seed, 0, e, latent_bits, threads);
  j.float_events_per_second = r.evaluate.events / seconds_since(start);
  const Program dense = quantized_alone(r, c.folded, calibration_inputs(r, c.folded, threads), {&data}, threads);
  const Events from_dense = sample(dense, r.seed, 0, e, threads);
  start = Clock::now();
  const Events from_program = sample(c.program, r.seed, 0, e, threads);
  j.integer_events_per_second = r.evaluate.events / seconds_since(start);
  save_events(folder + "/reference.npz", data.reference, &data.geometry);
  save_events(folder + "/float.npz", from_float, &data.geometry);
  save_events(folder + "/compressed.npz", from_program, &data.geometry);
  JudgeSettings settings;
  settings.seed = r.seed, settings.classifier_seeds = r.evaluate.classifier_seeds;
  const auto against = [&](const std::string& name, const Events& candidate, bool judged = true) {
    j.comparisons.push_back(
        {name, compare(data.geometry, data.reference, candidate, threads, binning_from(r.evaluate.binning)), {}});
    NamedComparison& row = j.comparisons.back();
    if (judged) row.judgement = judge_showers(data.geometry, data.reference, candidate, settings, threads);
    const std::optional<Judgement>& second = j.comparisons.front().judgement;  // as large: its distances are the floors
    if (judged && j.comparisons.size() > 1 && second->candidate_events == candidate.size())
      row.judgement->frechet_floor = second->frechet, row.judgement->kernel_floor = second->kernel;
    return row;
  };
  against("second reference sample", data.second);
  if (trained.flow && r.distill.steps > 0)
    against("flow (teacher)", sample(*trained.flow, r.seed, 0, e, latent_bits, threads));
  const NamedComparison before = against("float model", from_float);
  against("quantised only", from_dense, false);
  const NamedComparison after = against("compressed model", from_program);
  j.quality = quality(before.comparison, *before.judgement, after.comparison, *after.judgement);
  j.pairs.push_back(
      {"quantised only against float model, same noise", paired(data.geometry, from_float, from_dense, threads)});
  j.pairs.push_back(
      {"compressed model against float model, same noise", paired(data.geometry, from_float, from_program, threads)});
  return j;
}

const QNode* maker(const Program& p, ValueId v) {
  const auto found = std::find_if(p.nodes.begin(), p.nodes.end(), [&](const QNode& n) { return n.output == v; });
  return found == p.nodes.end() ? nullptr : &*found;
}

// Whether a Linear reads functions of the energy: means and deviations, which the float model has as polynomials.
bool standardises(const Program& p, const QNode& linear) {
  const QNode* table = maker(p, linear.inputs[0]);
  if (!table || !std::holds_alternative<QTable>(table->op)) return false;
  const QNode* condition = maker(p, table->inputs[0]);
  return condition && std::holds_alternative<QLogEnergy>(condition->op);
}

std::vector<ReportLayer> report_layers(const Program& p, const Plan& layout) {
  std::vector<ReportLayer> rows;
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const QNode& node = p.nodes[i];
    ReportLayer row;
    row.name = node.name, row.kind = type_name(node.op), row.encoding = layout.layers[i].encoding;
    row.stored_bits = stored_bits(layout.layers[i]);
    if (const auto* op = std::get_if<QLinear>(&node.op)) {
      row.shape = std::to_string(op->rows) + " x " + std::to_string(op->columns);
      row.weights = static_cast<std::int64_t>(op->weight.size());
      row.nonzeros = row.weights - std::count(op->weight.begin(), op->weight.end(), std::int16_t{0});
      row.bits = op->weight_bits;
      if (!standardises(p, node)) row.float_bits = 32 * (row.weights + op->rows);
      row.has_accumulator = true;
      row.accumulator_lowest = op->accumulator_low, row.accumulator_highest = op->accumulator_high;
    } else {
      row.shape = std::to_string(p.values[index(node.output)].length);
    }
    rows.push_back(row);
  }
  return rows;
}

ReportTarget report_target(const Program& p, const Plan& layout, const Target& target) {
  ReportTarget row;
  row.name = target.name, row.description = target.description;
  row.flash_bytes = layout.flash_bytes, row.flash_limit = target.flash_bytes;
  row.ram_bytes = layout.ram_bytes, row.ram_limit = target.ram_bytes;
  for (const QNode& node : p.nodes) row.layers.push_back(node.name);
  std::int64_t base[3] = {0, 0, 0};  // the arenas lie behind each other
  for (std::size_t a = 1; a < layout.arenas.size(); ++a)
    base[a] = base[a - 1] + layout.arenas[a - 1].length * layout.arenas[a - 1].element_bytes;
  for (const Buffer& b : layout.buffers) {
    const int bytes = layout.arenas[static_cast<std::size_t>(b.arena)].element_bytes;
    row.buffers.push_back({p.values[index(b.value)].name, base[b.arena] + b.offset * bytes,
                           std::int64_t{b.length} * bytes, b.first, b.last});
  }
  return row;
}

Report make_report(const Recipe& r, const Data& data, const Trained& trained, const Compressed& c, const Judged& j,
                   int threads) {
  const Program& p = c.program;
  const Encoding encoding = encoding_from(r.compress.encoding);
  const Plan host = plan(p, find_target("host"), encoding);
  Report report;
  report.title = r.name;
  report.program = std::string("quench ") + version;
  report.seed = r.seed;
  report.recipe = print_recipe(r);
  report.geometry = data.geometry;
  report.reference =
      data.origin + ", " + data.geometry.name + ", " + grouped(data.reference.size()) + " held-out showers";
  report.facts = {{"data", data.origin},
                  {"geometry", data.geometry.name},
                  {"training showers", grouped(data.training.size())},
                  {"held-out showers", grouped(data.reference.size())},
                  {"generated showers of each model", grouped(r.evaluate.events)},
                  {"training", grouped(r.train.steps) + " steps of " + grouped(r.train.batch) + " in " +
                                   duration_text(trained.seconds)},
                  {"compression", duration_text(c.seconds)},
                  {"threads", std::to_string(threads)}};
  report.float_bits = p.original_bits, report.compressed_bits = host.stored_bits, report.weight_bits = r.compress.bits;
  report.layers = report_layers(p, host);
  double learned = 0, zeros = 0;
  for (const ReportLayer& layer : report.layers)
    if (layer.float_bits > 0)
      learned += static_cast<double>(layer.weights), zeros += static_cast<double>(layer.weights - layer.nonzeros);
  report.summary = "A conditional generator trained on " + grouped(data.training.size()) + " showers, " +
                   rounded(100 * zeros / learned, 3) + " % of its weights zero, quantised to " +
                   std::to_string(r.compress.bits) + " bits: " + ratio_text(p.original_bits, host.stored_bits) +
                   " in stored bits.";
  for (const NamedComparison& n : j.comparisons)
    report.candidates.push_back(
        {n.name, n.comparison, n.name == "float model" || n.name == "compressed model", n.judgement});
  report.quality = j.quality;
  report.paired = {{"float model", "quantised only", j.pairs[0].paired},
                   {"float model", "compressed model", j.pairs[1].paired}};
  report.speeds = {
      {"float model, float engine", j.float_events_per_second, "events/s", std::to_string(threads) + " threads"},
      {"compressed model, integer interpreter", j.integer_events_per_second, "events/s",
       std::to_string(threads) + " threads"}};
  for (const std::string& name : r.generate.targets) {
    const Target target = find_target(name);
    const Plan layout = plan(p, target, encoding);
    report.targets.push_back(report_target(p, layout, target));
    if (layout.instructions)
      report.speeds.push_back({"compressed model on " + name, static_cast<double>(layout.instructions),
                               "instructions/event",
                               "the target's cost model, within 10 % of exact counts under emulation"});
  }
  for (const TrainingCurve& c : trained.curves) {  // one plot for each unit
    if (c.step.empty()) continue;
    if (report.plots.empty() || report.plots.back().y_label != c.unit)
      report.plots.push_back({"Training", "step", c.unit, false, false, false, {}});
    report.plots.back().lines.push_back({c.name, c.step, c.value});
  }
  return report;
}

std::string summary_text(const Report& report, const Judged& j) {
  return metrics_text(j.comparisons, j.pairs, j.quality, report.seed) + "\n" + grouped(report.compressed_bits) +
         " bits stored, " + ratio_text(report.float_bits, report.compressed_bits) + " than " +
         grouped(report.float_bits) + " bits of dense floats; " +
         grouped(static_cast<std::int64_t>(j.float_events_per_second)) + " float and " +
         grouped(static_cast<std::int64_t>(j.integer_events_per_second)) + " integer events/s here\n";
}

int run_verb(const Arguments& a) {
  Recipe r = load_recipe(a.positionals[0]);
  for (const std::string& setting : texts(a, "--set")) set_field(r, setting);
  if (given(a, "--seed")) r.seed = seed(a);
  check_recipe(r, a.positionals[0]);
  if (r.model.family == "flow" && r.distill.steps == 0 && r.flow.coupling == "spline" && !is_csv(r.data.source))
    fail(a.positionals[0],
         ": distill.steps is 0, but spline couplings run in float only: let a generator learn from the flow, or choose "
         "flow.coupling = \"affine\" or \"additive\"");
  std::vector<Target> targets;
  for (const std::string& name : r.generate.targets) targets.push_back(find_target(name));
  for (const Target& target : targets) check_name(r.name, target);  // before minutes of work
  const int workers = threads(a);
  const std::string out = text(a, "--out");
  make_folder(out);
  write_file(out + "/recipe.toml", print_recipe(r));

  stage("data");
  const Data data = load_data(r, workers);
  stage("train");
  const std::string checkpoint = out + "/model.checkpoint";
  const Trained trained = train_model(r, data, checkpoint, given(a, "--resume"), workers);
  if (!trained.finished)
    fail("interrupted after ", trained.steps, " of ", r.train.steps,
         " steps; continue with the same command and --resume");
  save_trained(trained, r, out + "/model.onnx");
  stage("compress");
  const Compressed c = compress_model(r, trained.model, calibration_inputs(r, trained.model, workers),
                                      {&data, trained.critic ? &*trained.critic : nullptr}, workers);
  write_file(out + "/program.qprog", program_text(c.program));
  stage("evaluate");
  const Judged judged = judge(r, data, trained, c, out, workers);
  stage("generate");
  for (const Target& target : targets) {
    const std::string name = target.name;
    write_files(emit(c.program, target, encoding_from(r.compress.encoding)), out + "/generate/" + name);
  }
  const Report report = make_report(r, data, trained, c, judged, workers);
  write_file(out + "/report.html", html_report(report));
  write_file(out + "/report.json", json_text(report_json(report)) + "\n");
  if (given(a, "--json"))
    print(report_json(report));
  else
    std::printf("%s\n%s/report.html shows it all\n", summary_text(report, judged).c_str(), out.c_str());
  return 0;
}

}  // namespace

Command run_command() {
  return {{"run",
           "Runs the whole chain of a recipe: data, train, compress, evaluate, generate, report.",
           {{"RECIPE", "a TOML file"}},
           {{"--out", "DIR", "", "folder for the model, the program, the generated code and report.html", true},
            {"--set", "KEY=VALUE", "", "override one key of the recipe, e.g. data.events=5000", false, true},
            {"--resume", "", "", "continue an interrupted training of the same recipe"},
            json_option(),
            seed_option(),
            threads_option()},
           "Keys of a recipe:\n" + recipe_help()},
          run_verb};
}

}  // namespace quench
