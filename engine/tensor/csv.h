// Tables of numbers: .csv files with a header.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

constexpr int most_csv_columns = 4096;

struct CsvTable {
  std::vector<std::string> names;     // of the columns that were read
  Tensor values;                      // [rows, columns]
  std::vector<std::string> left_out;  // columns that hold text
};

// Comma-separated, the names first; lines end in LF or CRLF, quotes as in RFC 4180, blanks around a field count for
// nothing, numbers have a decimal point whatever the locale. A column is of text when fewer than half of its fields are
// numbers: it is left out, unless `columns` asks for it; its texts then count 0, 1, 2 ... in their alphabetical order.
// `columns` empty: all that hold numbers; else these, in this order. Anything wrong (a row of another length, a missing
// or infinite number, no header ...) fails with line and column, counted from 1. `path` names the file in messages.
CsvTable parse_csv(std::string_view text, const std::string& path, const std::vector<std::string>& columns = {});
CsvTable load_csv(const std::string& path, const std::vector<std::string>& columns = {});

bool is_csv(const std::string& path);  // by its name

}  // namespace quench
