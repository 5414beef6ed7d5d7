// The largest student that a budget holds, by bisection.
// SPDX-License-Identifier: MIT
#include "engine/train/student_widths.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"

namespace quench {
namespace {

constexpr double widest = 65536;  // as wide as a recipe's layers may be
constexpr int halvings = 64;

std::vector<int> scaled(const std::vector<int>& hidden, double factor) {
  std::vector<int> widths;
  for (const int h : hidden) widths.push_back(std::max(1, static_cast<int>(factor * h)));
  return widths;
}

}  // namespace

std::int64_t student_bits(const GanSettings& s, const std::vector<int>& hidden, int outputs, const SizeBudget& budget) {
  double weights = 0, biases = 0, inputs = s.latent + 1;  // latents and the energy's condition
  const auto add = [&](double columns, double rows) { weights += columns * rows, biases += rows; };
  if (s.skip) add(inputs, outputs);
  for (const int width : hidden) add(inputs, width), inputs = width;
  add(inputs, outputs);
  return static_cast<std::int64_t>(std::ceil(budget.weight_bits * ((1 - budget.sparsity) * weights + biases)));
}

std::vector<int> student_widths(const GanSettings& s, int outputs, const SizeBudget& budget) {
  const auto bits = [&](double factor) { return student_bits(s, scaled(s.hidden, factor), outputs, budget); };
  if (const std::int64_t least = bits(0); least > budget.bits)
    fail("distill.budget_bits ", budget.bits, " cannot be met: hidden layers of width 1 make a student of ", least,
         " bits (", outputs, " outputs, ", budget.weight_bits, " bits a weight, sparsity ", budget.sparsity, "), ",
         least - budget.bits, " too many; raise it, lower compress.bits or raise compress.sparsity");
  double low = 0, high = (widest + 0.5) / *std::max_element(s.hidden.begin(), s.hidden.end());
  for (int k = 0; k < halvings; ++k) {
    const double middle = (low + high) / 2;
    (bits(middle) <= budget.bits ? low : high) = middle;
  }
  return scaled(s.hidden, low);
}

}  // namespace quench
