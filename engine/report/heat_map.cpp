// Heat maps on a logarithmic colour scale whose lightness only grows: it reads in grey, and without red or green.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/report/svg.h"
#include "engine/report/svg_frame.h"

namespace quench {
namespace {

constexpr int levels = 48;

// Dark blue over violet and orange to light yellow; relative luminance rises from anchor to anchor.
std::string colour(int level) {
  constexpr std::array<std::array<int, 3>, 7> anchors = {
      {{12, 16, 52}, {40, 38, 110}, {96, 48, 138}, {160, 64, 128}, {214, 96, 92}, {245, 156, 70}, {252, 236, 150}}};
  const double place = static_cast<double>(level) / (levels - 1) * (anchors.size() - 1);
  const std::size_t below = std::min<std::size_t>(static_cast<std::size_t>(place), anchors.size() - 2);
  const double part = place - static_cast<double>(below);
  constexpr char hex[] = "0123456789abcdef";
  std::string text = "#";
  for (std::size_t k = 0; k < 3; ++k) {
    const double value = anchors[below][k] + part * (anchors[below + 1][k] - anchors[below][k]);
    const int byte = static_cast<int>(value + 0.5);
    (text += hex[byte >> 4]) += hex[byte & 15];
  }
  return text;
}

int level_of(double value, double lowest, double highest) {
  const double part = highest > lowest ? std::log(value / lowest) / std::log(highest / lowest) : 1;
  return std::clamp(static_cast<int>(part * levels), 0, levels - 1);
}

// All cells of one colour are one path, neighbours in a row one rectangle: large maps stay small files.
std::string cells(const HeatPanel& panel, double x0, double y0, double width, double height, const HeatMap& map) {
  std::array<std::string, levels> paths;
  const auto level = [&](int r, int c) {
    const double v = panel.values[static_cast<std::size_t>(r * panel.columns + c)];
    return v > 0 ? level_of(v, map.lowest, map.highest) : -1;
  };
  for (int r = 0; r < panel.rows; ++r) {
    for (int c = 0; c < panel.columns;) {
      const int here = level(r, c);
      int end = c + 1;
      while (end < panel.columns && level(r, end) == here) ++end;
      if (here >= 0) {
        const std::string across = coordinate((end - c) * width);
        const std::string corner = coordinate(x0 + c * width) + " " + coordinate(y0 + r * height);
        std::string& path = paths[static_cast<std::size_t>(here)];
        path += "M" + corner + "h" + across + "v" + coordinate(height) + "h-" + across + "z";
      }
      c = end;
    }
  }
  std::string out;
  for (int k = 0; k < levels; ++k) {
    const std::string& path = paths[static_cast<std::size_t>(k)];
    if (!path.empty()) out += "<path class=\"cell\" fill=\"" + colour(k) + "\" d=\"" + path + "\"/>";
  }
  return out;
}

std::string frame(double x, double y, double width, double height) {
  return "<rect class=\"frame\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" width=\"" + coordinate(width) +
         "\" height=\"" + coordinate(height) + "\"/>";
}

std::string single_panel(const HeatMap& map) {
  constexpr double left = 58, top = 26, width = 290;
  const HeatPanel& panel = map.panels[0];
  const double cell_height = std::clamp(240.0 / std::max(panel.rows, 1), 4.0, 26.0);
  const double cell_width = width / std::max(panel.columns, 1), height = cell_height * panel.rows;
  std::string out = text_at(left, 15, "start", escaped(map.title), " class=\"title\"");
  out += cells(panel, left, top, cell_width, cell_height, map) + frame(left, top, width, height);
  const int row_step = std::max(1, static_cast<int>(std::ceil(12 / cell_height)));
  for (int r = 0; r < panel.rows; r += row_step) {
    const std::size_t k = static_cast<std::size_t>(r);
    const std::string name = k < map.row_names.size() ? map.row_names[k] : std::to_string(r);
    out += text_at(left - 5, top + (r + 0.5) * cell_height + 4, "end", escaped(name), "");
  }
  const int column_step = std::max(1, static_cast<int>(std::ceil(22 / cell_width)));
  for (int c = 0; c < panel.columns; c += column_step)
    out += text_at(left + (c + 0.5) * cell_width, top + height + 14, "middle", std::to_string(c), "");
  out += text_at(left + width / 2, top + height + 31, "middle", escaped(map.x_label), " class=\"label\"");
  const double middle = top + height / 2;
  out += text_at(12, middle, "middle", escaped(map.y_label),
                 " class=\"label\" transform=\"rotate(-90 12 " + coordinate(middle) + ")\"");
  return picture(360, top + height + 40, map.title, out);
}

std::string many_panels(const HeatMap& map) {
  constexpr double width = 360, gap = 6, name_height = 15, top = 22;
  const int per_row = std::max(1, map.panels_per_row);
  const double panel_width = (width - gap * (per_row - 1) - 2) / per_row;
  std::string out = text_at(1, 15, "start", escaped(map.title), " class=\"title\"");
  double y = top, tallest = 0;
  for (std::size_t i = 0; i < map.panels.size(); ++i) {
    const HeatPanel& panel = map.panels[i];
    const int column = static_cast<int>(i) % per_row;
    if (column == 0 && i > 0) {
      y += tallest + name_height + gap;
      tallest = 0;
    }
    const double cell = panel_width / std::max(1, std::max(panel.columns, panel.rows));
    const double x = 1 + column * (panel_width + gap);
    out += text_at(x, y + 11, "start", escaped(panel.name), "");
    out += cells(panel, x, y + name_height, cell, cell, map);
    out += frame(x, y + name_height, cell * panel.columns, cell * panel.rows);
    tallest = std::max(tallest, cell * panel.rows);
  }
  return picture(width, y + tallest + name_height + 4, map.title, out);
}

}  // namespace

std::string svg(const HeatMap& map) { return map.panels.size() == 1 ? single_panel(map) : many_panels(map); }

std::string colour_scale(double lowest, double highest, const std::string& label) {
  constexpr double left = 30, width = 580, top = 6, height = 14;
  std::string out;
  for (int k = 0; k < levels; ++k) {
    out += "<rect fill=\"" + colour(k) + "\" x=\"" + coordinate(left + k * width / levels) + "\" y=\"" +
           coordinate(top) + "\" width=\"" + coordinate(width / levels + 0.3) + "\" height=\"" + coordinate(height) +
           "\"/>";
  }
  const Axis x = axis(lowest, highest, true, left, left + width);
  for (const double t : ticks(x.lowest, x.highest, x.logarithmic, 7)) {
    out += line_at(x.at(t), top + height, x.at(t), top + height + 4, "axis");
    out += text_at(x.at(t), top + height + 17, "middle", tick_text(t, t), "");
  }
  out += text_at(left + width / 2, top + height + 34, "middle", escaped(label), " class=\"label\"");
  return picture(640, top + height + 42, label, out);
}

}  // namespace quench
