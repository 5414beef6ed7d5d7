// Quantiles of the largest voxels, and the shares that move them to the threshold.
// SPDX-License-Identifier: MIT
#include "engine/train/occupancy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/math.h"
#include "engine/train/fit_conditional.h"

namespace quench {
namespace {

constexpr int bins = 24;
// Each goes part of the way: a layer's share is held where its mean is right by its events that are not empty, and
// against the luck of few events by `prior` more. Held less, the shares of layers that are never empty move with the
// polynomials, which a classifier sees at once (90 % zeros, 6,000 steps, seed 3, 20,000 showers: AUC from voxels .72
// with 0.02 for (1 - share)^2; .608 as it is here; .598 with no shift at all, and FPD 2.7 instead of 1.55e-3).
constexpr int rounds = 6;
constexpr double prior = 36;
// How far the share of a voxel in its layer goes, whose mean is what centres and widths are made of. 8 bits that were
// only rounded, seed 3, 5 x 20,000 v 20,000 showers, FPD and separations of centres, widths and sparsity in 1e-3: 1.31
// 1.51 2.17 .25 with layers alone, 1.14 1.54 2.18 .19 half way, 1.19 1.81 2.30 .16 all the way.
constexpr double voxels_way = 0.5;

// Ranges of the condition, equally wide.
struct Bins {
  double low, width;
  std::size_t of(float c) const {
    return static_cast<std::size_t>(std::clamp((static_cast<double>(c) - low) / width, 0.0, bins - 1.0));
  }
  double centre(std::size_t b) const { return low + width * (static_cast<double>(b) + 0.5); }
};

Bins bins_over(const Tensor& c) {
  const auto [low, high] = std::minmax_element(c.data.begin(), c.data.end());
  return {static_cast<double>(*low), std::max(static_cast<double>(*high) - static_cast<double>(*low), 1e-6) / bins};
}

// Voxels that share one part of a split: a layer, or one voxel of it.
struct Part {
  int first, voxels;
};

// Of one part in one bin.
struct Seen {
  std::vector<float> largest;  // voxel of each event
  double energy = 0;           // sum over the events
};

// [part][bin]
using Parts = std::vector<std::vector<Seen>>;

Parts seen(const Tensor& showers, const Tensor& c, const Bins& in, const std::vector<Part>& parts) {
  Parts all(parts.size(), std::vector<Seen>(bins));
  for (int e = 0; e < showers.rows(); ++e) {
    const std::size_t b = in.of(c.data[static_cast<std::size_t>(e)]);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const float *begin = showers.row(e) + parts[p].first, *end = begin + parts[p].voxels;
      all[p][b].largest.push_back(*std::max_element(begin, end));
      all[p][b].energy += std::accumulate(begin, end, 0.0);
    }
  }
  return all;
}

double empty_share(const Seen& seen, double threshold) {
  const auto empty = std::count_if(seen.largest.begin(), seen.largest.end(),
                                   [&](float v) { return static_cast<double>(v) < threshold; });
  return seen.largest.empty() ? 0 : static_cast<double>(empty) / static_cast<double>(seen.largest.size());
}

// In how many of the events a part is to be empty.
struct Empty {
  double share = 0;
  std::size_t events = 0;  // real ones that say so
};

// [part][bin]
using Wanted = std::vector<std::vector<Empty>>;

// `way` of the way from what is made to what is real.
Wanted wanted_of(const Parts& real, const Parts& made, double way, double threshold) {
  Wanted all(real.size(), std::vector<Empty>(bins));
  for (std::size_t p = 0; p < real.size(); ++p)
    for (std::size_t b = 0; b < bins; ++b)
      all[p][b] = {way * empty_share(real[p][b], threshold) + (1 - way) * empty_share(made[p][b], threshold),
                   real[p][b].largest.size()};
  return all;
}

// ln of what would have to multiply the part's energies, by bin, as a polynomial's values there.
std::vector<double> wanted_shift(std::vector<Seen> made, const std::vector<Empty>& wanted, double threshold,
                                 const std::vector<double>& centres, int degree) {
  std::vector<double> shift(bins), weight(bins);
  for (std::size_t b = 0; b < bins; ++b) {
    std::vector<float>& largest = made[b].largest;
    const double share = wanted[b].share, events = static_cast<double>(std::min(largest.size(), wanted[b].events)),
                 known = events * share * (1 - share);
    weight[b] = known + (1 - share) * (1 - share) * events + (events > 0 ? prior : 0);
    if (known == 0) continue;
    const auto at = largest.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(largest.size()));
    std::nth_element(largest.begin(), at, largest.end());
    shift[b] = known / weight[b] * (log(threshold) - log(std::max(static_cast<double>(*at), 1e-6 * threshold)));
  }
  const std::vector<double> fitted = fit_polynomial(centres, shift, weight, degree);
  for (std::size_t b = 0; b < bins; ++b) shift[b] = value_of(fitted, centres[b]);
  return shift;
}

// What a shower is split into: the whole into layers, each layer into voxels; and the column of the first logit.
struct Shares {
  std::vector<Part> parts;
  int logits;
};

std::vector<Shares> shares_of(const std::vector<int>& layer_voxels) {
  const int layers = static_cast<int>(layer_voxels.size());
  std::vector<Shares> all(layer_voxels.size() + 1);
  all[0].logits = 1;
  int first = 0, logit = layers;
  for (int l = 0; l < layers; ++l) {
    const int voxels = layer_voxels[static_cast<std::size_t>(l)];
    all[0].parts.push_back({first, voxels});
    Shares& layer = all[static_cast<std::size_t>(l) + 1];
    layer.logits = logit;
    for (int v = 0; v < voxels; ++v) layer.parts.push_back({first + v, 1});
    first += voxels, logit += voxels - 1;
  }
  return all;
}

// Moves the logits of one split.
void shift_shares(ConditionalAffine& law, const Shares& split, const Parts& now, const Wanted& wanted, double threshold,
                  const std::vector<double>& centres) {
  const int degree = law.mean.rows() - 1;
  // From the last part: a logit is the logarithm of its part's energy over that of all behind it.
  std::vector<double> behind(bins), behind_after(bins), events(bins);
  for (std::size_t p = split.parts.size(); p-- > 0;) {
    const std::vector<double> shift = wanted_shift(now[p], wanted[p], threshold, centres, degree);
    std::vector<double> logit(bins);
    for (std::size_t b = 0; b < bins; ++b) {
      events[b] = static_cast<double>(now[p][b].largest.size());
      if (behind[b] > 0) logit[b] = shift[b] - log(behind_after[b] / behind[b]);
      behind[b] += now[p][b].energy, behind_after[b] += now[p][b].energy * exp(shift[b]);
    }
    if (p + 1 == split.parts.size()) continue;
    const std::vector<double> fitted = fit_polynomial(centres, logit, events, degree);
    for (int k = 0; k <= degree; ++k)
      law.mean.row(k)[static_cast<std::size_t>(split.logits) + p] +=
          static_cast<float>(fitted[static_cast<std::size_t>(k)]);
  }
}

}  // namespace

ConditionalAffine with_occupancy(ConditionalAffine law, const MadeNumbers& made, const Events& real,
                                 const Tensor& real_c, Occupancy occupancy, int threads) {
  const Bins in = bins_over(made.c);
  std::vector<double> centres(bins);
  for (std::size_t b = 0; b < bins; ++b) centres[b] = in.centre(b);
  std::vector<Shares> all = shares_of(made.split.layer_voxels);
  if (occupancy == Occupancy::layers) all.resize(1);
  std::vector<Wanted> wanted(all.size());
  for (int round = 0; round < rounds; ++round) {
    Tensor logits, showers;
    std::vector<Tensor> saved;
    forward(law, made.numbers, made.c, logits, saved, threads);
    forward(made.split, logits, made.energies, showers, threads);
    for (std::size_t s = 0; s < all.size(); ++s) {
      const Parts now = seen(showers, made.c, in, all[s].parts);
      if (round == 0)
        wanted[s] =
            wanted_of(seen(real.showers, real_c, in, all[s].parts), now, s == 0 ? 1 : voxels_way, made.threshold_mev);
      shift_shares(law, all[s], now, wanted[s], made.threshold_mev, centres);
    }
  }
  return law;
}

}  // namespace quench
