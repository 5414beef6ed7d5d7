// The points of the four studies, and how what they find is shown.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/core/json.h"
#include "engine/report/report.h"
#include "targets/command/study_bench.h"

namespace quench {

// quantization: 16, 8, 6, 5, 4, 3, 2 bits, rounded and tuned in integers. pruning: 0 to 98 % zeros, at once and tuned,
// in compress.bits. distillation: students of 100 % to a tenth of the size, taught by `teacher` (a path) and trained
// alone with as many steps. combined: zeros times bits, tuned. Where the recipe tunes for 0 steps, 3000 are taken.
// Fails for another kind, naming the four.
std::vector<StudyPoint> study_points(const std::string& kind, const Recipe&, const std::string& teacher);

// Point k's result is results[k]; the first is the float model's.
std::string study_text(const std::vector<StudyPoint>&, const std::vector<StudyResult>&);
Json study_json(const std::string& kind, const Recipe&, const std::vector<StudyPoint>&,
                const std::vector<StudyResult>&);
Report study_report(const std::string& kind, const Recipe&, const std::vector<StudyPoint>&,
                    const std::vector<StudyResult>&);

}  // namespace quench
