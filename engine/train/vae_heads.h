// The likelihood of a decoder with softmax heads: what showers say of each head, and how well the heads say it.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/ops/softmax_split.h"
#include "engine/physics/events.h"
#include "engine/train/preprocess.h"

namespace quench {

// [events, 1 + layers + voxels], in the order of SoftmaxSplit's inputs: the shower's energy over the incident energy;
// the layers' fractions of it; the voxels' fractions of their layer. Voxels below the threshold are empty; fractions of
// nothing are 0. Fails for showers that do not fit the geometry.
Tensor head_targets(const Preprocessing&, const Events&, int threads = 1);

// rest [events, 1]: target less total_scale sigmoid(s[0]).
void total_residuals(const SoftmaxSplit&, const Tensor& s, const Tensor& targets, Tensor& rest);

// Given d loss / d rest: d loss / d s of that alone; the other columns become 0.
void total_backward(const SoftmaxSplit&, const Tensor& s, const Tensor& d_rest, Tensor& ds);

// What shares_likelihood() of one SoftmaxSplit needs besides; reused, so that no step allocates.
struct HeadsSpace {
  Softmax softmax{};
  Tensor shares{}, likelihood{};  // of the softmaxes [events, width], of the events [events, 1]
};

// Log-likelihood of the fractions, mean over the events, in nats and but for a constant: every softmax is the law of a
// multinomial of `quanta` draws, so that its part is quanta x (sum of fraction ln share); groups without energy count
// for nothing. Adds d(-mean) / d s to ds.
double shares_likelihood(const SoftmaxSplit&, const Tensor& s, const Tensor& targets, double quanta, Tensor& ds,
                         HeadsSpace&, int threads = 1);

}  // namespace quench
