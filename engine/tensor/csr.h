// Sparse matrix by rows: row r holds value[k] at column[k], row_begin[r] <= k < row_begin[r + 1], columns rising.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/core/span.h"

namespace quench {

template <class T>
struct Csr {
  int rows = 0, columns = 0;
  std::vector<std::uint32_t> row_begin;  // [rows + 1]
  std::vector<std::uint32_t> column;     // [non-zeros]
  std::vector<T> value;                  // [non-zeros], never zero

  friend bool operator==(const Csr& a, const Csr& b) {
    return a.rows == b.rows && a.columns == b.columns && a.row_begin == b.row_begin && a.column == b.column &&
           a.value == b.value;
  }
};

// The non-zeros of a dense row-major matrix [rows, columns].
template <class T>
Csr<T> to_csr(Span<const T> dense, int rows, int columns) {
  Csr<T> m{rows, columns, {0}, {}, {}};
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      const T v = dense[static_cast<std::size_t>(r) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(c)];
      if (v == T{}) continue;
      m.column.push_back(static_cast<std::uint32_t>(c));
      m.value.push_back(v);
    }
    m.row_begin.push_back(static_cast<std::uint32_t>(m.value.size()));
  }
  return m;
}

template <class T>
std::vector<T> to_dense(const Csr<T>& m) {
  std::vector<T> dense(static_cast<std::size_t>(m.rows) * static_cast<std::size_t>(m.columns));
  for (int r = 0; r < m.rows; ++r)
    for (std::uint32_t k = m.row_begin[static_cast<std::size_t>(r)]; k < m.row_begin[static_cast<std::size_t>(r) + 1];
         ++k)
      dense[static_cast<std::size_t>(r) * static_cast<std::size_t>(m.columns) + m.column[k]] = m.value[k];
  return dense;
}

}  // namespace quench
