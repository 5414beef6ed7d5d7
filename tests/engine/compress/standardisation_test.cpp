// A standardisation's mean and deviation by tables of their own or by shared functions: close enough at every code.
// SPDX-License-Identifier: MIT
#include "engine/compress/standardisation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "engine/model/program.h"

using namespace quench;

namespace {

constexpr double low = -1, high = 1;  // decades around 10 GeV

// Cubic polynomials of moderate slope, as fits to showers have.
ConditionalAffine wavy(int width) {
  ConditionalAffine op{zeros({4, width}), zeros({4, width}), false};
  std::mt19937 random(3);
  const auto number = [&](float size) { return size * (static_cast<float>(random() % 2001) / 1000.0f - 1.0f); };
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < width; ++j) {
      const float size = 1 / static_cast<float>(k + 1);
      op.mean.row(k)[j] = number(2 * size), op.log_deviation.row(k)[j] = number(0.5f * size);
    }
  return op;
}

struct Codes {
  QValue condition = code_value(1, 16, true, 1.0 / 32767), input = code_value(1, 16, true, 8.0 / 32767);
};

AffineLowering lowered(const ConditionalAffine& op, double tolerance, const std::string& multiplier) {
  const Codes codes;
  return lower_affine(op, 0, op.mean.columns(), low, high, codes.condition, codes.input, tolerance, multiplier);
}

// What the integers give for one condition code, in output codes.
std::vector<std::int32_t> integers(const AffineLowering& a, const std::variant<QTable, QLinear>& function,
                                   std::int32_t code) {
  std::vector<std::int32_t> from{code}, y;
  if (const QTable* table = std::get_if<QTable>(&function)) {
    y.resize(static_cast<std::size_t>(table->length));
    run(view(*table), from.data(), y.data());
    return y;
  }
  from.resize(static_cast<std::size_t>(a.shared->length));
  run(view(*a.shared), &code, from.data());
  const QLinear& rows = std::get<QLinear>(function);
  y.resize(static_cast<std::size_t>(rows.rows));
  run(view<std::int64_t>(rows), from.data(), y.data());
  return y;
}

std::int64_t bits_of(const std::variant<QTable, QLinear>& function) {
  if (const QTable* table = std::get_if<QTable>(&function)) return 16 * static_cast<std::int64_t>(table->value.size());
  const QLinear& rows = std::get<QLinear>(function);
  return rows.rows * (std::int64_t{rows.columns} * (rows.weight_bits > 8 ? 16 : 8) + 72);
}

}  // namespace

TEST_CASE("mean and deviation are right to the tolerance at every code, whichever way they are made") {
  const ConditionalAffine op = wavy(49);
  for (const char* multiplier : {"narrow", "wide", "shift"})
    for (double tolerance : {0.08, 0.005}) {
      const AffineLowering a = lowered(op, tolerance, multiplier);
      CHECK(a.shared.has_value() == (multiplier != std::string("shift")));
      std::vector<double> smallest(49, 1e9);
      for (int j = 0; j < 49; ++j)
        for (double c = low; c <= high; c += 1.0 / 512)
          smallest[static_cast<std::size_t>(j)] =
              std::min(smallest[static_cast<std::size_t>(j)], std::exp(polynomial(op.log_deviation, j, c)));
      double worst = 0;
      for (std::int32_t code = -32768; code <= 32767; code += 7) {
        const std::vector<std::int32_t> mean = integers(a, a.mean, code), deviation = integers(a, a.deviation, code);
        const double c = std::clamp(code / 32767.0, low, high);
        for (int j = 0; j < 49; ++j) {
          const std::size_t i = static_cast<std::size_t>(j);
          const double mu = mean[i] * a.mean_value.scale - polynomial(op.mean, j, c);
          const double sigma = deviation[i] * a.deviation_value.scale - std::exp(polynomial(op.log_deviation, j, c));
          worst =
              std::max(worst, std::max(std::fabs(mu) - a.mean_value.scale, std::fabs(sigma) - a.deviation_value.scale) /
                                  smallest[i]);
        }
      }
      INFO(multiplier, " ", tolerance);
      CHECK(worst < 1.02 * tolerance);
      CHECK(worst > 0.05 * tolerance);
    }
}

TEST_CASE("events of one energy, and numbers that do not depend on it, have their means and deviations") {
  ConditionalAffine op = wavy(49);
  std::fill(op.mean.data.begin(), op.mean.data.end(), 0.0f);  // one energy and no mean: every weight is 0
  const Codes codes;
  for (const double top : {0.5, 1.0}) {
    const AffineLowering a = lower_affine(op, 0, 49, 0.5, top, codes.condition, codes.input, 0.01, "wide");
    REQUIRE(a.shared);
    for (std::int32_t code : {-32768, 0, 16384, 20000, 32767}) {
      const std::vector<std::int32_t> mean = integers(a, a.mean, code), deviation = integers(a, a.deviation, code);
      const double c = std::clamp(code / 32767.0, 0.5, top);
      for (int j = 0; j < 49; ++j) {
        const double sigma = std::exp(polynomial(op.log_deviation, j, c));
        CHECK(mean[static_cast<std::size_t>(j)] == 0);
        CHECK(deviation[static_cast<std::size_t>(j)] * a.deviation_value.scale == doctest::Approx(sigma).epsilon(0.02));
      }
    }
  }
}

TEST_CASE("shared functions are taken where they store less") {
  const AffineLowering many = lowered(wavy(49), 0.02, "wide"), tables = lowered(wavy(49), 0.02, "shift");
  REQUIRE(many.shared);
  CHECK(16 * static_cast<std::int64_t>(many.shared->value.size()) + bits_of(many.mean) + bits_of(many.deviation) <
        (bits_of(tables.mean) + bits_of(tables.deviation)) * 6 / 10);
  CHECK_FALSE(lowered(wavy(1), 0.02, "wide").shared.has_value());
}
