// Step histograms, line plots, bars and blocks.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/report/svg.h"
#include "engine/report/svg_frame.h"

namespace quench {
namespace {

constexpr double plot_width = 360, plot_height = 236;
constexpr double left = 52, right = 350, top = 26, bottom = 190;

std::string style_class(int style) { return "c" + std::to_string(std::clamp(style, 0, 4)); }

std::string point(double x, double y) { return coordinate(x) + " " + coordinate(y); }

// The outline of a histogram: one horizontal run for every stretch of equal heights.
std::string step_path(const std::vector<double>& edges, const std::vector<double>& heights, const Axis& x,
                      const Axis& y, bool closed) {
  std::string path = "M" + point(x.at(edges[0]), closed ? y.begin : y.at(heights[0]));
  std::string last;
  for (std::size_t k = 0; k < heights.size(); ++k) {
    const std::string v = coordinate(y.at(heights[k]));
    if (v != last) {
      if (k > 0) path += "H" + coordinate(x.at(edges[k]));
      path += "V" + v;
    }
    last = v;
  }
  path += "H" + coordinate(x.at(edges[heights.size()]));
  return closed ? path + "V" + coordinate(y.begin) + "Z" : path;
}

struct Limits {
  double lowest = std::numeric_limits<double>::infinity(), highest = -std::numeric_limits<double>::infinity();
  void add(double value) {
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
  }
};

bool drawable(double value, bool logarithmic) { return std::isfinite(value) && (!logarithmic || value > 0); }

std::string heading(const std::string& title) {
  return text_at(left, 15, "start", escaped(title), " class=\"title\"");
}

}  // namespace

std::string svg(const StepPlot& plot) {
  double highest = 0;
  for (const Curve& curve : plot.curves)
    for (const double v : curve.y) highest = std::max(highest, v);
  const bool any = plot.edges.size() > 1;
  const Axis x = axis(any ? plot.edges.front() : 0, any ? plot.edges.back() : 1, plot.log_x, left, right);
  const Axis y = axis(0, highest > 0 ? highest * 1.05 : 1, false, bottom, top);
  std::string out = heading(plot.title);
  for (const Curve& curve : plot.curves) {
    if (curve.style != 0 || curve.y.size() + 1 != plot.edges.size()) continue;
    out += "<path class=\"filled\" d=\"" + step_path(plot.edges, curve.y, x, y, true) + "\"/>";
  }
  out += axes(x, y, plot.x_label, plot.y_label);
  for (const Curve& curve : plot.curves) {
    if (curve.y.size() + 1 != plot.edges.size() || curve.y.empty()) continue;
    out += "<path class=\"line " + style_class(curve.style) + "\" d=\"" + step_path(plot.edges, curve.y, x, y, false) +
           "\"/>";
  }
  return picture(plot_width, plot_height, plot.title, out);
}

std::string svg(const CurvePlot& plot) {
  Limits xs, ys;
  for (const Curve& curve : plot.curves) {
    for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
      if (!drawable(curve.x[i], plot.log_x) || !drawable(curve.y[i], plot.log_y)) continue;
      xs.add(curve.x[i]);
      ys.add(curve.y[i] + (i < curve.error.size() ? curve.error[i] : 0));
      ys.add(curve.y[i]);
    }
  }
  const double room = plot.log_y ? 0 : (ys.highest - ys.lowest) * 0.05;
  const double base = !plot.log_y && ys.lowest >= 0 && ys.lowest < 0.4 * ys.highest ? 0 : ys.lowest - room;
  const Axis x = axis(xs.lowest, xs.highest, plot.log_x, left, right - 6);
  const double widened = plot.log_y ? 1.15 : 1;
  const Axis y = axis(base / widened, (ys.highest + room) * widened, plot.log_y, bottom, top);
  std::string out = heading(plot.title) + axes(x, y, plot.x_label, plot.y_label);
  for (const Curve& curve : plot.curves) {
    std::string path, dots;
    for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
      if (!drawable(curve.x[i], plot.log_x) || !drawable(curve.y[i], plot.log_y)) continue;
      const double px = x.at(curve.x[i]), py = y.at(curve.y[i]);
      path += (path.empty() ? "M" : "L") + point(px, py);
      if (i < curve.error.size() && curve.error[i] > 0) {
        const double low = curve.y[i] - curve.error[i], end = plot.log_y && low <= 0 ? bottom : y.at(low);
        dots += "<path class=\"line " + style_class(curve.style) + "\" d=\"M" +
                point(px, std::min(end, bottom)) + "V" + coordinate(y.at(curve.y[i] + curve.error[i])) + "\"/>";
      }
      if (!plot.markers) continue;
      dots += "<circle class=\"dot " + style_class(curve.style) + "\" cx=\"" + coordinate(px) + "\" cy=\"" +
              coordinate(py) + "\" r=\"3\"/>";
    }
    if (!path.empty()) out += "<path class=\"line " + style_class(curve.style) + "\" d=\"" + path + "\"/>" + dots;
  }
  return picture(plot_width, plot_height, plot.title, out);
}

std::string svg_bars(const std::string& title, const std::vector<Bar>& bars) {
  constexpr double width = 640, name_room = 150, value_room = 130, row = 22;
  double longest = 0;
  for (const Bar& bar : bars) {
    double sum = 0;
    for (const double part : bar.parts) sum += part;
    longest = std::max(longest, sum);
  }
  const double scale = longest > 0 ? (width - name_room - value_room) / longest : 0;
  std::string out;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = static_cast<double>(i) * row;
    out += text_at(name_room - 8, y + 15, "end", escaped(bars[i].name), "");
    double x = name_room;
    for (std::size_t k = 0; k < bars[i].parts.size(); ++k) {
      const double size = std::max(bars[i].parts[k] * scale, bars[i].parts[k] > 0 ? 1.0 : 0.0);
      out += "<rect class=\"bar b" + std::to_string(k % 5) + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y + 3) +
             "\" width=\"" + coordinate(size) + "\" height=\"16\"/>";
      x += size;
    }
    out += text_at(x + 8, y + 15, "start", escaped(bars[i].value), "");
  }
  return picture(width, static_cast<double>(bars.size()) * row + 4, title, out);
}

std::string svg_blocks(const std::string& title, const std::string& x_label, const std::string& y_label,
                       const std::vector<Block>& blocks) {
  double steps = 1, memory = 1;
  for (const Block& block : blocks) {
    steps = std::max(steps, block.to);
    memory = std::max(memory, block.begin + block.size);
  }
  constexpr double width = 640, end = 630;
  const Axis x = axis(0, steps, false, left, end);
  const Axis y = axis(0, memory, false, bottom, 10);
  std::string out = axes(x, y, x_label, y_label);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    const double x0 = x.at(block.from), x1 = x.at(block.to);
    const double y0 = y.at(block.begin + block.size), y1 = y.at(block.begin);
    out += "<rect class=\"block b" + std::to_string(i % 5) + "\" x=\"" + coordinate(x0) + "\" y=\"" + coordinate(y0) +
           "\" width=\"" + coordinate(x1 - x0) + "\" height=\"" + coordinate(y1 - y0) + "\"><title>" +
           escaped(block.name) + "</title></rect>";
    const double letters = static_cast<double>(block.name.size()) * 6.5;  // rough width of the name at 11 px
    if (y1 - y0 >= 13 && x1 - x0 >= letters)
      out += text_at((x0 + x1) / 2, (y0 + y1) / 2 + 4, "middle", escaped(block.name), " class=\"inside\"");
  }
  return picture(width, plot_height, title, out);
}

}  // namespace quench
