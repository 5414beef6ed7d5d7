// How a search orders what it measured.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "targets/command/study_bench.h"

namespace quench {

// Mean of ln(x / x of the float model) over what was measured of FPD, mean separation and |AUC - 1/2| of both
// classifiers, each no smaller than its own error or floor: 0 is as good as the float model, smaller is better.
// Distances that few events leave out do not count.
double score(const StudyResult&, const StudyResult& of_float);

// By class, then by score.
bool better(const StudyResult&, const StudyResult&, const StudyResult& of_float);

// Which points no other one beats in both: not larger in either, smaller in one.
std::vector<bool> front(const std::vector<double>& cost, const std::vector<double>& score);

}  // namespace quench
