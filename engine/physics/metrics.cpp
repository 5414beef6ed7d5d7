// Comparisons of two event samples, feature by feature.
// SPDX-License-Identifier: MIT
#include "engine/physics/metrics.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/parallel_for.h"
#include "engine/physics/binning.h"
#include "engine/physics/sample.h"

namespace quench {
namespace {

Sorted<float> sorted_voxels(const Geometry& g, const Events& e) {
  Sorted<float> s;
  for (float v : e.showers.data) {
    if (v > 0 && static_cast<double>(v) >= g.threshold_mev)
      s.value.push_back(v);
    else
      ++s.zeros;
  }
  std::sort(s.value.begin(), s.value.end());
  return s;
}

template <class T>
void fill(Feature& f, const BinAxis& axis, const Sorted<T>& reference, const Sorted<T>& candidate) {
  f.reference = histogram(axis, reference);
  f.candidate = histogram(axis, candidate);
  f.reference_values = reference.size();
  f.candidate_values = candidate.size();
  const std::vector<std::int64_t> p = counted_bins(axis, f.reference), q = counted_bins(axis, f.candidate);
  f.separation = separation_power(p, q);
  f.separation_error = separation_error(p, q);
  f.floor = separation_floor(p, q);
  f.wasserstein = wasserstein(reference, candidate);
  f.wasserstein_floor = wasserstein_floor(reference, candidate);
  const MeanAndSd m = mean_and_sd(reference), n = mean_and_sd(candidate);
  f.reference_mean = m.mean;
  f.reference_sd = m.sd;
  f.candidate_mean = n.mean;
  f.candidate_sd = n.sd;
}

Feature voxel_feature(const Geometry& g, const Events& reference, const Events& candidate, Binning binning) {
  const Sorted<float> a = sorted_voxels(g, reference), b = sorted_voxels(g, candidate);
  Feature f;
  f.name = "voxel energy";
  f.unit = "MeV";
  f.group = Group::voxel;
  fill(f, voxel_axis(g, a, binning), a, b);
  return f;
}

std::vector<GroupSummary> summarise(const std::vector<Feature>& features) {
  std::vector<GroupSummary> groups;
  for (Group group : {Group::total, Group::layer, Group::centre, Group::width, Group::sparsity, Group::voxel}) {
    GroupSummary s;
    s.group = group;
    for (const Feature& f : features) {
      if (f.group != group) continue;
      if (s.features == 0 || f.separation > s.max_separation) s.worst = f.name;
      ++s.features;
      s.max_separation = std::max(s.max_separation, f.separation);
      s.mean_separation += f.separation;
      s.mean_separation_error += f.separation_error;
      s.mean_floor += f.floor;
      s.mean_wasserstein += f.wasserstein;
      s.mean_wasserstein_floor += f.wasserstein_floor;
      s.unit = f.unit;
    }
    if (s.features == 0) continue;
    for (double* mean :
         {&s.mean_separation, &s.mean_separation_error, &s.mean_floor, &s.mean_wasserstein, &s.mean_wasserstein_floor})
      *mean /= s.features;
    groups.push_back(s);
  }
  return groups;
}

std::int64_t total(const std::vector<std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (std::int64_t c : counts) sum += c;
  return sum;
}

void add(Histogram& sum, const Histogram& h) {
  for (std::size_t k = 0; k < h.counts.size(); ++k) sum.counts[k] += h.counts[k];
  sum.zeros += h.zeros, sum.below += h.below, sum.above += h.above;
}

void add(MeanShower& sum, const MeanShower& m) {  // errors: squares
  for (std::size_t k = 0; k < m.mean.size(); ++k) sum.mean[k] += m.mean[k], sum.error[k] += m.error[k] * m.error[k];
}

}  // namespace

double separation_power(const std::vector<std::int64_t>& p, const std::vector<std::int64_t>& q) {
  if (p.size() != q.size()) fail("separation power: ", p.size(), " bins against ", q.size(), "; use the same bins");
  const double np = static_cast<double>(total(p)), nq = static_cast<double>(total(q));
  if (np == 0 || nq == 0) return np == nq ? 0 : 1;
  double s = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    const double a = static_cast<double>(p[k]) / np, b = static_cast<double>(q[k]) / nq;
    if (a + b > 0) s += 0.5 * (a - b) * (a - b) / (a + b);
  }
  return s;
}

double separation_floor(const std::vector<std::int64_t>& p, const std::vector<std::int64_t>& q) {
  if (p.size() != q.size()) fail("separation floor: ", p.size(), " bins against ", q.size(), "; use the same bins");
  const double np = static_cast<double>(total(p)), nq = static_cast<double>(total(q));
  if (np == 0 || nq == 0) return 0;
  int occupied = 0;
  for (std::size_t k = 0; k < p.size(); ++k) occupied += p[k] + q[k] > 0;
  return 0.25 * (occupied - 1) * (1 / np + 1 / nq);
}

double separation_error(const std::vector<std::int64_t>& p, const std::vector<std::int64_t>& q) {
  const double np = static_cast<double>(total(p)), nq = static_cast<double>(total(q));
  const double floor = separation_floor(p, q);  // which compares the lengths
  if (np == 0 || nq == 0) return 0;
  double squares_p = 0, squares_q = 0, mean_p = 0, mean_q = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    const double a = static_cast<double>(p[k]) / np, b = static_cast<double>(q[k]) / nq;
    if (a + b == 0) continue;
    const double factor = 0.5 * (a - b) / ((a + b) * (a + b)), by_a = factor * (a + 3 * b),
                 by_b = -factor * (b + 3 * a);
    mean_p += a * by_a, squares_p += a * by_a * by_a;
    mean_q += b * by_b, squares_q += b * by_b * by_b;
  }
  const double delta = (squares_p - mean_p * mean_p) / np + (squares_q - mean_q * mean_q) / nq;
  const double same = 0.5 * floor * (1 / np + 1 / nq);
  return std::sqrt(std::max(delta - 2 * same, 0.0) + same);
}

double wasserstein_1(std::vector<double> a, std::vector<double> b) {
  if (a.empty() || b.empty())
    fail("Wasserstein distance: samples of ", a.size(), " and ", b.size(), " values; both need 1");
  return wasserstein(sorted_values(a), sorted_values(b));
}

Binning binning_from(const std::string& name) {
  if (name == "automatic") return Binning::automatic;
  if (name == "quantiles") return Binning::quantiles;
  if (name == "challenge") return Binning::challenge;
  fail("binning \"", name, "\" is not known; choose automatic, quantiles or challenge");
}

Comparison compare(const Geometry& g, const Events& reference, const Events& candidate, int threads, Binning binning) {
  if (reference.size() < 1 || candidate.size() < 1)
    fail("compare: ", reference.size(), " reference and ", candidate.size(), " candidate events; both need at least 1");
  if (binning == Binning::automatic)
    binning = g.name == "ds1-photons" || g.name == "ds2" ? Binning::challenge : Binning::quantiles;
  const std::vector<Observable> a = observables(g, reference, threads), b = observables(g, candidate, threads);
  Comparison c;
  c.reference_events = reference.size();
  c.candidate_events = candidate.size();
  c.features.resize(a.size());
  parallel_for(threads, a.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Sorted<double> p = sorted_values(a[i].value), q = sorted_values(b[i].value);
      Feature f;
      f.name = a[i].name;
      f.unit = a[i].unit;
      f.group = a[i].group;
      f.layer = a[i].layer;
      fill(f, feature_axis(g, a[i], p, binning), p, q);
      c.features[i] = f;
    }
  });
  c.features.push_back(voxel_feature(g, reference, candidate, binning));
  c.groups = summarise(c.features);
  const Feature& response = c.features[0];
  if (response.reference_mean > 0)
    c.response_difference_percent = 100 * (response.candidate_mean / response.reference_mean - 1);
  if (response.reference_sd > 0) c.response_sd_ratio = response.candidate_sd / response.reference_sd;
  c.reference_mean = mean_shower(g, reference, threads);
  c.candidate_mean = mean_shower(g, candidate, threads);
  return c;
}

Comparison mean_comparison(const std::vector<Comparison>& samples) {
  if (samples.empty()) fail("mean of comparisons: there is none");
  if (samples.size() == 1) return samples[0];
  Comparison mean = samples[0];
  const double n = static_cast<double>(samples.size());
  mean.samples = static_cast<int>(samples.size());
  for (double& e : mean.candidate_mean.error) e *= e;
  for (std::size_t k = 1; k < samples.size(); ++k) {
    const Comparison& c = samples[k];
    if (c.candidate_events != mean.candidate_events || c.reference_events != mean.reference_events ||
        c.features.size() != mean.features.size())
      fail("mean of comparisons: sample ", k + 1, " has ", c.candidate_events, " events and ", c.features.size(),
           " features against ", c.reference_events, " events, the first ", mean.candidate_events, " and ",
           mean.features.size(), " against ", mean.reference_events, "; give samples of one size");
    for (std::size_t i = 0; i < mean.features.size(); ++i) {
      Feature& f = mean.features[i];
      const Feature& own = c.features[i];
      add(f.candidate, own.candidate);
      f.candidate_values += own.candidate_values;
      f.separation += own.separation, f.separation_error += own.separation_error;
      f.floor += own.floor, f.wasserstein += own.wasserstein;
      f.wasserstein_floor += own.wasserstein_floor;
      f.candidate_mean += own.candidate_mean, f.candidate_sd += own.candidate_sd;
    }
    mean.response_difference_percent += c.response_difference_percent;
    mean.response_sd_ratio += c.response_sd_ratio;
    add(mean.candidate_mean, c.candidate_mean);
  }
  for (Feature& f : mean.features)
    for (double* x : {&f.separation, &f.separation_error, &f.floor, &f.wasserstein, &f.wasserstein_floor,
                      &f.candidate_mean, &f.candidate_sd})
      *x /= n;
  for (double* x : {&mean.response_difference_percent, &mean.response_sd_ratio}) *x /= n;
  for (double& m : mean.candidate_mean.mean) m /= n;
  for (double& e : mean.candidate_mean.error) e = std::sqrt(e) / n;
  mean.groups = summarise(mean.features);
  return mean;
}

}  // namespace quench
