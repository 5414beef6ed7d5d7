// What a classifier's scores are worth: area under the ROC curve, isotonic calibration, Jensen-Shannon divergence.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

namespace quench {

// Probability that a score of the positives is above one of the negatives, ties counting one half: exact, by ranks
// (Mann and Whitney 1947). Both need at least 1 score, no NaN.
double area_under_curve(const std::vector<double>& positives, const std::vector<double>& negatives);

// Its standard deviation for scores that tell nothing, about 1/2: sqrt((n + m + 1) / (12 n m)).
double chance_deviation(int positives, int negatives);

// A map that does not decrease, from scores to probabilities of being positive: linear between these points, constant
// outside them.
struct Calibration {
  std::vector<double> score, probability;
};

// Isotonic regression by pooling adjacent violators (Barlow et al. 1972), probabilities kept in [1e-6, 1 - 1e-6].
Calibration isotonic(const std::vector<double>& positives, const std::vector<double>& negatives);
double calibrated(const Calibration&, double score);

// (ln 2 - BCE) / ln 2 of probabilities in (0, 1) given to positives and negatives: 0 when nothing is told, 1 when all
// is. Each class counts one half.
double jensen_shannon(const std::vector<double>& positives, const std::vector<double>& negatives);

}  // namespace quench
