// Widths, and what their growth would cost.
// SPDX-License-Identifier: MIT
#include "engine/train/dead_zone.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/compress/prune.h"
#include "engine/core/error.h"

namespace quench {
namespace {

constexpr double band = 0.2;          // weights up to so much outside a zone say what its growth would cost
constexpr double first_share = 0.02;  // of zeros
constexpr double haste = 0.02;        // largest growth of a width in a step,
constexpr double reach = 0.02;        // where so many zeros lack
constexpr double most = 0.98;         // of a layer's weights may be cleared
constexpr double memory = 0.98;       // of the average costs, a step

const Tensor& weights(const Model& core, const CodedLinear& place) {
  return std::get<Linear>(core.nodes[place.node].op).weight;
}

float smallest(const Tensor& weight) {
  std::vector<float> sizes;
  for (float w : weight.data)
    if (w != 0) sizes.push_back(std::fabs(w));
  if (sizes.empty()) return 1;
  const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(first_share * static_cast<double>(sizes.size()));
  std::nth_element(sizes.begin(), at, sizes.end());
  return std::max(*at, 1e-12f);
}

}  // namespace

DeadZones::DeadZones(const Model& core, const std::vector<CodedLinear>& linears, double share)
    : linears_(linears), share_(share), cost_(linears.size()) {
  if (!(share > 0 && share < 1)) fail("dead zone: a share of ", share, " zeros; it must be above 0 and below 1");
  for (const CodedLinear& place : linears) width_.push_back(smallest(weights(core, place)));
}

void DeadZones::clear(const Model& core, Model& model) const {
  for (std::size_t l = 0; l < linears_.size(); ++l) {
    const Tensor& real = weights(core, linears_[l]);
    std::vector<float>& to = std::get<Linear>(model.nodes[linears_[l].node].op).weight.data;
    for (std::size_t i = 0; i < to.size(); ++i)
      if (holds(l, real.data[i])) to[i] = 0;
  }
}

void DeadZones::step(const Model& core, const Model& coded, const Model& gradient, double done) {
  double zeros = 0, all = 0, mean = 0;
  std::vector<double> full(linears_.size());
  for (std::size_t l = 0; l < linears_.size(); ++l) {
    const Tensor &real = weights(core, linears_[l]), &code = weights(coded, linears_[l]),
                 &slope = weights(gradient, linears_[l]);
    const float outside = width_[l] * static_cast<float>(1 + band);
    double cost = 0, count = 0, cleared = 0;
    for (std::size_t i = 0; i < real.size(); ++i) {
      cleared += code.data[i] == 0;
      if (holds(l, real.data[i]) || std::fabs(real.data[i]) >= outside) continue;
      const double loss = static_cast<double>(slope.data[i]) * static_cast<double>(code.data[i]);
      cost += 0.5 * loss * loss, count += 1;
    }
    if (count > 0) cost_[l] = cost_[l] > 0 ? memory * cost_[l] + (1 - memory) * cost / count : cost / count;
    mean += cost_[l] / static_cast<double>(linears_.size());
    full[l] = cleared / static_cast<double>(real.size());
    zeros += cleared, all += static_cast<double>(real.size());
  }
  const double wanted = cubic_sparsity(0, share_, done, learned_until),
               lack = std::clamp((wanted - zeros / all) / reach, -1., 1.);
  for (std::size_t l = 0; l < linears_.size(); ++l) {
    if (lack > 0 && full[l] >= most) continue;
    const double weight = mean > 0 ? 2 * (lack > 0 ? mean : cost_[l]) / (mean + cost_[l]) : 1;  // 0 to 2
    width_[l] *= static_cast<float>(1 + haste * lack * weight);
  }
}

}  // namespace quench
