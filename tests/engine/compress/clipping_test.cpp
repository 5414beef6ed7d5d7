// Calibrated ranges: percentiles by hand, least squares by a naive search, entropy by what it must keep and cut.
// SPDX-License-Identifier: MIT
#include "engine/compress/clipping.h"

#include <doctest/doctest.h>

#include "engine/compress/quantize_layers.h"
#include "engine/core/error.h"
#include "tests/engine/compress/correlated.h"

using namespace quench;

namespace {

// x [events, 1] -> twice the same -> Relu, or none -> a sum, so that one value lies between layers: x itself.
Model through(bool relu) {
  Model m;
  m.name = "through";
  const Value x = add_input(m, "x", 1, InputKind::features);
  Value h = append(m, "first", Linear{{{1, 1}, {1}}, {{1}, {0}}}, {x}, 1);
  if (relu) h = append(m, "relu", Relu{}, {h}, 1);
  m.outputs = {append(m, "last", Linear{{{1, 1}, {1}}, {{1}, {0}}}, {h}, 1)};
  return m;
}

std::size_t between(const Model& m) { return index(m.nodes.back().inputs[0]); }

Range range_of(const Model& m, const Tensor& x, const std::string& method, double percent = 99, int bits = 8) {
  QuantizeSettings s;
  s.activation_bits = bits;
  const std::vector<Range> ranges = calibrate(m, Span<const Tensor>(&x, 1), s, method, percent, 1);
  const std::vector<Range> whole = calibrate(m, Span<const Tensor>(&x, 1), 1);
  CHECK(ranges.back().high == whole.back().high);  // the output keeps its tails
  return ranges[between(m)];
}

// Bell-shaped numbers (sums of twelve uniform ones), one far out at each end.
Tensor bell(float out) {
  const Tensor parts = random_tensor({20000, 12}, 3, -0.5f, 0.5f);
  Tensor x = zeros({20000, 1});
  for (int e = 0; e < 20000; ++e)
    for (int k = 0; k < 12; ++k) x.data[static_cast<std::size_t>(e)] += parts.row(e)[k];
  x.data[0] = out, x.data[1] = -out;
  return x;
}

}  // namespace

TEST_CASE("percentiles by hand") {
  Tensor x = zeros({2000, 1});
  for (int e = 0; e < 2000; ++e) x.data[static_cast<std::size_t>(e)] = static_cast<float>(e - 1000);  // -1000 .. 999
  const Range both = range_of(through(false), x, "percentile", 99);  // 20 elements at either end
  CHECK(both.low == doctest::Approx(-980).epsilon(1e-3));
  CHECK(both.high == doctest::Approx(979).epsilon(1e-3));
  const Range positive = range_of(through(true), x, "percentile", 99);  // zeros count: half of all
  CHECK(positive.low == 0);
  CHECK(positive.high == doctest::Approx(979).epsilon(1e-3));
  CHECK(range_of(through(true), x, "percentile", 60).high == doctest::Approx(199).epsilon(5e-3));
  CHECK(range_of(through(false), x, "percentile", 100).low == -1000);
  CHECK(range_of(through(false), x, "min-max").high == 999);
  CHECK_THROWS_WITH_AS(range_of(through(false), x, "guess"), doctest::Contains("calibration guess is unknown"), Error);
}

TEST_CASE("the range of least squared error is that of a search over the elements themselves") {
  const Tensor x = bell(12);
  for (int bits : {3, 4, 6})
    for (bool relu : {false, true}) {
      INFO(bits, " bits, relu ", relu);
      const double steps = (1 << (relu ? bits : bits - 1)) - 1, lowest = relu ? 0 : -steps - 1;
      const auto error = [&](double high) {
        double sum = 0;
        for (float v : x.data) {
          const double e = relu ? std::max(v, 0.0f) : v, scale = high / steps;
          sum += std::pow(e - scale * std::min(steps, std::max(lowest, std::floor(e / scale + 0.5))), 2);
        }
        return sum;
      };
      const Range found = range_of(through(relu), x, "mse", 0, bits);
      if (bits < 6) CHECK(found.high < 6);
      double least = error(12);
      for (int percent = 10; percent < 100; ++percent) least = std::min(least, error(12 * percent / 100.0));
      CHECK(error(static_cast<double>(found.high)) <= 1.02 * least);  // bins stand for what is in them
    }
}

TEST_CASE("entropy keeps what is filled evenly, and cuts off what is far out") {
  Tensor even = zeros({40960, 1});
  for (int e = 0; e < 40960; ++e) even.data[static_cast<std::size_t>(e)] = (static_cast<float>(e) + 0.5f) / 20480 - 1;
  CHECK(range_of(through(false), even, "entropy").high == doctest::Approx(1).epsilon(1e-3));
  CHECK(range_of(through(true), even, "entropy").high == doctest::Approx(1).epsilon(1e-3));
  const Range cut = range_of(through(false), bell(40), "entropy");
  CHECK(cut.high < 8);
  CHECK(cut.high > 2);
  CHECK(cut.low == -cut.high);
  CHECK(range_of(through(false), bell(40), "entropy", 0, 14).high == 40);  // as many levels as bins: nothing to gain
}

TEST_CASE("codes for a range") {
  const QValue affine = code_for(1, -1, 3, 4, Coding::affine, false);  // 15 steps of 4 / 15, 0 at 3.75 steps
  CHECK(affine.scale == doctest::Approx(4.0 / 15));
  CHECK(affine.zero == 4);
  CHECK(affine.low == 0);
  CHECK(affine.high == 15);
  CHECK(coding_of(affine) == Coding::affine);
  CHECK(code_for(1, 2, 3, 4, Coding::affine, false).zero == 0);
  CHECK(code_for(1, -3, -2, 4, Coding::affine, false).zero == 15);
  CHECK(code_for(1, -1, 3, 4, Coding::affine, true).scale == 0.5);
  CHECK(code_for(1, -1, 3, 4, Coding::symmetric, false).scale == doctest::Approx(3.0 / 7));
  CHECK(code_for(1, 0, 3, 4, Coding::non_negative, false).scale == doctest::Approx(3.0 / 15));
}
