// The points of the four studies, and how what they find is shown.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/core/json.h"
#include "engine/report/report.h"
#include "targets/command/study_bench.h"

namespace quench {

// quantization: 16, 8, 6, 5, 4, 3, 2 bits, of weights rounded, of weights and values between layers rounded, of weights
// tuned in integers. pruning: 0 to 98 % zeros, at once and tuned, in compress.bits. distillation: students with hidden
// layers of 256-512 to 32-64, taught by `teacher` (a path) and trained alone with as many steps. combined: zeros times
// bits, tuned. Where the recipe tunes for 0 steps, 3000 are taken. Every point's recipe passes check_recipe(). Fails
// for another kind, naming the four, and for a recipe that fixes what a study varies.
std::vector<StudyPoint> study_points(const std::string& kind, const Recipe&, const std::string& teacher);

// Those of distillation that have fewer weights and biases than the teacher, a deployed model; fails when none has.
std::vector<StudyPoint> smaller_students(std::vector<StudyPoint>, const Model& teacher);

// Point k's result is results[k]; the first is the float model's.
std::string study_text(const std::vector<StudyPoint>&, const std::vector<StudyResult>&);
Json study_json(const std::string& kind, const Recipe&, const std::vector<StudyPoint>&,
                const std::vector<StudyResult>&);
Report study_report(const std::string& kind, const Recipe&, const std::vector<StudyPoint>&,
                    const std::vector<StudyResult>&);

}  // namespace quench
