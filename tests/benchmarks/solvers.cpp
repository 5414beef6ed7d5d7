// What rounding and pruning cost a layer and a generator before any tuning, method by method.
// SPDX-License-Identifier: MIT
//
// usage: solvers [MODEL.onnx]     Without a model: a layer of 128 correlated inputs and 64 outputs.
// Prints a table: relative error of the layer's outputs, or core_difference() of the model's standardised numbers.
#include <cstdio>
#include <string>
#include <vector>

#include "engine/compress/clipping.h"
#include "engine/compress/equalise.h"
#include "engine/compress/fold.h"
#include "engine/compress/joint.h"
#include "engine/compress/prune.h"
#include "engine/compress/rounding.h"
#include "engine/compress/weight_range.h"
#include "engine/core/error.h"
#include "engine/core/parallel_for.h"
#include "engine/core/table.h"
#include "engine/model/forward.h"
#include "engine/model/onnx.h"
#include "engine/physics/random.h"
#include "engine/train/tune.h"

using namespace quench;

namespace {

constexpr int events = 4096;

struct Subject {
  Model model;
  std::vector<Tensor> inputs, unseen;

  double difference(const Model& m, int threads) const {
    if (model.inputs[0].kind != InputKind::features) return core_difference(model, m, 77, 20000, threads);
    const Tensor a = infer(model, unseen, threads), b = infer(m, unseen, threads);
    double off = 0, all = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      off += (static_cast<double>(a.data[i]) - b.data[i]) * (static_cast<double>(a.data[i]) - b.data[i]);
      all += static_cast<double>(a.data[i]) * a.data[i];
    }
    return off / all;
  }
};

Tensor drawn(int rows, int columns, std::uint64_t stream) {
  Tensor t = zeros({rows, columns});
  for (int r = 0; r < rows; ++r) {
    Random random(11, static_cast<std::uint64_t>(r), static_cast<std::uint32_t>(stream));
    for (int k = 0; k < columns; ++k) t.row(r)[k] = static_cast<float>(normal(random));
  }
  return t;
}

// Inputs: 12 common factors and a little of each column's own.
Subject correlated_layer() {
  Subject s;
  s.model.name = "layer";
  const Value x = add_input(s.model, "x", 128, InputKind::features);
  s.model.outputs = {append(s.model, "fc", Linear{drawn(64, 128, 1), zeros({64})}, {x}, 64)};
  const Linear mix{drawn(128, 12, 2), zeros({128})};
  Tensor mixed;
  forward(mix, drawn(2 * events, 12, 3), mixed, 1);
  const Tensor own = drawn(2 * events, 128, 4);
  for (std::size_t i = 0; i < mixed.size(); ++i) mixed.data[i] += own.data[i];
  s.inputs = {rows_of(mixed, 0, events)}, s.unseen = {rows_of(mixed, events, events)};
  return s;
}

Subject generator(const std::string& path, int threads) {
  Subject s;
  s.model = fold_batch_norm(load_model(path));
  s.inputs = shower_inputs(s.model, 5, 0, log_uniform_energies(s.model.facts, 5, 0, events), 8, threads);
  return s;
}

Quantized places(const Model& m, const Subject& s, int bits, bool mse, int threads) {
  QuantizeSettings settings;
  settings.bits = bits;
  const std::vector<Range> ranges = calibrate(m, s.inputs, threads);
  const Quantized q = quantize_with_places(m, ranges, settings);
  return mse ? quantize_with_places(m, ranges, with_best_weight_scales(settings, m, q)) : q;
}

// The model with weights on the grid of `bits`; values between layers stay floats, so that only weights are compared.
Model rounded(const Model& m, const Subject& s, int bits, bool mse, const std::string& method, bool correct,
              int threads) {
  return round_weights(m, s.inputs, places(m, s, bits, mse, threads), method, correct, threads);
}

std::string figure(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5f", x);
  return text;
}

void compare(const Subject& s, int threads) {
  Table rounding{{"weights", "4 bits", "3 bits"}, {}, {false, true, true}};
  const auto row = [&](const std::string& name, const Model& m, bool mse, const std::string& method, bool correct) {
    rounding.rows.push_back({name, figure(s.difference(rounded(m, s, 4, mse, method, correct, threads), threads)),
                             figure(s.difference(rounded(m, s, 3, mse, method, correct, threads), threads))});
  };
  row("nearest", s.model, false, "nearest", false);
  row("nearest, bias correction", s.model, false, "nearest", true);
  row("nearest, equalised", equalise(s.model), false, "nearest", false);
  row("nearest, mse ranges", s.model, true, "nearest", false);
  row("adaround", s.model, false, "adaround", false);
  row("adaround, mse ranges", s.model, true, "adaround", false);
  row("gptq", s.model, false, "gptq", false);
  row("gptq, mse ranges", s.model, true, "gptq", false);
  row("gptq, mse ranges, bias correction", s.model, true, "gptq", true);
  std::printf("%s\n", table_text(rounding).c_str());
  Table pruning{{"pruned at once", "80 %", "90 %", "80 %, gptq 4 bits"}, {}, {false, true, true, true}};
  for (const char* method : {"magnitude", "wanda", "obc", "blocks"}) {
    const auto pruned = [&](double sparsity) {
      PruneSettings p;
      p.method = method, p.sparsity = sparsity;
      return prune(s.model, p, s.inputs, threads);
    };
    const Model most = pruned(0.8);
    pruning.rows.push_back({method, figure(s.difference(most, threads)), figure(s.difference(pruned(0.9), threads)),
                            figure(s.difference(rounded(most, s, 4, true, "gptq", false, threads), threads))});
  }
  PruneSettings p;  // obc and gptq in one pass
  p.method = "obc", p.sparsity = 0.8;
  const Quantized q = places(prune(s.model, p, s.inputs, threads), s, 4, true, threads);
  const Model together = prune_and_round(s.model, p, s.inputs, q, false, threads);
  pruning.rows.push_back({"obc, gptq together", "", "", figure(s.difference(together, threads))});
  p.method = "n:m", p.sparsity = 0.75, p.keep = 1, p.of = 4;
  const Model pattern = prune(s.model, p, s.inputs, threads);
  pruning.rows.push_back({"1:4 (75 %)", figure(s.difference(pattern, threads)), "",
                          figure(s.difference(rounded(pattern, s, 4, true, "gptq", false, threads), threads))});
  std::printf("%s\n", table_text(pruning).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int threads = hardware_threads();
    compare(argc > 1 ? generator(argv[1], threads) : correlated_layer(), threads);
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "solvers: %s\n", error.what());
    return 1;
  }
}
