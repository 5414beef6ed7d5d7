// Pictures as SVG text for inline use: step histograms, line plots, heat maps, bars. Colours come from the page's CSS.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

namespace quench {

// & < > " ' become entities, control characters blanks, bytes that are not UTF-8 U+FFFD.
std::string escaped(const std::string& text);

// A number with two decimals at most, for coordinates.
std::string coordinate(double);

// The positions of ticks on an axis from lowest to highest: about `wanted` of the steps 1, 2, 5 times a power of ten;
// on a logarithmic axis the powers of ten (with 2 and 5 when there are few). lowest < highest; logarithmic: lowest > 0.
std::vector<double> ticks(double lowest, double highest, bool logarithmic, int wanted = 5);

struct Curve {
  std::string name;
  int style = 0;  // class c0 .. c4: 0 is the reference (drawn filled in histograms)
  std::vector<double> x, y;
  std::vector<double> error = {};  // of y: drawn as a bar up and down
};

// Several histograms over the same edges (edges.size() == y.size() + 1) as step lines; y is drawn from 0.
struct StepPlot {
  std::string title, x_label, y_label;
  std::vector<double> edges;
  bool log_x = false;
  std::vector<Curve> curves;  // x unused
};
std::string svg(const StepPlot&);

struct CurvePlot {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false, markers = false;
  std::vector<Curve> curves;  // points that are not finite (or <= 0 on a logarithmic axis) are left out
};
std::string svg(const CurvePlot&);

// Panels of cells, e.g. one panel for each layer of a grid, or one alone; laid out `panels_per_row` in a row.
struct HeatPanel {
  std::string name;
  int rows = 0, columns = 0;
  std::vector<double> values;  // [rows * columns], row by row from the top
};
struct HeatMap {
  std::string title, x_label, y_label;  // labels: of a single panel
  std::vector<std::string> row_names;   // of a single panel; may be empty
  std::vector<HeatPanel> panels;
  int panels_per_row = 1;
  double lowest = 0, highest = 1;  // of the logarithmic colour scale; <= 0 draws empty, below lowest the first colour
};
std::string svg(const HeatMap&);
std::string colour_scale(double lowest, double highest, const std::string& label);

struct Bar {
  std::string name;
  std::vector<double> parts;
  std::string value;  // printed behind the bar
};
// Horizontal bars, all on one linear scale from 0.
std::string svg_bars(const std::string& title, const std::vector<Bar>&);

// Rectangles over time: when a buffer lives and where in memory.
struct Block {
  std::string name;
  double from = 0, to = 0;  // steps
  double begin = 0, size = 0;
};
std::string svg_blocks(const std::string& title, const std::string& x_label, const std::string& y_label,
                       const std::vector<Block>&);

}  // namespace quench
