// Every gradient of a model against differences of its own forward pass.
// SPDX-License-Identifier: MIT
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/kernels/noise.h"
#include "engine/model/forward.h"

namespace quench {

// Numbers on [low, high), the same on every machine.
inline Tensor random_tensor(std::vector<int> shape, std::uint32_t seed, float low = -1.0f, float high = 1.0f) {
  Tensor t = zeros(std::move(shape));
  const std::uint32_t event[4] = {seed, 0, 0, 0};
  Xoshiro128 g = noise_state(event, 0);
  for (float& x : t.data) x = low + (high - low) * (static_cast<float>(next(g) >> 8) / 16777216.0f);
  return t;
}

// Checks d loss / d parameter and d loss / d input of loss = sum weight[i] y[i] (summed in double) against the
// fourth-order central difference. h is 0.02 of the number's size, at least 0.02; the functions must be smooth there
// (no kink of a Relu).
inline void check_gradients(Model model, std::vector<Tensor> inputs, Mode mode, double tolerance = 2e-3,
                            int threads = 1) {
  Tape tape;
  const auto loss_weight = [&](std::size_t i) { return 0.3 + 0.7 * std::cos(1.7 * static_cast<double>(i)); };
  const auto loss = [&] {
    forward(model, inputs, mode, tape, threads);
    const Tensor& y = tape.values[index(model.outputs[0])];
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += loss_weight(i) * static_cast<double>(y.data[i]);
    return sum;
  };
  const auto difference = [&](float& x) {
    const float at = x, h = 0.02f * std::max(1.0f, std::fabs(at));
    const auto f = [&](int steps) { return x = at + h * static_cast<float>(steps), loss(); };
    const double slope = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * static_cast<double>(h));
    x = at;
    return slope;
  };
  loss();
  Tensor dy = tape.values[index(model.outputs[0])];
  for (std::size_t i = 0; i < dy.size(); ++i) dy.data[i] = static_cast<float>(loss_weight(i));
  Model gradient = zeros_like(model);
  std::vector<Tensor> input_gradients(inputs.size());
  backward(model, tape, dy, gradient, input_gradients, true, threads);
  const auto compare = [&](const std::string& name, Tensor& values, const Tensor& slopes) {
    REQUIRE(values.size() == slopes.size());
    double largest = 0.1;
    for (float g : slopes.data) largest = std::max(largest, std::fabs(static_cast<double>(g)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      INFO(name, "[", i, "]");
      CHECK(std::fabs(static_cast<double>(slopes.data[i]) - difference(values.data[i])) <= tolerance * largest);
    }
  };
  std::vector<const Tensor*> slopes;
  for_each_parameter(gradient, [&](std::size_t, const std::string&, Tensor& t) { slopes.push_back(&t); });
  std::size_t k = 0;
  for_each_parameter(model, [&](std::size_t, const std::string& name, Tensor& t) { compare(name, t, *slopes[k++]); });
  for (std::size_t i = 0; i < inputs.size(); ++i) compare("input " + std::to_string(i), inputs[i], input_gradients[i]);
}

}  // namespace quench
