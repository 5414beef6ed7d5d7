// Alignment of text tables, and rounding of numbers without a locale.
// SPDX-License-Identifier: MIT
#include "engine/core/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace quench {
namespace {

// Characters, not bytes: continuation bytes of UTF-8 take no room.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string cell(const std::vector<std::string>& row, std::size_t c) { return c < row.size() ? row[c] : std::string(); }

bool looks_like_a_number(const std::string& text) {
  const std::size_t first = text.find_first_not_of("+-<>~ ");
  return first == std::string::npos || (text[first] >= '0' && text[first] <= '9');
}

std::vector<bool> alignment(const Table& table, std::size_t columns) {
  if (!table.right.empty()) return table.right;
  std::vector<bool> right(columns, true);
  for (std::size_t c = 0; c < columns; ++c)
    for (const auto& row : table.rows) right[c] = right[c] && looks_like_a_number(cell(row, c));
  return right;
}

std::string padded(const std::string& text, std::size_t size, bool right) {
  const std::string blanks(size - std::min(size, width(text)), ' ');
  return right ? blanks + text : text + blanks;
}

void add_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  (out += line) += '\n';
}

std::string two_digits(std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

std::string rounded(double value, int significant) {
  if (!std::isfinite(value)) return "-";
  if (value == 0) return "0";
  char buffer[64];
  // First to this many digits, so that 9.996 is seen as 10.0 before the number of decimals is chosen.
  char* const end = buffer + sizeof buffer;
  const std::string text(buffer, std::to_chars(buffer, end, value, std::chars_format::scientific, significant - 1).ptr);
  const std::size_t e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  if (exponent < -4 || exponent >= 6) return text;
  double shown = value;
  std::from_chars(text.data(), text.data() + text.size(), shown);
  const int decimals = std::max(0, significant - 1 - exponent);
  return std::string(buffer, std::to_chars(buffer, end, shown, std::chars_format::fixed, decimals).ptr);
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::size_t sign = value < 0 ? 1 : 0;
  if (digits.size() - sign <= 4) return digits;
  for (std::size_t i = digits.size(); i > sign + 3;) digits.insert(i -= 3, " ");
  return digits;
}

std::string ratio_text(std::int64_t before, std::int64_t after) {
  if (before <= 0 || after <= 0) return "-";
  const double ratio = static_cast<double>(before) / static_cast<double>(after);
  if (before == after) return "as large";
  return ratio > 1 ? rounded(ratio, 3) + " times smaller" : rounded(1 / ratio, 3) + " times larger";
}

std::string bytes_text(double bytes) {
  if (bytes < 1024) return rounded(bytes, 4) + " B";
  const char* const units[] = {" KiB", " MiB", " GiB", " TiB"};
  std::size_t unit = 0;
  for (bytes /= 1024; bytes >= 1023.995 && unit < 3; ++unit) bytes /= 1024;
  return rounded(bytes, bytes >= 1000 ? 4 : 3) + units[unit];
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "-";
  if (seconds < 9.995) return rounded(seconds, seconds < 1 ? 2 : 3) + " s";
  const std::int64_t whole = static_cast<std::int64_t>(std::min(seconds, 1e15) + 0.5);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + two_digits(whole / 60 % 60) + " min";
}

std::string table_text(const Table& table) {
  std::size_t columns = table.header.size();
  for (const auto& row : table.rows) columns = std::max(columns, row.size());
  std::vector<std::size_t> widths(columns);
  for (std::size_t c = 0; c < columns; ++c) {
    widths[c] = width(cell(table.header, c));
    for (const auto& row : table.rows) widths[c] = std::max(widths[c], width(cell(row, c)));
  }
  const std::vector<bool> right = alignment(table, columns);
  std::string out;
  const auto add_row = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c)
      line += (c == 0 ? "" : "  ") + padded(cell(row, c), widths[c], c < right.size() && right[c]);
    add_line(out, line);
  };
  const auto add_rule = [&] {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c) line += (c == 0 ? "" : "  ") + std::string(widths[c], '-');
    add_line(out, line);
  };
  if (!table.header.empty()) {
    add_row(table.header);
    add_rule();
  }
  for (const auto& row : table.rows) row.empty() ? add_rule() : add_row(row);
  return out;
}

}  // namespace quench
