// How far two sets of showers are apart: separation powers with floors, Wasserstein distances, same-noise pairs.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/physics/events.h"
#include "engine/physics/geometry.h"
#include "engine/physics/observables.h"

namespace quench {

// Bin k holds edges[k] <= v < edges[k + 1]; the last bin also its upper edge. With `discrete` the value k of n has its
// own bin, whose edges are (k -+ 1/2)/n.
struct Histogram {
  std::vector<double> edges;  // [bins + 1], increasing
  bool logarithmic = false;   // equal steps in ln(v)
  bool discrete = false;
  std::vector<std::int64_t> counts;  // [bins]
  std::int64_t zeros = 0;            // v == 0 on a logarithmic axis
  std::int64_t below = 0, above = 0;
};

struct Feature {
  std::string name, unit;  // as in Observable; "voxel energy", "MeV"
  Group group = Group::total;
  int layer = -1;
  Histogram reference, candidate;  // same edges
  // Events (or voxels) that have a value: a centre or a width needs energy in its layer.
  std::int64_t reference_values = 0, candidate_values = 0;
  double separation = 0;        // S, 0 .. 1: see separation_power
  double separation_error = 0;  // standard deviation of S: see separation_error
  double floor = 0;             // expected S of two samples of one distribution of these sizes: see separation_floor
  double wasserstein = 0;       // W1, in the feature's unit; over all values with no bins; 0 when one side has no value
  double wasserstein_floor = 0;  // expected W1 of two samples of the reference's distribution: see sample.h
  double reference_mean = 0, reference_sd = 0, candidate_mean = 0, candidate_sd = 0;
};

// Over the features of one group.
struct GroupSummary {
  Group group = Group::total;
  int features = 0;
  double mean_separation = 0, max_separation = 0;
  double mean_separation_error = 0;  // at most: the features' mean, as if their errors were the same
  double mean_floor = 0;
  double mean_wasserstein = 0, mean_wasserstein_floor = 0;
  std::string worst;  // name of the feature with the greatest separation
  std::string unit;   // of the features
};

struct Comparison {
  std::vector<Feature> features;     // in the order of observables(), then the voxel spectrum
  std::vector<GroupSummary> groups;  // the groups that have features, in the order of Group
  int reference_events = 0, candidate_events = 0;
  int samples = 1;                         // of candidate_events each: see mean_comparison
  double response_difference_percent = 0;  // of the mean of E_tot/E_inc: 100 (candidate / reference - 1)
  double response_sd_ratio = 0;            // sd of E_tot/E_inc: candidate / reference
  MeanShower reference_mean, candidate_mean;
};

// quantiles: 100 equal bins between the reference's 0.1 % and 99.9 % quantiles, with the values below and above as two
//   further bins; on a logarithmic axis for energies of layers and voxels, whose zeros are one more bin; one bin per
//   possible value for the sparsity (layers of up to 200 voxels). Nothing is dropped.
// challenge: the bins of the CaloChallenge evaluation. E_tot/E_inc 100 in [.5, 1.5]; layer energies 39 and voxels 49
//   logarithmic bins from the threshold to the reference's maximum; sparsity 20 in [0, 1]; centres and widths 100 in
//   the published ranges (other geometries: R the largest |x|, |y| or radius of the layer's edges; EC_eta and EC_phi
//   in [-R/2, R/2], EC_r in [0, R], widths in [0, R/2]). As there, what falls outside, zeros too, is dropped: the
//   fractions are of the entries in range. Unlike there, where it counts at 0, an empty layer has no centre or width.
// automatic: challenge for ds1-photons and ds2, quantiles for all others.
enum class Binning { automatic, quantiles, challenge };
Binning binning_from(const std::string& name);  // "automatic", "quantiles", "challenge"

// Compares candidates with a reference, feature by feature. The numbers of events may differ; both at least 1.
// When exactly one side has entries for a feature, S = 1; when neither has, S = 0.
Comparison compare(const Geometry&, const Events& reference, const Events& candidate, int threads = 1,
                   Binning = Binning::automatic);

// Samples of one model that differ in their noise, against one reference: what is measured is the mean over the
// samples, what is counted (histograms, values) their sum. Fails without a sample, and when they are not of one size.
Comparison mean_comparison(const std::vector<Comparison>&);

// Same seed, same energies, two versions of a model (float and integer, say): event i of `a` against event i of `b`.
struct Paired {
  int events = 0;
  // Pearson correlation of ln(energy) over the voxels that are non-empty (after the threshold) in both; 1 when the two
  // are equal everywhere, 0 when it is not defined (fewer than two voxels, or no spread).
  double log_voxel_correlation = 0;
  std::int64_t voxels_in_both = 0;
  double emptiness_differs = 0;  // fraction of all voxels that are empty in exactly one of the two
  // dE/E = (E_tot of b - E_tot of a) / E_tot of a, over the events where a is not empty.
  double max_abs_de = 0, mean_de = 0, sd_de = 0;
  int skipped_events = 0;  // a is empty
};
// Fails when the numbers of events or the incident energies differ.
Paired paired(const Geometry&, const Events& a, const Events& b, int threads = 1);

// S = 1/2 sum_k (p_k - q_k)^2 / (p_k + q_k), p and q the fractions of each histogram's total (arXiv:2009.03796, eq.
// 15). One total 0: 1; both: 0. Fails when the lengths differ.
double separation_power(const std::vector<std::int64_t>& p, const std::vector<std::int64_t>& q);

// Its mean for two samples of one distribution: (B - 1)/4 (1/N1 + 1/N2), B the bins that either has occupied. 0 when a
// total is 0.
double separation_floor(const std::vector<std::int64_t>& p, const std::vector<std::int64_t>& q);

// Its standard deviation for samples of these sizes, values independent: sqrt(D + V), D that of the slopes dS/dp and
// dS/dq with multinomial p and q (delta method), V = (B - 1)/8 (1/N1 + 1/N2)^2 that for samples of one distribution,
// where the slopes vanish. From samples D comes out 2 V too large, which is taken off. 0 when a total is 0.
double separation_error(const std::vector<std::int64_t>& p, const std::vector<std::int64_t>& q);

// Wasserstein-1 distance of two samples, exact: the integral of |F - G|. Any sizes >= 1, in any order, no NaN.
double wasserstein_1(std::vector<double> a, std::vector<double> b);

}  // namespace quench
