// Widths from budgets: by hand, against a plain scan of all factors, and what is refused.
// SPDX-License-Identifier: MIT
#include "engine/train/student_widths.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "engine/core/error.h"
#include "engine/model/model.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

GanSettings generator(int latent, std::vector<int> hidden, bool skip = false) {
  GanSettings s;
  s.latent = latent, s.hidden = std::move(hidden), s.skip = skip;
  return s;
}

}  // namespace

TEST_CASE("bits of a student: every weight that stays and every bias, as its model has them") {
  // 3 inputs, hidden 4 and 2, 5 outputs: weights 12 + 8 + 10, biases 4 + 2 + 5.
  CHECK(student_bits(generator(2, {9, 9}), {4, 2}, 5, {0, 8, 0}) == 8 * 41);
  CHECK(student_bits(generator(2, {9, 9}), {4, 2}, 5, {0, 4, 0.5}) == 4 * (15 + 11));
  CHECK(student_bits(generator(2, {9, 9}), {4, 2}, 5, {0, 3, 0.9}) == 42);   // 3 x 3 + 33
  CHECK(student_bits(generator(2, {9, 9}), {4, 2}, 5, {0, 5, 0.95}) == 63);  // 7.5 + 55, whole bits
  CHECK(student_bits(generator(2, {9, 9}, true), {4, 2}, 5, {0, 8, 0}) == 8 * (41 + 3 * 5 + 5));
  for (const bool skip : {false, true}) {
    GanSettings s = generator(6, {7, 11}, skip);
    const Model m = gan_generator(s, fit_preprocessing(toy_events(500), toy_geometry(), 1));
    std::int64_t numbers = 0;
    for (const Node& node : m.nodes)
      if (const Linear* op = std::get_if<Linear>(&node.op))
        numbers += static_cast<std::int64_t>(op->weight.size() + op->bias.size());
    CHECK(student_bits(s, s.hidden, 5, {0, 1, 0}) == numbers);
  }
}

TEST_CASE(
    "the recipe's own bits give the recipe's widths; one bit less gives narrower ones, a large budget wider ones") {
  const GanSettings s = generator(10, {60, 90, 120});
  SizeBudget budget{0, 8, 0.5};
  budget.bits = student_bits(s, s.hidden, 50, budget);
  CHECK(student_widths(s, 50, budget) == s.hidden);
  --budget.bits;
  CHECK(student_widths(s, 50, budget) == std::vector<int>{59, 89, 119});
  budget.bits *= 9;
  const std::vector<int> wide = student_widths(s, 50, budget);
  CHECK(wide[0] > 150);
  CHECK(std::abs(wide[2] - 2 * wide[0]) < 2);
  budget.bits = 1000000000000000;
  CHECK(student_widths(s, 50, budget) == std::vector<int>{32768, 49152, 65536});
}

TEST_CASE("no larger common factor fits") {
  for (const bool skip : {false, true})
    for (const int bits : {600, 700, 1000, 2500, 7000, 40000}) {
      const GanSettings s = generator(4, {3, 8, 5}, skip);
      const SizeBudget budget{bits, 6, 0.3};
      std::vector<int> best;
      for (int thousandths = 0; thousandths < 60000; ++thousandths) {
        std::vector<int> hidden;
        for (const int h : s.hidden) hidden.push_back(std::max(1, thousandths * h / 1000));
        if (student_bits(s, hidden, 9, budget) <= bits) best = hidden;
      }
      CAPTURE(bits);
      CHECK(student_widths(s, 9, budget) == best);
    }
}

TEST_CASE("a budget that widths of 1 exceed is refused, with by how much") {
  const GanSettings s = generator(2, {40, 80});
  // Weights 3 + 1 + 5, biases 1 + 1 + 5.
  CHECK(student_widths(s, 5, {128, 8, 0}) == std::vector<int>{1, 1});
  CHECK_THROWS_WITH_AS(student_widths(s, 5, {100, 8, 0}),
                       "distill.budget_bits 100 cannot be met: hidden layers of width 1 make a student of 128 bits (5 "
                       "outputs, 8 bits a weight, sparsity 0), 28 too many; raise it, lower compress.bits or raise "
                       "compress.sparsity",
                       Error);
}
