// What the pictures of svg.h share: axes that map numbers to coordinates, text and lines.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

namespace quench {

// Maps lowest .. highest to begin .. end.
struct Axis {
  double lowest = 0, highest = 1;
  bool logarithmic = false;
  double begin = 0, end = 1;
  double at(double value) const;
};

// Widens an empty range and falls back to 0 .. 1 or to a linear scale where the numbers allow nothing else.
Axis axis(double lowest, double highest, bool logarithmic, double begin, double end);

// SVG text of a tick: at most six digits, powers of ten beyond 1e-3 .. 1e5. `step` tells which tick is zero.
std::string tick_text(double tick, double step);

std::string text_at(double x, double y, const std::string& anchor, const std::string& content, const std::string& more);
std::string line_at(double x1, double y1, double x2, double y2, const std::string& type);

// Grid lines, ticks and labels. y.begin is the lower edge.
std::string axes(const Axis& x, const Axis& y, const std::string& x_label, const std::string& y_label);

// The svg element; its title is read by screen readers.
std::string picture(double width, double height, const std::string& title, const std::string& content);

}  // namespace quench
