// What every generated testbench shares: data files, comparison, checksums; host code, never synthesised.
// SPDX-License-Identifier: MIT-0
#pragma once
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "crc.h"

namespace quench {

typedef std::vector<long long> Row;

struct Bench {
  std::string folder;                            // of the data files
  long long events, probes, numbers, constants;  // what was compared so far
};

// Rows of a data file: a header line that says what the numbers are, then `rows` lines of `columns` decimal integers.
inline std::vector<Row> read_rows(const Bench& b, const std::string& file, std::size_t rows, std::size_t columns) {
  const std::string path = b.folder + "/" + file;
  std::ifstream in(path.c_str());
  std::string line;
  if (!std::getline(in, line)) throw std::runtime_error(path + ": cannot be read; run in the folder that holds data/");
  if (line.empty() || line[0] != '#')
    throw std::runtime_error(path + ": the first line must be a comment: # what it is");
  std::vector<Row> all;
  while (std::getline(in, line)) {
    std::istringstream numbers(line);
    Row row;
    for (long long number; numbers >> number;) row.push_back(number);
    if (row.size() != columns || !numbers.eof()) {
      std::ostringstream text;
      text << path << ", line " << all.size() + 2 << ": " << row.size() << " numbers, needs " << columns;
      throw std::runtime_error(text.str());
    }
    all.push_back(row);
  }
  if (all.size() != rows) {
    std::ostringstream text;
    text << path << ": " << all.size() << " rows, needs " << rows;
    throw std::runtime_error(text.str());
  }
  return all;
}

// Throws at the first element that differs.
inline void compare(Bench& b, const std::string& layer, const char* what, std::size_t number, const Row& got,
                    const Row& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ++b.numbers;
    if (got[i] == expected[i]) continue;
    std::ostringstream text;
    text << "mismatch: layer " << layer << ", " << what << " " << number << ", element " << i << ": got " << got[i]
         << ", expected " << expected[i];
    throw std::runtime_error(text.str());
  }
}

// Array <-> row; `begin` is the array's place in the row.
template <class T, std::size_t N>
inline void unpack(const Row& row, std::size_t begin, T (&array)[N]) {
  for (std::size_t i = 0; i < N; ++i) array[i] = static_cast<T>(row[begin + i]);
}
template <class T, std::size_t N>
inline Row pack(const T (&array)[N]) {
  Row row;
  for (std::size_t i = 0; i < N; ++i) row.push_back(static_cast<long long>(array[i]));
  return row;
}

// A 64-bit number from its two words.
inline uint64_t word64(const Row& row, std::size_t begin) {
  return static_cast<uint64_t>(row[begin]) | (static_cast<uint64_t>(row[begin + 1]) << 32);
}

// A layer's outputs for one row of its inputs, operand after operand.
typedef Row (*Layer)(const Row&);

// Golden events: the layer's inputs are the reference's, so that the layer at fault is the one that is named.
inline void check_events(Bench& b, const char* name, Layer layer, const std::vector<std::vector<Row> >& operands,
                         const std::vector<Row>& expected) {
  for (std::size_t event = 0; event < expected.size(); ++event) {
    Row in;
    for (std::size_t k = 0; k < operands.size(); ++k)
      in.insert(in.end(), operands[k][event].begin(), operands[k][event].end());
    compare(b, name, "event", event, layer(in), expected[event]);
  }
}

// Probes: chosen inputs, then the reference's outputs, in one row.
inline void check_probes(Bench& b, const char* name, Layer layer, const std::vector<Row>& probes, std::size_t inputs) {
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const Row in(probes[i].begin(), probes[i].begin() + static_cast<std::ptrdiff_t>(inputs));
    const Row expected(probes[i].begin() + static_cast<std::ptrdiff_t>(inputs), probes[i].end());
    compare(b, name, "probe", i, layer(in), expected);
    ++b.probes;
  }
}

// Constants, each element as one 32-bit word, row after row.
template <class T>
inline uint32_t checksum(const T& number, uint32_t crc = 0) {
  return crc_word(crc, static_cast<uint32_t>(static_cast<long long>(number)));
}
template <class T, std::size_t N>
inline uint32_t checksum(const T (&table)[N], uint32_t crc = 0) {
  for (std::size_t i = 0; i < N; ++i) crc = checksum(table[i], crc);
  return crc;
}
template <class T, std::size_t N, std::size_t M>
inline uint32_t checksum(const T (&table)[N][M], uint32_t crc = 0) {
  for (std::size_t i = 0; i < N; ++i) crc = checksum(table[i], crc);
  return crc;
}

inline void check_constant(Bench& b, const char* layer, const char* constant, uint32_t got,
                           const std::vector<Row>& expected) {
  const long long wanted = expected[static_cast<std::size_t>(b.constants)][0];
  if (got != wanted) {
    std::ostringstream text;
    text << "mismatch: layer " << layer << ", constant table " << constant << ": CRC-32 got " << got << ", expected "
         << wanted;
    throw std::runtime_error(text.str());
  }
  ++b.constants;
}

}  // namespace quench
