// Scores, ranks and the Pareto front.
// SPDX-License-Identifier: MIT
#include "targets/command/search_rank.h"

#include <algorithm>
#include <cmath>

namespace quench {
namespace {

constexpr double smallest = 1e-9;  // where an error is 0

int class_rank(const StudyResult& r) { return r.grade == "lossless" ? 0 : r.grade == "light" ? 1 : 2; }

}  // namespace

double score(const StudyResult& r, const StudyResult& of_float) {
  double sum = 0;
  int count = 0;
  const auto add = [&](double x, double floor, double x_float, double floor_float) {
    const double ratio = std::max({x, floor, smallest}) / std::max({x_float, floor_float, smallest});
    if (!std::isnan(x) && !std::isnan(x_float)) sum += std::log(ratio), ++count;
  };
  add(r.fpd, r.fpd_error, of_float.fpd, of_float.fpd_error);
  add(mean_separation(r), mean_floor(r), mean_separation(of_float), mean_floor(of_float));
  add(std::fabs(r.auc_low - 0.5), r.auc_low_error, std::fabs(of_float.auc_low - 0.5), of_float.auc_low_error);
  add(std::fabs(r.auc_high - 0.5), r.auc_high_error, std::fabs(of_float.auc_high - 0.5), of_float.auc_high_error);
  return count ? sum / count : 0;
}

bool better(const StudyResult& a, const StudyResult& b, const StudyResult& of_float) {
  if (class_rank(a) != class_rank(b)) return class_rank(a) < class_rank(b);
  return score(a, of_float) < score(b, of_float);
}

std::vector<bool> front(const std::vector<double>& cost, const std::vector<double>& score) {
  std::vector<bool> on(cost.size(), true);
  for (std::size_t i = 0; i < cost.size(); ++i)
    for (std::size_t k = 0; k < cost.size(); ++k)
      if (cost[k] <= cost[i] && score[k] <= score[i] && (cost[k] < cost[i] || score[k] < score[i])) on[i] = false;
  return on;
}

}  // namespace quench
