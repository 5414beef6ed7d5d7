// The slope of the score by one way back, and the slope of its penalty by a second way forward.
// SPDX-License-Identifier: MIT
#include "engine/train/gradient_penalty.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/core/error.h"
#include "engine/physics/random.h"
#include "engine/tensor/matmul.h"

// Forward: h_0 the features; a Linear gives h_k = h_(k-1) W^T + b, a (leaky) ReLU h_k = m o h_(k-1), where the mask m
// holds the slopes at h_(k-1); the last h is the score.
// Back:    g_K = 1; a Linear gives g_(k-1) = g_k W, an activation g_(k-1) = m o g_k. So g = g_0 is a chain of masked
//          products; it depends on the weights through every W, and through the masks, which are constant almost
//          everywhere.
// Penalty: P = weight / n sum over events of p(|g|), p = (|g| - 1)^2 or |g|^2 / 2; q_0 = dP/dg_0 = weight / n p' g /
// |g|. Its way: the chain above is linear in each factor, so q_k = dP/dg_k follows upwards: at a Linear
//          dP/dW += g_k^T q_(k-1) and q_k = q_(k-1) W^T; at an activation q_k = m o q_(k-1).

namespace quench {
namespace {

// A node of the chain, with the tensors between which it stands.
struct Link {
  const Op& op;
  const Tensor &before, &after;  // h_(k-1), h_k
  int threads;
};

bool linear_or_kinked(const Op& op) {
  return std::holds_alternative<Linear>(op) || std::holds_alternative<Relu>(op) ||
         std::holds_alternative<LeakyRelu>(op);
}

void step_forward(const Op& op, const Tensor& x, Tensor& y, int threads) {
  if (const Linear* l = std::get_if<Linear>(&op)) forward(*l, x, y, threads);
  if (const Relu* r = std::get_if<Relu>(&op)) forward(*r, x, y, threads);
  if (const LeakyRelu* r = std::get_if<LeakyRelu>(&op)) forward(*r, x, y, threads);
}

// to = m o from: what the activation's way back does.
bool masked(const Link& k, const Tensor& from, Tensor& to) {
  if (const Relu* r = std::get_if<Relu>(&k.op)) return backward(*r, k.before, k.after, from, to, k.threads), true;
  if (const LeakyRelu* r = std::get_if<LeakyRelu>(&k.op))
    return backward(*r, k.before, k.after, from, to, k.threads), true;
  return false;
}

void step_back(const Link& k, const Tensor& from, Tensor& to) {
  if (masked(k, from, to)) return;
  const Linear& l = std::get<Linear>(k.op);
  backward(l, k.before, from, &to, nullptr, k.threads);
}

// g: slope after the link; q: d penalty / d slope before it; adds to the weights' gradient and gives q after the link.
void step_up(const Link& k, const Tensor& g, const Tensor& q, Linear* gradient, Tensor& to) {
  if (masked(k, q, to)) return;
  const Linear& l = std::get<Linear>(k.op);
  const int outputs = l.weight.rows(), inputs = l.weight.columns(), events = q.rows();
  matmul(transposed(matrix(g.data.data(), outputs)), matrix(q.data.data(), inputs), outputs, inputs, events, from_sum(),
         gradient->weight.data.data(), k.threads);
  resize(to, events, outputs);
  matmul(matrix(q.data.data(), inputs), transposed(matrix(l.weight.data.data(), inputs)), events, outputs, inputs,
         from_zero(), to.data.data(), k.threads);
}

// Penalty of the slopes g [events, width] and dP/dg. Where |g| = 0 the direction is undefined and dP/dg is 0.
double penalty_of(Penalty penalty, double weight, const Tensor& g, Tensor& q) {
  const int events = g.rows(), width = g.columns();
  resize(q, events, width);
  double sum = 0;
  for (int i = 0; i < events; ++i) {
    const float* row = g.row(i);
    double square = 0;
    for (int j = 0; j < width; ++j) square += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    const double norm = std::sqrt(square);
    double factor = 1;  // p' / |g|
    if (penalty == Penalty::wgan_gp) {
      sum += (norm - 1) * (norm - 1);
      factor = norm > 0 ? 2 * (norm - 1) / norm : 0;
    } else {
      sum += 0.5 * square;
    }
    const float scale = static_cast<float>(weight * factor / events);
    for (int j = 0; j < width; ++j) q.row(i)[j] = scale * row[j];
  }
  return weight * sum / events;
}

}  // namespace

Penalty penalty_named(const std::string& name) {
  if (name == "none") return Penalty::none;
  if (name == "wgan-gp") return Penalty::wgan_gp;
  if (name == "r1") return Penalty::r1;
  fail("train.penalty: \"", name, "\" is not known; choose none, wgan-gp or r1");
}

std::size_t penalised_chain(const Model& critic) {
  std::size_t first = 0;
  while (first < critic.nodes.size() && !std::holds_alternative<Linear>(critic.nodes[first].op)) ++first;
  if (first == critic.nodes.size()) fail("model ", critic.name, ": has no Linear node; train.penalty needs one");
  for (std::size_t i = first; i < critic.nodes.size(); ++i) {
    const Node& node = critic.nodes[i];
    if (!linear_or_kinked(node.op))
      fail(
          "model ", critic.name, ": node ", node.name, " (", type_name(node.op),
          ") stands behind the first Linear; train.penalty knows the second derivatives of Linear, Relu and LeakyRelu");
    if (i > first && node.inputs.at(0) != critic.nodes[i - 1].output)
      fail("model ", critic.name, ": node ", node.name, " does not read ", critic.nodes[i - 1].name,
           "; train.penalty needs a chain from the first Linear on");
  }
  const int scores = critic.values[index(critic.nodes.back().output)].width;
  if (scores != 1 || critic.outputs.at(0) != critic.nodes.back().output)
    fail("model ", critic.name, ": ends in ", scores, " values; train.penalty needs a chain that ends in one score");
  return first;
}

void between(const Tensor& features, std::uint64_t seed, std::uint64_t first, Tensor& points) {
  const int events = features.rows() / 2, width = features.columns();
  resize(points, events, width);
  for (int i = 0; i < events; ++i) {
    Random random(seed, first + static_cast<std::uint64_t>(i), 0);
    const float u = static_cast<float>(uniform(random));
    const float *real = features.row(i), *fake = features.row(events + i);
    for (int j = 0; j < width; ++j) points.row(i)[j] = u * real[j] + (1.0f - u) * fake[j];
  }
}

double gradient_penalty(const Model& critic, Penalty penalty, double weight, const Tensor& points, Model& gradient,
                        PenaltySpace& space, int threads) {
  if (penalty == Penalty::none) return 0;
  const std::size_t first = penalised_chain(critic), links = critic.nodes.size() - first;
  space.value.resize(links + 1), space.slope.resize(links + 1);
  const auto link = [&](std::size_t k) {
    return Link{critic.nodes[first + k].op, space.value[k], space.value[k + 1], threads};
  };
  resize(space.value[0], points.rows(), points.columns());
  std::copy(points.data.begin(), points.data.end(), space.value[0].data.begin());
  for (std::size_t k = 0; k < links; ++k) step_forward(link(k).op, space.value[k], space.value[k + 1], threads);
  resize(space.slope[links], points.rows(), 1);
  std::fill(space.slope[links].data.begin(), space.slope[links].data.end(), 1.0f);
  for (std::size_t k = links; k-- > 0;) step_back(link(k), space.slope[k + 1], space.slope[k]);
  const double value = penalty_of(penalty, weight, space.slope[0], space.pushed[0]);
  for (std::size_t k = 0; k < links; ++k)
    step_up(link(k), space.slope[k + 1], space.pushed[k % 2], std::get_if<Linear>(&gradient.nodes[first + k].op),
            space.pushed[(k + 1) % 2]);
  return value;
}

}  // namespace quench
