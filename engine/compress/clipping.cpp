// Histograms of the calibration events, and three ways to cut their tails.
// SPDX-License-Identifier: MIT
#include "engine/compress/clipping.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/compress/quantize_layers.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"

namespace quench {
namespace {

constexpr int batch = 1024;

void add(ValueHistogram& h, const Tensor& t) {
  for (float x : t.data) {
    const double bin = std::floor((static_cast<double>(x) / h.reach + 1) * ValueHistogram::half);
    if (x == 0)
      ++h.zeros;
    else
      ++h.count[static_cast<std::size_t>(std::clamp(bin, 0.0, 2.0 * ValueHistogram::half - 1))];
  }
}

// Codes between layers: what quantise() chooses by range.
std::map<std::size_t, ValueHistogram> histograms(const Model& m, Span<const Tensor> inputs,
                                                 const std::vector<Range>& ranges, const Quantized& q, int threads) {
  std::map<std::size_t, ValueHistogram> found;
  const std::vector<bool> ends = network_ends(m);
  for (const auto& [v, coded] : q.values) {
    const double reach = std::max(std::fabs(ranges[v].low), std::fabs(ranges[v].high));
    if (q.program.values[index(coded.value)].meaning == Meaning::code && !ends[v] && reach > 0) found[v].reach = reach;
  }
  Tape tape;
  for (int first = 0; first < inputs[0].rows(); first += batch) {
    std::vector<Tensor> part;
    for (const Tensor& t : inputs) part.push_back(rows_of(t, first, std::min(batch, t.rows() - first)));
    forward(m, part, Mode::inference, tape, threads);
    for (auto& [v, h] : found) add(h, tape.values[v]);
  }
  return found;
}

// Squared error of the elements in the middle of their bins.
double squared_error(const ValueHistogram& h, const QValue& v) {
  const double low = static_cast<double>(v.low - v.zero), high = static_cast<double>(v.high - v.zero);
  double sum = 0;
  for (int b = 0; b < 2 * ValueHistogram::half; ++b) {
    if (h.count[static_cast<std::size_t>(b)] == 0) continue;
    const double x = (h.edge(b) + h.edge(b + 1)) / 2;
    const double d = x - std::clamp(std::floor(x / v.scale + 0.5), low, high) * v.scale;
    sum += h.count[static_cast<std::size_t>(b)] * d * d;
  }
  return sum;
}

// Divergence of the first `bins` counts, the rest added to the last, from themselves in `levels` steps.
double divergence(const std::vector<double>& count, int bins, int levels) {
  std::vector<double> p(count.begin(), count.begin() + bins);
  double all = 0;
  for (double c : count) all += c;
  for (std::size_t b = static_cast<std::size_t>(bins); b < count.size(); ++b) p.back() += count[b];
  double inside = 0, sum = 0;
  for (int b = 0; b < bins; ++b) inside += count[static_cast<std::size_t>(b)];
  if (inside == 0) return INFINITY;
  for (int level = 0; level < levels; ++level) {
    const int begin = static_cast<int>(std::int64_t{bins} * level / levels);
    const int end = static_cast<int>(std::int64_t{bins} * (level + 1) / levels);
    double total = 0, filled = 0;
    for (int b = begin; b < end; ++b) {
      total += count[static_cast<std::size_t>(b)];
      filled += p[static_cast<std::size_t>(b)] > 0;
    }
    for (int b = begin; b < end; ++b)
      if (const double c = p[static_cast<std::size_t>(b)]; c > 0) {
        if (total == 0) return INFINITY;  // only what lies beyond fills this level
        sum += c / all * std::log(c / all / (total / filled / inside));
      }
  }
  return sum;
}

}  // namespace

Range percentile_range(const ValueHistogram& h, Range r, double percent) {
  double all = h.zeros;
  for (double c : h.count) all += c;
  const double out = (1 - percent / 100) * all;
  const auto cut = [&](int bin, int step) {  // the first edge beyond which more than `out` elements lie
    for (double beyond = 0;; bin += step) {
      if (bin == ValueHistogram::half - (step < 0)) beyond += h.zeros;
      beyond += h.count[static_cast<std::size_t>(bin)];
      if (beyond > out) return h.edge(step < 0 ? bin + 1 : bin);
    }
  };
  return {std::max(r.low, static_cast<float>(cut(0, 1))),
          std::min(r.high, static_cast<float>(cut(2 * ValueHistogram::half - 1, -1)))};
}

Range mse_range(const ValueHistogram& h, Range r, const QValue& v, bool power_of_two) {
  Range best = r;
  double least = -1;
  for (int percent = 100; percent >= 10; --percent) {
    const float factor = static_cast<float>(percent) / 100;
    const Range shrunk{r.low * factor, r.high * factor};
    const double error =
        squared_error(h, code_for(v.length, shrunk.low, shrunk.high, v.bits, coding_of(v), power_of_two));
    if (least < 0 || error < least) least = error, best = shrunk;
  }
  return best;
}

Range entropy_range(const ValueHistogram& h, Range r, const QValue& v) {
  std::vector<double> count;
  for (std::size_t b = 0; b < ValueHistogram::half; ++b)
    count.push_back(h.count[ValueHistogram::half + b] + h.count[ValueHistogram::half - 1 - b]);
  const int levels = 1 << (coding_of(v) == Coding::non_negative ? v.bits : v.bits - 1);
  int best = ValueHistogram::half;
  double least = INFINITY;
  for (int bins = ValueHistogram::half; bins >= levels; --bins) {
    const double d = divergence(count, bins, levels);
    if (d < least) least = d, best = bins;
  }
  const auto clip = static_cast<float>(h.edge(ValueHistogram::half + best));
  return {std::max(r.low, -clip), std::min(r.high, clip)};
}

std::vector<Range> calibrate(const Model& m, Span<const Tensor> inputs, const QuantizeSettings& s,
                             const std::string& method, double percent, int threads) {
  std::vector<Range> ranges = calibrate(m, inputs, threads);
  if (method == "min-max") return ranges;
  const Quantized q = quantize_with_places(m, ranges, s);
  for (const auto& [v, h] : histograms(m, inputs, ranges, q, threads)) {
    const QValue& codes = q.program.values[index(q.values.at(v).value)];
    if (method == "percentile")
      ranges[v] = percentile_range(h, ranges[v], percent);
    else if (method == "mse")
      ranges[v] = mse_range(h, ranges[v], codes, s.power_of_two);
    else if (method == "entropy")
      ranges[v] = entropy_range(h, ranges[v], codes);
    else
      fail("calibration ", method, " is unknown; min-max, percentile, mse and entropy exist");
  }
  return ranges;
}

}  // namespace quench
