// Tests of the pictures: ticks, outlines and colours against values worked by hand.
// SPDX-License-Identifier: MIT
#include "engine/report/svg.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/report/svg_frame.h"

using Ticks = std::vector<double>;

namespace {

void check_ticks(const Ticks& found, const Ticks& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

int count(const std::string& text, const std::string& word) {
  int n = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("ticks are round numbers inside the range") {
  check_ticks(quench::ticks(0, 1, false, 5), {0, 0.2, 0.4, 0.6, 0.8, 1});
  check_ticks(quench::ticks(-3, 7, false, 5), {-2, 0, 2, 4, 6});
  check_ticks(quench::ticks(0.97, 1.03, false, 5), {0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.03});
  check_ticks(quench::ticks(1, 100, true), {1, 2, 5, 10, 20, 50, 100});
  check_ticks(quench::ticks(0.5, 2000, true), {1, 10, 100, 1000});
  check_ticks(quench::ticks(3, 4, true, 4), {3, 3.2, 3.4, 3.6, 3.8, 4});  // no decade inside: linear
  CHECK(quench::ticks(1e16, 1e16 + 2, false).size() <= 11);  // steps below the spacing of doubles must end
  CHECK(quench::ticks(1e-300, 1e300, true).size() <= 12);
}

TEST_CASE("tick texts") {
  CHECK(quench::tick_text(0.30000000000000004, 0.1) == "0.3");
  CHECK(quench::tick_text(1e-17, 0.1) == "0");
  CHECK(quench::tick_text(20000, 1e4) == "20000");
  CHECK(quench::tick_text(1e6, 1e6) == "10<tspan dy=\"-4\" font-size=\"75%\">6</tspan>");
  CHECK(quench::tick_text(-2.5e-5, 1e-5) == "-2.5&#183;10<tspan dy=\"-4\" font-size=\"75%\">-5</tspan>");
}

TEST_CASE("axes map their ends, and survive empty or impossible ranges") {
  const quench::Axis log_axis = quench::axis(1, 100, true, 10, 30);
  CHECK(log_axis.at(10) == doctest::Approx(20));
  const quench::Axis linear = quench::axis(2, 4, false, 100, 0);
  CHECK(linear.at(3) == doctest::Approx(50));
  CHECK(quench::axis(5, 5, false, 0, 1).at(5) == doctest::Approx(0.5));
  CHECK(quench::axis(5, 5, true, 0, 1).at(5) == doctest::Approx(0.5));
  CHECK_FALSE(quench::axis(-1, 5, true, 0, 1).logarithmic);
  CHECK(quench::axis(std::nan(""), 5, false, 0, 1).highest == 1);
}

TEST_CASE("coordinates and text are safe to embed") {
  CHECK(quench::coordinate(1.5) == "1.5");
  CHECK(quench::coordinate(-0.001) == "0");
  CHECK(quench::coordinate(10) == "10");
  CHECK(quench::coordinate(std::nan("")) == "0");
  CHECK(quench::coordinate(1e300) == "1000000");
  CHECK(quench::escaped("<a href=\"x\">&'\x01\xff") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39; \xef\xbf\xbd");
}

TEST_CASE("a histogram's outline: x 52 .. 350, y 190 .. 26 for 0 .. 1.05 x the highest bin") {
  quench::StepPlot plot;
  plot.edges = {0, 1, 2, 4};
  plot.curves = {{"r", 0, {}, {1, 1, 2}}, {"c", 1, {}, {2, 0, 0}}};
  const std::string text = quench::svg(plot);
  // Heights: 2 / 2.1 * 164 = 156.19 above 190; 1 / 2.1 * 164 = 78.1. Edges: 52, 126.5, 201, 350.
  CHECK(text.find("class=\"filled\" d=\"M52 190V111.9H201V33.81H350V190Z\"") != std::string::npos);
  CHECK(text.find("class=\"line c0\" d=\"M52 111.9V111.9H201V33.81H350\"") != std::string::npos);
  CHECK(text.find("class=\"line c1\" d=\"M52 33.81V33.81H126.5V190H350\"") != std::string::npos);
  plot.log_x = true;
  plot.edges = {1, 10, 100, 10000};
  CHECK(quench::svg(plot).find("M52 190V111.9H201V33.81H350V190Z") != std::string::npos);  // a quarter a decade
}

TEST_CASE("pictures of nothing are pictures") {
  CHECK(quench::svg(quench::StepPlot()).find("</svg>") != std::string::npos);
  CHECK(quench::svg(quench::CurvePlot()).find("</svg>") != std::string::npos);
  CHECK(quench::svg(quench::HeatMap()).find("</svg>") != std::string::npos);
  CHECK(quench::svg_bars("", {}).find("</svg>") != std::string::npos);
  CHECK(quench::svg_blocks("", "", "", {}).find("</svg>") != std::string::npos);
}

TEST_CASE("curves leave out what a logarithmic axis cannot show") {
  quench::CurvePlot plot;
  plot.markers = true;
  const double infinity = std::numeric_limits<double>::infinity();
  plot.curves = {{"a", 1, {1, 2, 3, 4, 5}, {1, 0, std::nan(""), infinity, 10}}};
  CHECK(count(quench::svg(plot), "<circle") == 3);
  plot.log_y = true;
  CHECK(count(quench::svg(plot), "<circle") == 2);
}

TEST_CASE("heat maps: equal neighbours are one rectangle, zeros none, and the scale is logarithmic") {
  quench::HeatMap map;
  map.lowest = 1;
  map.highest = 100;
  map.panels = {{"", 2, 2, {1, 1, 0, 100}}};
  const std::string text = quench::svg(map);
  // Cells of 145 x 26 from (58, 26).
  CHECK(text.find("fill=\"#0c1034\" d=\"M58 26h290v26h-290z\"") != std::string::npos);
  CHECK(text.find("fill=\"#fcec96\" d=\"M203 52h145v26h-145z\"") != std::string::npos);
  CHECK(count(text, "class=\"cell\"") == 2);
  map.panels[0].values = {0.01, 1, 0, 0};  // below the scale: its first colour
  CHECK(count(quench::svg(map), "class=\"cell\"") == 1);
}

TEST_CASE("the colour scale grows lighter from left to right") {
  const std::string text = quench::colour_scale(1, 10, "x");
  double last = -1;
  int colours = 0;
  for (std::size_t at = text.find("fill=\"#"); at != std::string::npos; at = text.find("fill=\"#", at + 1), ++colours) {
    const int rgb = std::stoi(text.substr(at + 7, 6), nullptr, 16);
    double luminance = 0;  // of sRGB, IEC 61966-2-1
    const double weights[] = {0.0722, 0.7152, 0.2126};
    for (int k = 0; k < 3; ++k) {
      const double c = (rgb >> (8 * k) & 255) / 255.0;
      luminance += weights[k] * (c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4));
    }
    CHECK(luminance > last);
    last = luminance;
  }
  CHECK(colours == 48);
}
