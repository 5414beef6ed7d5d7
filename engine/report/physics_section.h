// The physics part of a report: separations, same-noise pairs, average showers, histograms.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/report/report.h"

namespace quench {

std::string separation_section(const Report&);  // groups, response, pairs
std::string shower_section(const Report&);      // average showers side by side
std::string histogram_section(const Report&);   // overlaid histograms, and the table of all features

// Fails with the feature's name when the candidates were not histogrammed on the reference's edges.
void check_comparisons(const Report&);

// "total", "layer", ... for people.
const char* group_title(Group);

}  // namespace quench
