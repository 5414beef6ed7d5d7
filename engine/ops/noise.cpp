// Builds the alias tables of the latent laws and draws latents for the float engine.
// SPDX-License-Identifier: MIT
#include "engine/ops/noise.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

int cell_bits(int bits) { return std::min(bits, 8); }

// Integers that sum to 2^(cells' bits + 16) and follow `probability` (which sums to 1): largest remainder, ties to the
// lower code.
std::vector<std::uint32_t> integer_weights(const std::vector<double>& probability) {
  const double total = static_cast<double>(probability.size()) * 65536.0;
  std::vector<std::uint32_t> weight;
  std::vector<double> remainder;
  std::int64_t missing = static_cast<std::int64_t>(total);
  for (double p : probability) {
    const double exact = p * total, whole = std::floor(exact);
    weight.push_back(static_cast<std::uint32_t>(whole));
    remainder.push_back(exact - whole);
    missing -= static_cast<std::int64_t>(whole);
  }
  std::vector<std::size_t> order(probability.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder[a] > remainder[b]; });
  for (std::size_t i = 0; missing > 0; i = (i + 1) % order.size(), --missing) ++weight[order[i]];
  return weight;
}

// Vose's construction in integers: every cell holds 2^16, so the weights are realised exactly.
void fill_alias(QNoise& op, std::vector<std::uint32_t> weight) {
  const std::size_t cells = weight.size();
  op.probability.assign(cells, 0);
  op.alias.resize(cells);
  std::vector<std::size_t> small, large;
  for (std::size_t k = cells; k-- > 0;) (weight[k] < 65536 ? small : large).push_back(k);
  while (!small.empty()) {
    const std::size_t s = small.back(), l = large.back();
    small.pop_back();
    op.probability[s] = static_cast<std::uint16_t>(weight[s]);
    op.alias[s] = static_cast<std::uint8_t>(l);
    weight[l] -= 65536 - weight[s];
    if (weight[l] < 65536) large.pop_back(), small.push_back(l);
  }
  for (std::size_t l : large) op.alias[l] = static_cast<std::uint8_t>(l);
}

template <class Cumulative>
QNoise make_noise(int length, int bits, double scale, Cumulative&& cumulative) {
  if (bits < 2 || bits > 16) fail("latent noise: ", bits, " bits asked for; codes have 2 to 16 bits");
  if (length < 1) fail("latent noise: ", length, " latents asked for; at least 1 is needed");
  QNoise op;
  op.length = length, op.bits = bits, op.scale = scale;
  const int cells = 1 << cell_bits(bits), codes_per_cell = 1 << (bits - cell_bits(bits));
  const int lowest = -(1 << (bits - 1));
  std::vector<double> probability;
  double below = 0;
  for (int k = 0; k < cells; ++k) {  // the cell's upper border lies half a code above its last code
    const double upper = k + 1 == cells ? 1.0 : cumulative((lowest + (k + 1) * codes_per_cell - 0.5) * scale);
    probability.push_back(upper - below);
    below = upper;
  }
  fill_alias(op, integer_weights(probability));
  return op;
}

}  // namespace

QNoise normal_noise(int length, int bits) {
  return make_noise(length, bits, std::ldexp(1.0 / 24, 8 - bits),
                    [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); });
}

QNoise uniform_noise(int length, int bits) {
  const double scale = std::ldexp(1.0, 1 - bits), half = scale / 2;  // code k stands for [k - 1/2, k + 1/2)
  return make_noise(length, bits, scale, [half](double x) { return (x + half + 1) / 2; });
}

QNoise latent_noise(const std::string& law, int length, int bits) {
  if (law == "normal") return normal_noise(length, bits);
  if (law == "uniform") return uniform_noise(length, bits);
  fail("latent noise: unknown law \"", law, "\"; known are normal and uniform");
}

Noise view(const QNoise& op) {
  return {op.length,
          op.lanes,
          static_cast<std::int16_t>(-(1 << (op.bits - 1))),
          static_cast<std::uint8_t>(cell_bits(op.bits)),
          static_cast<std::uint8_t>(op.bits - cell_bits(op.bits)),
          op.probability.data(),
          op.alias.data()};
}

std::vector<std::uint32_t> cell_weights(const QNoise& op) {
  std::vector<std::uint32_t> weight(op.alias.size());
  for (std::size_t k = 0; k < op.alias.size(); ++k) {
    weight[k] += op.probability[k];
    weight[op.alias[k]] += 65536u - op.probability[k];
  }
  return weight;
}

void sample_latent(const QNoise& op, std::uint64_t seed, std::uint64_t first, int count, Tensor& latent, int threads) {
  resize(latent, count, op.length);
  const Noise noise = view(op);
  parallel_for(threads, static_cast<std::size_t>(count), 64, [&](std::size_t begin, std::size_t end) {
    thread_local std::vector<std::int32_t> code;
    code.resize(static_cast<std::size_t>(op.length));
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint64_t index = first + i;
      const std::uint32_t event[4] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                                      static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)};
      run(noise, event, code.data());
      float* row = latent.row(static_cast<int>(i));
      for (std::size_t j = 0; j < code.size(); ++j) row[j] = static_cast<float>(code[j] * op.scale);
    }
  });
}

Tensor sample_latent(const QNoise& op, std::uint64_t seed, std::uint64_t first, int count, int threads) {
  Tensor latent;
  sample_latent(op, seed, first, count, latent, threads);
  return latent;
}

}  // namespace quench
