// The parts that all pictures share: text, ticks, frames and axes.
// SPDX-License-Identifier: MIT
#include "engine/report/svg.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/core/table.h"
#include "engine/core/text.h"
#include "engine/report/svg_frame.h"

namespace quench {
namespace {

std::vector<double> linear_ticks(double lowest, double highest, int wanted) {
  const double rough = (highest - lowest) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if (factor * power >= rough * 0.75) step = factor * power;
  std::vector<double> at;
  const double first = std::ceil(lowest / step - 1e-9);
  for (int k = 0; k <= 2 * wanted && (first + k) * step <= highest + 1e-9 * step; ++k) at.push_back((first + k) * step);
  return at;
}

std::vector<double> logarithmic_ticks(double lowest, double highest, int wanted) {
  const double decades = std::log10(highest) - std::log10(lowest);
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / (wanted + 1))));
  std::vector<double> at;
  for (int k = static_cast<int>(std::floor(std::log10(lowest))); k <= std::ceil(std::log10(highest)); ++k) {
    if (stride > 1 && k % stride != 0) continue;
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, k);
      if (factor > 1 && decades > 2) continue;
      if (tick >= lowest * (1 - 1e-9) && tick <= highest * (1 + 1e-9)) at.push_back(tick);
    }
  }
  return at.size() < 2 ? linear_ticks(lowest, highest, wanted) : at;
}

// 1e-06 is set as a power of ten.
std::string power_text(const std::string& number) {
  const std::size_t e = number.find('e');
  if (e == std::string::npos) return number;
  const std::string mantissa = number.substr(0, e);
  const std::string exponent = std::to_string(std::stoi(number.substr(e + 1)));
  const std::string front = mantissa == "1" ? "10" : mantissa + "&#183;10";
  return front + "<tspan dy=\"-4\" font-size=\"75%\">" + exponent + "</tspan>";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const char c = text[i];
    if (length == 0) out += "\xef\xbf\xbd";
    else if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') out += ' ';
    else out.append(text, i, length);
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string coordinate(double value) {
  char buffer[64];
  const double clipped = std::isfinite(value) ? std::clamp(value, -1e6, 1e6) : 0;
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, clipped, std::chars_format::fixed, 2).ptr);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::vector<double> ticks(double lowest, double highest, bool logarithmic, int wanted) {
  return logarithmic ? logarithmic_ticks(lowest, highest, wanted) : linear_ticks(lowest, highest, wanted);
}

double Axis::at(double value) const {
  const double part = logarithmic ? (std::log(value) - std::log(lowest)) / (std::log(highest) - std::log(lowest))
                                  : (value - lowest) / (highest - lowest);
  return begin + part * (end - begin);
}

Axis axis(double lowest, double highest, bool logarithmic, double begin, double end) {
  if (!std::isfinite(lowest) || !std::isfinite(highest) || lowest > highest) return {0, 1, false, begin, end};
  if (logarithmic && !(lowest > 0)) logarithmic = false;
  if (lowest < highest) return {lowest, highest, logarithmic, begin, end};
  if (logarithmic) return {lowest / 2, highest * 2, true, begin, end};
  const double room = lowest == 0 ? 1 : std::abs(lowest) / 2;
  return {lowest - room, highest + room, false, begin, end};
}

std::string tick_text(double tick, double step) {
  if (std::abs(tick) < 1e-9 * std::abs(step)) return "0";
  const double size = std::abs(tick);
  if (size >= 1e5 || size < 1e-3) {
    char buffer[32];
    char* const end = std::to_chars(buffer, buffer + sizeof buffer, tick, std::chars_format::scientific, 1).ptr;
    std::string text(buffer, end);
    const std::size_t zero = text.find(".0e");
    if (zero != std::string::npos) text.erase(zero, 2);
    return power_text(text);
  }
  // Rounding away the noise of k * step: at most six digits.
  std::string text = rounded(tick, 6);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& content,
                    const std::string& more) {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
         content + "</text>";
}

std::string line_at(double x1, double y1, double x2, double y2, const std::string& type) {
  return "<path class=\"" + type + "\" d=\"M" + coordinate(x1) + " " + coordinate(y1) + "L" + coordinate(x2) + " " +
         coordinate(y2) + "\"/>";
}

std::string picture(double width, double height, const std::string& title, const std::string& content) {
  return "<svg viewBox=\"0 0 " + coordinate(width) + " " + coordinate(height) + "\" role=\"img\" aria-label=\"" +
         escaped(title) + "\">" + content + "</svg>";
}

std::string axes(const Axis& x, const Axis& y, const std::string& x_label, const std::string& y_label) {
  std::string out;
  const std::vector<double> tx = ticks(x.lowest, x.highest, x.logarithmic);
  const std::vector<double> ty = ticks(y.lowest, y.highest, y.logarithmic, 4);
  for (const double t : ty) {
    out += line_at(x.begin, y.at(t), x.end, y.at(t), "grid");
    out += text_at(x.begin - 5, y.at(t) + 4, "end", tick_text(t, ty.size() > 1 ? ty[1] - ty[0] : t), "");
  }
  for (const double t : tx) {
    out += line_at(x.at(t), y.begin, x.at(t), y.begin + 4, "axis");
    out += text_at(x.at(t), y.begin + 17, "middle", tick_text(t, tx.size() > 1 ? tx[1] - tx[0] : t), "");
  }
  out += line_at(x.begin, y.begin, x.end, y.begin, "axis");
  out += text_at((x.begin + x.end) / 2, y.begin + 34, "middle", escaped(x_label), " class=\"label\"");
  const double middle = (y.begin + y.end) / 2;
  out += text_at(12, middle, "middle", escaped(y_label),
                 " class=\"label\" transform=\"rotate(-90 12 " + coordinate(middle) + ")\"");
  return out;
}

}  // namespace quench
