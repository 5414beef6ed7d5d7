// Axes of histograms and their filling.
// SPDX-License-Identifier: MIT
#include "engine/physics/binning.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/core/math.h"

namespace quench {
namespace {

constexpr int kQuantileBins = 100;
constexpr double kQuantile = 0.001;
constexpr std::size_t kMostDiscrete = 200;  // layers with more voxels get ordinary bins for their sparsity

std::vector<double> steps(double low, double high, int bins, bool logarithmic) {
  if (!(high > low)) {  // a constant: one bin around it
    const double half = 1e-6 * (low == 0 ? 1 : std::fabs(low));
    return {low - half, low + half};
  }
  std::vector<double> edges(1, low);
  for (int k = 1; k < bins; ++k) {
    const double part = static_cast<double>(k) / bins;
    const double edge = logarithmic ? low * exp(part * log(high / low)) : low + part * (high - low);
    if (edge > edges.back() && edge < high) edges.push_back(edge);  // a range of a few rounding steps has fewer bins
  }
  edges.push_back(high);
  return edges;
}

// Smallest value above 0.
template <class T>
typename std::vector<T>::const_iterator first_positive(const Sorted<T>& s) {
  return std::upper_bound(s.value.begin(), s.value.end(), T(0));
}

template <class T>
BinAxis quantile_axis(const Sorted<T>& reference, bool logarithmic) {
  BinAxis axis;
  axis.logarithmic = logarithmic;
  const auto begin = logarithmic ? first_positive(reference) : reference.value.begin();
  const std::size_t n = static_cast<std::size_t>(reference.value.end() - begin);
  if (n == 0) {
    axis.edges = {1, 2};
    return axis;
  }
  const auto from_end = static_cast<std::ptrdiff_t>(std::floor(kQuantile * static_cast<double>(n - 1)));
  const double low = static_cast<double>(*(begin + from_end)),
               high = static_cast<double>(*(reference.value.end() - 1 - from_end));
  axis.edges = steps(low, high, kQuantileBins, logarithmic);
  return axis;
}

BinAxis discrete_axis(std::size_t voxels) {
  BinAxis axis;
  axis.discrete = true;
  const double n = static_cast<double>(voxels);
  for (std::size_t k = 0; k <= voxels + 1; ++k) axis.edges.push_back((static_cast<double>(k) - 0.5) / n);
  return axis;
}

// Logarithmic bins from the threshold to the reference's maximum.
template <class T>
BinAxis spectrum_axis(const Geometry& g, const Sorted<T>& reference, int bins) {
  BinAxis axis;
  axis.logarithmic = axis.only_in_range = true;
  const auto positive = first_positive(reference);
  if (positive == reference.value.end()) {
    axis.edges = {1, 2};
    return axis;
  }
  const double low = g.threshold_mev > 0 ? g.threshold_mev : static_cast<double>(*positive);
  axis.edges = steps(low, static_cast<double>(reference.value.back()), bins, true);
  return axis;
}

// The largest |x|, |y| or radius of the layer's edges.
double outer_radius(const GeometryLayer& layer) {
  double r = 0;
  for (const std::vector<double>* edges : {&layer.r_edges, &layer.x_edges, &layer.y_edges})
    for (double edge : *edges) r = std::max(r, std::fabs(edge));
  return r;
}

// The published range of a centre or width, in mm.
std::pair<double, double> challenge_range(const Geometry& g, const Observable& o) {
  const bool radial = o.name.rfind("EC_r", 0) == 0 || o.name.rfind("width_r", 0) == 0,
             centre = o.group == Group::centre;
  if (g.name == "ds2") {
    if (radial) return {0, centre ? 42 : 20};
    return {centre ? -30 : 0, 30};
  }
  const GeometryLayer& layer = g.layers[static_cast<std::size_t>(o.layer)];
  if (g.name == "ds1-photons") {
    if (radial) return {0, layer.name == "12" ? 1500 : 500};
    return {centre ? -100 : 0, 100};
  }
  const double r = outer_radius(layer);
  if (radial) return {0, centre ? r : r / 2};
  return {centre ? -r / 2 : 0, r / 2};
}

BinAxis challenge_axis(const Geometry& g, const Observable& o, const Sorted<double>& reference) {
  BinAxis axis;
  if (o.group == Group::layer) return spectrum_axis(g, reference, 39);
  if (o.group == Group::total) axis.edges = steps(0.5, 1.5, 100, false);
  if (o.group == Group::sparsity) axis.edges = steps(0, 1, 20, false);
  if (o.group == Group::centre || o.group == Group::width) {
    const auto [low, high] = challenge_range(g, o);
    axis.edges = steps(low, high, 100, false);
  }
  axis.only_in_range = true;
  return axis;
}

template <class T>
Histogram fill_histogram(const BinAxis& axis, const Sorted<T>& s) {
  Histogram h{axis.edges, axis.logarithmic, axis.discrete, {}, s.zeros, 0, 0};
  auto begin = s.value.begin();
  if (axis.logarithmic) {
    begin = first_positive(s);
    h.zeros += begin - s.value.begin();
  }
  const auto below = [](T v, double edge) { return static_cast<double>(v) < edge; };
  const auto above = [](double edge, T v) { return edge < static_cast<double>(v); };
  auto at = std::lower_bound(begin, s.value.end(), axis.edges[0], below);
  h.below = at - begin;
  for (std::size_t k = 1; k < axis.edges.size(); ++k) {
    const bool last = k + 1 == axis.edges.size();
    const auto end = last ? std::upper_bound(at, s.value.end(), axis.edges[k], above)
                          : std::lower_bound(at, s.value.end(), axis.edges[k], below);
    h.counts.push_back(end - at);
    at = end;
  }
  h.above = s.value.end() - at;
  return h;
}

}  // namespace

BinAxis feature_axis(const Geometry& g, const Observable& o, const Sorted<double>& reference, Binning binning) {
  if (binning == Binning::challenge) return challenge_axis(g, o, reference);
  if (o.group == Group::sparsity) {
    const std::size_t voxels = g.layers[static_cast<std::size_t>(o.layer)].r.size();
    if (voxels <= kMostDiscrete) return discrete_axis(voxels);
  }
  return quantile_axis(reference, o.group == Group::layer);
}

BinAxis voxel_axis(const Geometry& g, const Sorted<float>& reference, Binning binning) {
  return binning == Binning::challenge ? spectrum_axis(g, reference, 49) : quantile_axis(reference, true);
}

Histogram histogram(const BinAxis& axis, const Sorted<double>& s) { return fill_histogram(axis, s); }

Histogram histogram(const BinAxis& axis, const Sorted<float>& s) { return fill_histogram(axis, s); }

std::vector<std::int64_t> counted_bins(const BinAxis& axis, const Histogram& h) {
  std::vector<std::int64_t> counts = h.counts;
  if (!axis.only_in_range)
    for (std::int64_t more : {h.zeros, h.below, h.above}) counts.push_back(more);
  return counts;
}

}  // namespace quench
