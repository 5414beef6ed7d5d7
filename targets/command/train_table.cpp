// quench train on a table: a flow of its columns, judged on held-out rows beside classical densities.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdio>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/model/forward.h"
#include "engine/model/onnx.h"
#include "engine/tensor/csv.h"
#include "engine/train/gaussian_mixture.h"
#include "engine/train/table_set.h"
#include "targets/command/training.h"

namespace quench {
namespace {

void check_table_recipe(const Recipe& r) {
  const std::string& path = r.data.source;
  if (r.model.family != "flow")
    fail(path, ": is a table, of which a ", r.model.family, " cannot learn; set model.family = \"flow\"");
  if (r.flow.two_step) fail(path, ": is a table without layers of a calorimeter; set flow.two_step = false");
  if (r.distill.steps > 0)
    fail(path, ": a flow of a table cannot be distilled yet; set distill.steps = 0 (it is ", r.distill.steps, ")");
}

CsvTable read_table(const Recipe& r) {
  const bool all = r.data.columns == std::vector<std::string>{"*"};
  CsvTable table = load_csv(r.data.source, all ? std::vector<std::string>() : r.data.columns);
  if (table.values.columns() < 2)
    fail(r.data.source, ": 1 column, ", table.names[0], ", is used; a flow needs at least 2");
  for (const std::string& name : table.left_out)
    std::fprintf(stderr, "quench: note: %s: column %s holds text and is left out\n", r.data.source.c_str(),
                 name.c_str());
  return table;
}

std::vector<double> flow_densities(const Model& density, const Tensor& rows, int threads) {
  const Tensor values = infer(density, Span<const Tensor>(&rows, 1), threads);
  return {values.data.begin(), values.data.end()};
}

struct Judged {
  std::string name;
  std::vector<double> validation, test;  // ln p, nats
};

std::vector<Judged> judge(const Recipe& r, const TableSplit& split, const Model& density, int threads) {
  MixtureSettings s;
  s.seed = r.seed, s.components = r.evaluate.mixture, s.starts = r.evaluate.mixture_starts;
  const GaussianMixture gaussian = fit_gaussian(split.training);
  const GaussianMixture mixture = fit_mixture(split.training, split.validation, s, threads);
  const auto densities = [&](const GaussianMixture& m, const Tensor& rows) { return log_densities(m, rows, threads); };
  return {{"Gaussian", densities(gaussian, split.validation), densities(gaussian, split.test)},
          {"mixture of " + std::to_string(s.components) + " Gaussians", densities(mixture, split.validation),
           densities(mixture, split.test)},
          {"flow", flow_densities(density, split.validation, threads), flow_densities(density, split.test, threads)}};
}

std::string judgement_text(const std::vector<Judged>& all) {
  Table table;
  table.header = {"mean ln p of a row, nats", "validation", "test", "its error"};
  const auto cell = [](double x) {
    char text[40];
    std::snprintf(text, sizeof text, "%.4f", x);
    return std::string(text);
  };
  const auto add = [&](const std::string& name, MeanError validation, MeanError test) {
    table.rows.push_back({name, cell(validation.mean), cell(test.mean), cell(test.error)});
  };
  for (const Judged& j : all) add(j.name, mean_error(j.validation), mean_error(j.test));
  table.rows.push_back({});
  const Judged& flow = all.back();
  for (std::size_t k = 0; k + 1 < all.size(); ++k)
    add("flow - " + all[k].name + ", row by row", paired_difference(flow.validation, all[k].validation),
        paired_difference(flow.test, all[k].test));
  table.right = {false, true, true, true};
  return table_text(table);
}

}  // namespace

int train_table(const Recipe& r, const std::string& out, bool resume, int threads) {
  const auto start = std::chrono::steady_clock::now();
  check_table_recipe(r);
  const std::string checkpoint = out + ".checkpoint", density_out = beside(out, "density");
  expect_writable(density_out);
  const CsvTable table = read_table(r);
  const TableSplit split = split_table(table.values, r.data.validation_fraction, r.data.test_fraction, r.seed);
  FlowSettings settings = flow_settings(r, 0);
  settings.features = true, settings.asinh = r.flow.asinh;
  settings.validation.events = split.validation.rows();
  Trained result;
  const FlowState state = run_flow(settings, training_set(split), nullptr, checkpoint, resume, threads, result);
  if (!result.finished)
    fail("interrupted after ", state.step, " of ", settings.steps,
         " steps; continue with the same command and --resume");
  const Model& density = trained_flow(state);
  save_model(flow_sampling(density), out);
  save_model(density, density_out);
  const std::vector<Judged> judged = judge(r, split, density, threads);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%s: %d columns, %s rows to train on, %s for validation, %s for the test (seed %llu)\n",
              r.data.source.c_str(), table.values.columns(), grouped(split.training.rows()).c_str(),
              grouped(split.validation.rows()).c_str(), grouped(split.test.rows()).c_str(),
              static_cast<unsigned long long>(r.seed));
  std::printf("%s steps in %s, the best weights on validation after %s\n\n", grouped(state.step).c_str(),
              duration_text(seconds).c_str(), grouped(state.best.step).c_str());
  std::printf("%s\nflow of %s -> %s (sampling), %s (density)\n", judgement_text(judged).c_str(), r.name.c_str(),
              out.c_str(), density_out.c_str());
  return 0;
}

}  // namespace quench
