// Ranks, pooled violators and cross entropies.
// SPDX-License-Identifier: MIT
#include "engine/physics/roc.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "engine/core/error.h"
#include "engine/core/math.h"

namespace quench {
namespace {

constexpr double kLn2 = 0.693147180559945309, kSmallest = 1e-6;

// Scores of equal value, or a run of them whose fractions were pooled.
struct Pool {
  double first, last;  // score
  double positives, all;

  double fraction() const { return positives / all; }
};

// One pool for every different score, increasing.
std::vector<Pool> pools_of(const std::vector<double>& positives, const std::vector<double>& negatives) {
  if (positives.empty() || negatives.empty())
    fail("classifier scores: ", positives.size(), " positives and ", negatives.size(), " negatives; both need 1");
  std::vector<std::pair<double, double>> scores;
  for (const double s : positives) scores.push_back({s, 1});
  for (const double s : negatives) scores.push_back({s, 0});
  std::sort(scores.begin(), scores.end());
  std::vector<Pool> pools;
  for (const auto& [score, label] : scores) {
    if (pools.empty() || pools.back().last != score) pools.push_back({score, score, 0, 0});
    pools.back().positives += label;
    pools.back().all += 1;
  }
  return pools;
}

}  // namespace

double area_under_curve(const std::vector<double>& positives, const std::vector<double>& negatives) {
  double pairs = 0, below = 0;  // negatives below the pool
  for (const Pool& p : pools_of(positives, negatives)) {
    const double here = p.all - p.positives;
    pairs += p.positives * (below + 0.5 * here);
    below += here;
  }
  return pairs / (static_cast<double>(positives.size()) * static_cast<double>(negatives.size()));
}

double chance_deviation(int positives, int negatives) {
  return std::sqrt((positives + negatives + 1.0) / (12.0 * positives * negatives));
}

Calibration isotonic(const std::vector<double>& positives, const std::vector<double>& negatives) {
  std::vector<Pool> kept;
  for (const Pool& next : pools_of(positives, negatives)) {
    kept.push_back(next);
    while (kept.size() > 1 && kept[kept.size() - 2].fraction() >= kept.back().fraction()) {
      Pool& left = kept[kept.size() - 2];
      left = {left.first, kept.back().last, left.positives + kept.back().positives, left.all + kept.back().all};
      kept.pop_back();
    }
  }
  Calibration c;
  for (const Pool& p : kept)
    for (const double score : {p.first, p.last}) {
      if (!c.score.empty() && c.score.back() == score) continue;
      c.score.push_back(score);
      c.probability.push_back(std::clamp(p.fraction(), kSmallest, 1 - kSmallest));
    }
  return c;
}

double calibrated(const Calibration& c, double score) {
  const std::size_t above =
      static_cast<std::size_t>(std::lower_bound(c.score.begin(), c.score.end(), score) - c.score.begin());
  if (above == 0) return c.probability.front();
  if (above == c.score.size()) return c.probability.back();
  const double part = (score - c.score[above - 1]) / (c.score[above] - c.score[above - 1]);
  return c.probability[above - 1] + part * (c.probability[above] - c.probability[above - 1]);
}

double jensen_shannon(const std::vector<double>& positives, const std::vector<double>& negatives) {
  double entropy[2] = {0, 0};
  for (const double p : positives) entropy[0] -= log(p) / static_cast<double>(positives.size());
  for (const double p : negatives) entropy[1] -= log(1 - p) / static_cast<double>(negatives.size());
  return (kLn2 - 0.5 * (entropy[0] + entropy[1])) / kLn2;
}

}  // namespace quench
