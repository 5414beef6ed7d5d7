// Judgements and quality classes in reports: JSON, and the table of the page.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/report/report.h"

namespace quench {

// Numbers as they are (not times 1000); null where there is none.
Json judgement_json(const Judgement&);
Json quality_json(const Quality&);

// "1.23 ± 0.04", the error with two digits; "-" where there is none. `scale` multiplies both.
std::string estimate_text(const std::optional<Estimate>&, double scale = 1);

// Distances and classifiers of all candidates that were judged, and the quality class; "" without any.
std::string judgement_table(const Report&);

// What FPD, KPD, AUC and the classes are, for the page's list of definitions; "" without any.
std::string judgement_definitions(const Report&);

}  // namespace quench
