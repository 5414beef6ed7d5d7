// The program's numbers, their moments, and the standardisation that makes up for them.
// SPDX-License-Identifier: MIT
#include "engine/train/restandardise.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/compress/calibrate.h"
#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"
#include "engine/run/run.h"
#include "engine/train/preprocess.h"

namespace quench {
namespace {

constexpr std::size_t batch = 512;

// What the program's codes before the standardisation stand for, [events, width].
Tensor program_numbers(const Quantized& q, const CodedValue& coded, std::uint64_t seed, const Tensor& energies,
                       int threads) {
  const Program& p = q.program;
  const QValue& v = p.values[index(coded.value)];
  Tensor numbers = zeros({energies.rows(), v.length});
  parallel_for(threads, static_cast<std::size_t>(energies.rows()), batch, [&](std::size_t begin, std::size_t end) {
    const std::vector<Words> inputs = program_inputs(p, seed, begin, {energies.data.data() + begin, end - begin});
    const Words codes = run_batch(p, inputs, static_cast<int>(end - begin))[index(coded.value)];
    float* to = numbers.row(static_cast<int>(begin));
    for (std::size_t i = 0; i < codes.size(); ++i)
      to[i] = static_cast<float>((static_cast<std::int32_t>(codes[i]) - v.zero) *
                                 coded.scale[i % static_cast<std::size_t>(v.length)]);
  });
  return numbers;
}

template <class Op>
const Op& op_of(const Model& m) {
  for (const Node& node : m.nodes)
    if (const Op* op = std::get_if<Op>(&node.op)) return *op;
  fail("restandardise: model ", m.name, " does not make showers of these numbers");
}

}  // namespace

Model restandardised(Model deployed, const Quantized& q, std::uint64_t seed, int events, int threads,
                     const Events* real, Occupancy occupancy) {
  Node* affine = nullptr;
  const Node* logarithm = nullptr;
  for (Node& node : deployed.nodes)
    if (std::holds_alternative<ConditionalAffine>(node.op)) affine = &node;
  for (const Node& node : deployed.nodes)
    if (affine && node.output == affine->inputs[1]) logarithm = &node;
  if (!affine || !std::holds_alternative<LogEnergy>(logarithm->op))
    fail("restandardise: model ", deployed.name, " has no standardisation that depends on the incident energy");
  const auto coded = q.values.find(index(affine->inputs[0]));
  if (coded == q.values.end()) fail("restandardise: ", affine->name, " reads no codes of the program");
  const Tensor energies = log_uniform_energies(deployed.facts, seed, 0, events);
  const Tensor numbers = program_numbers(q, coded->second, seed, energies, threads);
  Tensor c;
  forward(std::get<LogEnergy>(logarithm->op), energies, c);
  ConditionalAffine& op = std::get<ConditionalAffine>(affine->op);
  const int degree = op.mean.rows() - 1, width = op.mean.columns();
  const ConditionalAffine found = fit_conditional(numbers, c, degree, threads);

  // mu + sigma (x - m) / q: ln sigma - ln q is a polynomial; mu - sigma m / q nearly is one, m being small.
  for (std::size_t i = 0; i < op.log_deviation.size(); ++i) op.log_deviation.data[i] -= found.log_deviation.data[i];
  const auto [low, high] = std::minmax_element(c.data.begin(), c.data.end());
  constexpr int points = 256;
  Tensor at = zeros({points, 1}), mean = zeros({points, width});
  for (int i = 0; i < points; ++i) {
    const double x =
        static_cast<double>(*low) + (static_cast<double>(*high) - static_cast<double>(*low)) * i / (points - 1);
    at.data[static_cast<std::size_t>(i)] = static_cast<float>(x);
    for (int j = 0; j < width; ++j)
      mean.row(i)[j] = static_cast<float>(polynomial(op.mean, j, x) -
                                          exp(polynomial(op.log_deviation, j, x)) * polynomial(found.mean, j, x));
  }
  op.mean = fit_conditional(mean, at, degree, threads).mean;
  if (!real) return deployed;
  Tensor real_c;
  forward(std::get<LogEnergy>(logarithm->op), real->incident_energies, real_c);
  const MadeNumbers made{numbers, energies, c, op_of<StickBreaking>(deployed), op_of<Threshold>(deployed).mev};
  op = with_occupancy(op, made, *real, real_c, occupancy, threads);
  return deployed;
}

}  // namespace quench
