// A layer quantised: its program beside the float model, event by event.
// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/compress/quantize.h"
#include "engine/model/forward.h"
#include "engine/run/run.h"
#include "tests/engine/model/gradient_check.h"

namespace quench {

constexpr int layer_events = 300;

inline Linear random_linear(int inputs, int outputs, std::uint32_t seed) {
  return {random_tensor({outputs, inputs}, seed), random_tensor({outputs}, seed + 1, -0.3f, 0.3f)};
}

struct Outcome {
  Program program;
  Tensor exact, got;   // of the float model and of the program, on inputs that codes hold exactly
  double worst_codes;  // largest difference, in codes of the program's output
};

// Quantises a model of features inputs on inputs in [-reach, reach) and runs both.
inline Outcome quantized(const Model& m, const QuantizeSettings& s = {}, float reach = 2.0f) {
  check(m);
  std::vector<Tensor> inputs;
  for (const ModelInput& in : m.inputs)
    inputs.push_back(random_tensor({layer_events, m.values[index(in.value)].width},
                                   static_cast<std::uint32_t>(50 + inputs.size()), -reach, reach));
  for (Tensor& x : inputs) x.data[0] = reach, x.data[1] = -reach;  // the largest input is a code: none rounds beyond it
  Outcome o;
  o.program = quantize(m, calibrate(m, inputs, 1), s);
  const QValue& out = o.program.values[index(o.program.output)];
  std::vector<std::vector<Words>> words(layer_events);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const QValue& v = o.program.values[index(o.program.inputs[k])];
    for (int i = 0; i < layer_events; ++i) {
      Words row;
      for (int j = 0; j < v.length; ++j) {
        float& x = inputs[k].row(i)[j];
        const double code =
            std::clamp(std::round(x / v.scale), static_cast<double>(v.low), static_cast<double>(v.high));
        row.push_back(static_cast<std::uint32_t>(static_cast<std::int32_t>(code)));
        x = static_cast<float>(code * v.scale);
      }
      words[static_cast<std::size_t>(i)].push_back(row);
    }
  }
  o.exact = infer(m, inputs);
  o.got = zeros({layer_events, out.length});
  o.worst_codes = 0;
  for (int i = 0; i < layer_events; ++i) {
    const Words y = run_values(o.program, words[static_cast<std::size_t>(i)])[index(o.program.output)];
    for (int j = 0; j < out.length; ++j) {
      const double real = (static_cast<std::int32_t>(y[static_cast<std::size_t>(j)]) - out.zero) * out.scale;
      o.got.row(i)[j] = static_cast<float>(real);
      o.worst_codes = std::max(o.worst_codes, std::fabs(real - static_cast<double>(o.exact.row(i)[j])) / out.scale);
    }
  }
  return o;
}

// features x [events, width] -> op -> output.
inline Model alone(Op op, int width) {
  Model m;
  m.name = "alone";
  const Value x = add_input(m, "x", width, InputKind::features);
  m.outputs = {append(m, "layer", std::move(op), {x}, width)};
  return m;
}

}  // namespace quench
