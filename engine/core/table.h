// Aligned text tables, and numbers for people.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace quench {

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // shorter rows are filled with empty cells; an empty row is a rule
  std::vector<bool> right;                     // align the column right; empty: columns of numbers
};

// Two spaces between columns, a rule under the header, no blanks at the ends of lines; widths count characters.
std::string table_text(const Table&);

// This many significant digits, '.' in every locale, no exponent between 1e-4 and 1e6: 0.0123, 12.3, 123000, 1.2e-05.
// NaN and infinities give "-".
std::string rounded(double value, int significant);

// 1234567 -> "1 234 567"; up to four digits stay together.
std::string grouped(std::int64_t value);

// "9.29 times smaller", "1.62 times larger"; "as large" when equal, "-" when a size is not positive.
std::string ratio_text(std::int64_t before, std::int64_t after);

// Bytes with a unit: "812 B", "12.3 KiB", "4.00 MiB".
std::string bytes_text(double bytes);

// Seconds for people: "0.42 s", "12 s", "3 min 20 s", "2 h 05 min".
std::string duration_text(double seconds);

}  // namespace quench
