// The integer noise: independent re-computation, exact law, chi-square.
// SPDX-License-Identifier: MIT
#include "engine/ops/noise.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "engine/core/error.h"

using namespace quench;

namespace {

std::uint32_t rotl(std::uint32_t x, int k) { return (x << k) | (x >> (32 - k)); }

// numerics.md section 8 once more, written from the text.
std::array<std::uint32_t, 4> expected_state(std::uint64_t seed, std::uint64_t index, std::uint32_t lane) {
  const char* constant[4] = {"expa", "nd 3", "2-by", "te k"};
  std::array<std::uint32_t, 4> v{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32) ^ lane,
                                 static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
  for (std::size_t i = 0; i < 4; ++i)
    for (int b = 0; b < 4; ++b)
      v[i] ^= static_cast<std::uint32_t>(static_cast<unsigned char>(constant[i][b])) << (8 * b);
  for (int round = 0; round < 8; ++round) {
    v[0] += v[1], v[1] = rotl(v[1], 5) ^ v[0], v[0] = rotl(v[0], 16);
    v[2] += v[3], v[3] = rotl(v[3], 8) ^ v[2];
    v[0] += v[3], v[3] = rotl(v[3], 13) ^ v[0];
    v[2] += v[1], v[1] = rotl(v[1], 7) ^ v[2], v[2] = rotl(v[2], 16);
  }
  return v;
}

// Chi-square of `draws` codes against the program's own law, bins below 5 expected merged; returns (chi2 - dof) /
// sqrt(2 dof).
double chi_square_pull(const QNoise& op, int events) {
  const int codes = 1 << op.bits, position = std::max(op.bits - 8, 0);
  std::vector<double> count(static_cast<std::size_t>(codes));
  const Noise noise = view(op);
  std::vector<std::int32_t> y(static_cast<std::size_t>(op.length));
  for (int i = 0; i < events; ++i) {
    const std::uint32_t event[4] = {7, 0, static_cast<std::uint32_t>(i), 0};
    run(noise, event, y.data());
    for (std::int32_t c : y) count[static_cast<std::size_t>(c + codes / 2)] += 1;
  }
  const std::vector<std::uint32_t> weight = cell_weights(op);
  const double draws = static_cast<double>(events) * op.length;
  double chi2 = 0, expected = 0, seen = 0;
  int bins = 0;
  for (int c = 0; c < codes; ++c) {
    expected += draws * weight[static_cast<std::size_t>(c >> position)] /
                (static_cast<double>(weight.size()) * 65536.0 * (1 << position));
    seen += count[static_cast<std::size_t>(c)];
    if (expected < 5 && c + 1 < codes) continue;
    if (expected > 0) chi2 += (seen - expected) * (seen - expected) / expected, ++bins;
    expected = seen = 0;
  }
  return (chi2 - (bins - 1)) / std::sqrt(2.0 * (bins - 1));
}

}  // namespace

TEST_CASE("state and draws follow the specification") {
  for (std::uint64_t k = 0; k < 50; ++k) {
    const std::uint64_t seed = k * 0x9e3779b97f4a7c15u, index = ~k * 77777;
    const std::uint32_t event[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                    static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
    Xoshiro128 g = noise_state(event, static_cast<std::uint32_t>(k));
    std::array<std::uint32_t, 4> s = expected_state(seed, index, static_cast<std::uint32_t>(k));
    for (std::size_t i = 0; i < 4; ++i) REQUIRE(g.s[i] == s[i]);
    for (int n = 0; n < 3; ++n) {  // xoshiro128++ from its reference description
      const std::uint32_t result = rotl(s[0] + s[3], 7) + s[0], t = s[1] << 9;
      s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t, s[3] = rotl(s[3], 11);
      REQUIRE(next(g) == result);
    }
  }
}

TEST_CASE("cell weights are the rounded normal law and realised exactly") {
  for (int bits : {2, 4, 8, 10, 16}) {
    const QNoise op = normal_noise(10, bits);
    const std::vector<std::uint32_t> weight = cell_weights(op);
    std::uint64_t sum = 0;
    for (std::uint32_t w : weight) sum += w;
    CHECK(sum == weight.size() * 65536);
    const int per_cell = 1 << std::max(bits - 8, 0), lowest = -(1 << (bits - 1));
    for (std::size_t k = 1; k + 1 < weight.size(); ++k) {
      const double a = (lowest + static_cast<int>(k) * per_cell - 0.5) * op.scale, b = a + per_cell * op.scale;
      const double exact =
          0.5 * (std::erf(b / std::sqrt(2.0)) - std::erf(a / std::sqrt(2.0))) * static_cast<double>(sum);
      CHECK(std::fabs(weight[k] - exact) <= 1.0);  // largest remainder moves no weight by more than one
    }
  }
  CHECK_THROWS_AS(normal_noise(10, 17), Error);
  CHECK_THROWS_AS(latent_noise("cauchy", 10, 8), Error);
}

TEST_CASE("10^7 draws follow the law") {
  CHECK(std::fabs(chi_square_pull(normal_noise(100, 8), 100000)) < 4.5);
  CHECK(std::fabs(chi_square_pull(normal_noise(100, 12), 100000)) < 4.5);
  CHECK(std::fabs(chi_square_pull(uniform_noise(100, 8), 20000)) < 4.5);
  QNoise wrong = normal_noise(100, 8);  // the test can fail: a law that is not the one drawn
  QNoise drawn = wrong;
  drawn.probability[128] = static_cast<std::uint16_t>(drawn.probability[128] ^ 0x4000);
  CHECK(cell_weights(wrong) != cell_weights(drawn));
}

TEST_CASE("latents depend on seed and event alone") {
  QNoise op = normal_noise(99);
  const Tensor all = sample_latent(op, 5, 0, 200, 1), two = sample_latent(op, 5, 0, 200, 2),
               part = sample_latent(op, 5, 150, 50, 1);
  CHECK(all == two);
  for (int i = 0; i < 50; ++i)
    for (int j = 0; j < 99; ++j) REQUIRE(part.row(i)[j] == all.row(150 + i)[j]);
  op.lanes = 3;  // latent j is draw j / 3 of lane j mod 3
  const std::uint32_t event[4] = {5, 0, 0, 0};
  Xoshiro128 g = noise_state(event, 1);
  next(g);
  const std::uint32_t draw = next(g);  // the second draw of lane 1 is latent 4
  const std::uint32_t cell = draw >> 24, t = (draw >> 8) & 0xffff;
  const std::uint32_t code = t < op.probability[cell] ? cell : op.alias[cell];
  CHECK(sample_latent(op, 5, 0, 1, 1).row(0)[4] == doctest::Approx((static_cast<int>(code) - 128) / 24.0));
}
