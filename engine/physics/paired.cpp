// Same-noise pairs: two versions of a model, event by event.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"
#include "engine/physics/metrics.h"
#include "engine/physics/sample.h"

namespace quench {
namespace {

constexpr std::size_t kBlock = 256;  // events of one partial sum

// Sums over the voxels and events of one block.
struct PairSums {
  std::int64_t both = 0, one = 0, skipped = 0;
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;  // of ln(energy)
  bool equal = true;
};

PairSums pair_block(const Geometry& g, const Events& a, const Events& b, std::size_t first, std::size_t end,
                    std::vector<double>& de) {
  PairSums s;
  const int voxels = g.voxels();
  for (std::size_t i = first; i < end; ++i) {
    const float *p = a.showers.row(static_cast<int>(i)), *q = b.showers.row(static_cast<int>(i));
    double total_a = 0, total_b = 0;
    for (int v = 0; v < voxels; ++v) {
      const double ea = static_cast<double>(p[v]), eb = static_cast<double>(q[v]);
      const bool has_a = ea > 0 && ea >= g.threshold_mev, has_b = eb > 0 && eb >= g.threshold_mev;
      total_a += has_a ? ea : 0;
      total_b += has_b ? eb : 0;
      s.one += has_a != has_b;
      s.equal = s.equal && has_a == has_b && (!has_a || ea == eb);
      if (!has_a || !has_b) continue;
      ++s.both;
      const double x = log(ea), y = log(eb);
      s.x += x;
      s.y += y;
      s.xx += x * x;
      s.yy += y * y;
      s.xy += x * y;
    }
    de[i] = total_a > 0 ? (total_b - total_a) / total_a : std::numeric_limits<double>::quiet_NaN();
    s.skipped += total_a > 0 ? 0 : 1;
  }
  return s;
}

double correlation(const PairSums& s) {
  if (s.equal) return 1;
  if (s.both < 2) return 0;
  const double n = static_cast<double>(s.both);
  const double xx = s.xx - s.x * s.x / n, yy = s.yy - s.y * s.y / n, xy = s.xy - s.x * s.y / n;
  const double noise = 1e-12 * (s.xx + s.yy);
  if (xx <= noise || yy <= noise) return 0;
  return std::min(1.0, std::max(-1.0, xy / std::sqrt(xx * yy)));
}

void check_pair(const Geometry& g, const Events& a, const Events& b) {
  if (a.size() != b.size())
    fail("paired: ", a.size(), " events against ", b.size(), "; make the same events with both");
  for (const Events* e : {&a, &b})
    if (e->showers.columns() != g.voxels())
      fail("paired: showers of ", e->showers.columns(), " voxels, geometry ", g.name, " has ", g.voxels());
  for (std::size_t i = 0; i < a.incident_energies.data.size(); ++i)
    if (a.incident_energies.data[i] != b.incident_energies.data[i])
      fail("paired: event ", i, " has incident energy ", a.incident_energies.data[i], " MeV against ",
           b.incident_energies.data[i], " MeV; make both with the same seed and energies");
}

}  // namespace

Paired paired(const Geometry& g, const Events& a, const Events& b, int threads) {
  check_pair(g, a, b);
  const std::size_t n = static_cast<std::size_t>(a.size()), blocks = (n + kBlock - 1) / kBlock;
  std::vector<PairSums> block(blocks);
  std::vector<double> de(n);
  parallel_for(threads, blocks, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k)
      block[k] = pair_block(g, a, b, k * kBlock, std::min(n, (k + 1) * kBlock), de);
  });
  PairSums s;
  for (const PairSums& part : block) {
    s.both += part.both;
    s.one += part.one;
    s.skipped += part.skipped;
    s.x += part.x;
    s.y += part.y;
    s.xx += part.xx;
    s.yy += part.yy;
    s.xy += part.xy;
    s.equal = s.equal && part.equal;
  }
  Paired result;
  result.events = a.size();
  result.log_voxel_correlation = correlation(s);
  result.voxels_in_both = s.both;
  if (n > 0) result.emptiness_differs = static_cast<double>(s.one) / (static_cast<double>(n) * g.voxels());
  result.skipped_events = static_cast<int>(s.skipped);
  const Sorted<double> differences = sorted_values(de);
  const MeanAndSd de_moments = mean_and_sd(differences);
  result.mean_de = de_moments.mean;
  result.sd_de = de_moments.sd;
  if (!differences.value.empty())
    result.max_abs_de = std::max(std::fabs(differences.value.front()), std::fabs(differences.value.back()));
  return result;
}

}  // namespace quench
