// Splitting a CSV file into fields, and fields into numbers.
// SPDX-License-Identifier: MIT
#include "engine/tensor/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <set>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/text.h"

namespace quench {
namespace {

// Fields point into the text, or to `unquoted` where quotes had to be taken away.
struct Fields {
  std::size_t columns = 0;
  std::vector<std::string_view> all;  // row by row, the header first
  std::vector<int> lines;             // on which each row begins
  std::deque<std::string> unquoted;
};

struct Reader {
  std::string_view text;
  const std::string& path;
  std::size_t at = 0;
  int line = 1;

  bool ended() const { return at == text.size(); }
  bool is(char c) const { return at < text.size() && text[at] == c; }
  // LF or CRLF.
  bool at_line_end() const { return is('\n') || (is('\r') && at + 1 < text.size() && text[at + 1] == '\n'); }
  void skip_line_end() { at += is('\r') ? 2 : 1, ++line; }
};

std::string_view trimmed(std::string_view s) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

// A field as a message may show it.
std::string shown(std::string_view field) {
  std::string s = "'";
  for (const char c : field.substr(0, 40)) s += c >= ' ' && c <= '~' ? c : '?';
  return s + (field.size() > 40 ? "...'" : "'");
}

std::string place(const std::string& path, int line, std::size_t column) {
  return path + ": line " + std::to_string(line) + ", column " + std::to_string(column + 1);
}

std::string_view quoted_field(Reader& r, Fields& f, std::size_t column) {
  const int first_line = r.line;
  std::string& field = f.unquoted.emplace_back();
  for (++r.at;; ++r.at) {
    if (r.ended()) fail(place(r.path, first_line, column), ": the quote is never closed; end the field with \"");
    if (r.is('"')) {
      ++r.at;
      if (!r.is('"')) break;
    }
    if (r.is('\n')) ++r.line;
    field += r.text[r.at];
  }
  while (r.is(' ') || r.is('\t')) ++r.at;
  if (!r.ended() && !r.is(',') && !r.at_line_end())
    fail(place(r.path, first_line, column), ": ", shown(r.text.substr(r.at, 1)),
         " follows a closing quote; a comma or the end of the line is expected (a quote inside is written twice)");
  return trimmed(field);
}

std::string_view next_field(Reader& r, Fields& f, std::size_t column) {
  while (r.is(' ') || r.is('\t')) ++r.at;
  if (r.is('"')) return quoted_field(r, f, column);
  const std::size_t begin = r.at;
  while (!r.ended() && !r.is(',') && !r.at_line_end()) {
    if (r.is('"'))
      fail(place(r.path, r.line, column), ": a quote inside ", shown(r.text.substr(begin, r.at - begin + 1)),
           "; quote the whole field and write the quote twice");
    ++r.at;
  }
  return trimmed(r.text.substr(begin, r.at - begin));
}

void read_row(Reader& r, Fields& f) {
  f.lines.push_back(r.line);
  std::size_t column = 0;
  for (;; ++column, ++r.at) {
    if (f.lines.size() == 1 && column == most_csv_columns)
      fail(r.path, ": line 1 has more than ", most_csv_columns, " columns; leave some out");
    if (f.lines.size() > 1 && column == f.columns)
      fail(r.path, ": line ", f.lines.back(), " has more than the ", f.columns, " columns of the header");
    f.all.push_back(next_field(r, f, column));
    if (!r.is(',')) break;
  }
  if (f.lines.size() == 1) f.columns = column + 1;
  if (column + 1 != f.columns)
    fail(r.path, ": line ", f.lines.back(), " has ", column + 1, " columns, the header has ", f.columns);
  if (!r.ended()) r.skip_line_end();
}

Fields split(std::string_view text, const std::string& path) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);  // byte order mark
  if (text.find('\0') != std::string_view::npos) fail(path, ": holds a zero byte; a .csv file is text");
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);  // empty last lines
  if (text.empty()) fail(path, ": is empty; a line of column names and rows of numbers are expected");
  Fields f;
  Reader r{text, path};
  while (!r.ended()) {
    if (f.lines.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) / 2)
      fail(path, ": has more than ", f.lines.size(), " rows; split the file");
    read_row(r, f);
  }
  return f;
}

enum class Kind { number, too_large, text };

Kind number(std::string_view field, double& value) {
  if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
  const char* const end = field.data() + field.size();
  const auto [behind, error] = std::from_chars(field.data(), end, value);
  if (field.empty() || behind != end || error == std::errc::invalid_argument) return Kind::text;
  return error == std::errc::result_out_of_range ? Kind::too_large : Kind::number;
}

void check_header(const Fields& f, const std::string& path) {
  double ignored = 0;
  std::set<std::string_view> names;
  std::size_t numbers = 0;
  for (std::size_t j = 0; j < f.columns; ++j) {
    numbers += number(f.all[j], ignored) != Kind::text;
    if (f.all[j].empty()) fail(place(path, 1, j), ": the column has no name; line 1 must name every column");
  }
  if (numbers == f.columns)
    fail(path, ": line 1 holds numbers and no names; put a line with the names of the ", f.columns, " columns first");
  for (std::size_t j = 0; j < f.columns; ++j)
    if (!names.insert(f.all[j]).second) fail(place(path, 1, j), ": two columns are called ", shown(f.all[j]));
  if (f.lines.size() < 2) fail(path, ": holds a header and no rows; at least 1 row is needed");
}

// The column's fields below the header.
template <class F>
void for_each_row(const Fields& f, std::size_t column, F&& take) {
  for (std::size_t i = 1; i < f.lines.size(); ++i) take(i, f.all[i * f.columns + column]);
}

bool holds_text(const Fields& f, std::size_t column) {
  std::size_t numbers = 0;
  double ignored = 0;
  for_each_row(f, column, [&](std::size_t, std::string_view s) { numbers += number(s, ignored) != Kind::text; });
  return 2 * numbers < f.lines.size() - 1;
}

void read_numbers(const Fields& f, std::size_t column, const std::string& path, std::size_t to, Tensor& values) {
  for_each_row(f, column, [&](std::size_t i, std::string_view field) {
    const auto where = [&] { return place(path, f.lines[i], column) + " (" + shown(f.all[column]) + ")"; };
    double value = 0;
    const Kind kind = number(field, value);
    if (field.empty()) fail(where(), ": the number is missing; remove the row or fill it in");
    if (kind == Kind::text) fail(where(), ": ", shown(field), " is no number, most of the column are");
    const float stored = static_cast<float>(value);
    if (kind == Kind::number && !std::isfinite(value))
      fail(where(), ": is ", shown(field), "; every number must be finite");
    if (kind == Kind::too_large || !std::isfinite(stored))
      fail(where(), ": ", shown(field), " does not fit a 32-bit floating-point number; use another unit");
    values.row(static_cast<int>(i) - 1)[to] = stored;
  });
}

// Texts as 0, 1, 2 ... in their order.
void read_texts(const Fields& f, std::size_t column, std::size_t to, Tensor& values) {
  std::map<std::string_view, int> code;
  for_each_row(f, column, [&](std::size_t, std::string_view s) { code[s] = 0; });
  int next = 0;
  for (auto& [text, number] : code) number = next++;
  for_each_row(f, column, [&](std::size_t i, std::string_view s) {
    values.row(static_cast<int>(i) - 1)[to] = static_cast<float>(code.at(s));
  });
}

std::vector<std::size_t> chosen_columns(const Fields& f, const std::string& path,
                                        const std::vector<std::string>& columns, std::vector<std::string>& left_out) {
  std::vector<std::size_t> chosen;
  const std::vector<std::string> names(f.all.begin(), f.all.begin() + static_cast<std::ptrdiff_t>(f.columns));
  for (const std::string& name : columns) {
    const auto found = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (found == names.size()) fail(path, ": has no column ", shown(name), suggestion(name, names));
    if (std::find(chosen.begin(), chosen.end(), found) != chosen.end())
      fail(path, ": column ", shown(name), " is asked for twice");
    chosen.push_back(found);
  }
  for (std::size_t j = 0; j < f.columns && columns.empty(); ++j)
    if (holds_text(f, j))
      left_out.push_back(names[j]);
    else
      chosen.push_back(j);
  if (chosen.empty()) fail(path, ": all ", f.columns, " columns hold text; at least 1 column of numbers is needed");
  return chosen;
}

}  // namespace

CsvTable parse_csv(std::string_view text, const std::string& path, const std::vector<std::string>& columns) {
  const Fields f = split(text, path);
  check_header(f, path);
  CsvTable table;
  const std::vector<std::size_t> chosen = chosen_columns(f, path, columns, table.left_out);
  table.values = zeros({static_cast<int>(f.lines.size()) - 1, static_cast<int>(chosen.size())});
  for (std::size_t to = 0; to < chosen.size(); ++to) {
    table.names.emplace_back(f.all[chosen[to]]);
    if (holds_text(f, chosen[to]))
      read_texts(f, chosen[to], to, table.values);
    else
      read_numbers(f, chosen[to], path, to, table.values);
  }
  return table;
}

CsvTable load_csv(const std::string& path, const std::vector<std::string>& columns) {
  return parse_csv(read_file(path), path, columns);
}

bool is_csv(const std::string& path) { return path.size() > 4 && path.compare(path.size() - 4, 4, ".csv") == 0; }

}  // namespace quench
