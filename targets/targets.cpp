// Finds targets by name or reads a board file.
// SPDX-License-Identifier: MIT
#include "targets/targets.h"

#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "engine/core/error.h"
#include "engine/core/files.h"

namespace quench {

extern const Target host_target, cortex_m4_target, vitis_hls_target;

namespace {

const Target* by_name(const std::string& name) {
  for (const Target& t : known_targets())
    if (name == t.name) return &t;
  return nullptr;
}

std::string names() {
  std::string text;
  for (const Target& t : known_targets()) text += (text.empty() ? "" : ", ") + std::string(t.name);
  return text;
}

std::string trimmed(const std::string& s) {
  const std::size_t begin = s.find_first_not_of(" \t\r"), end = s.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : s.substr(begin, end - begin + 1);
}

// A board: the base target with other limits.
Target read_board(const std::string& path) {
  std::istringstream text(read_file(path));
  Target board{};
  std::string line;
  std::vector<std::string> seen;
  for (int number = 1; std::getline(text, line); ++number) {
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::size_t equal = line.find('=');
    const std::string key = trimmed(line.substr(0, equal));
    const std::string value = equal == std::string::npos ? "" : trimmed(line.substr(equal + 1));
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      fail(path, ":", number, ": ", key, " stands twice; remove one of the two");
    seen.push_back(key);
    if (key == "base") {
      const Target* base = by_name(value);
      if (!base) fail(path, ":", number, ": unknown base \"", value, "\"; known are ", names());
      board = *base;
    } else if (key == "flash_bytes" || key == "ram_bytes") {
      std::int64_t bytes = 0;
      for (char c : value)
        bytes = c >= '0' && c <= '9' && bytes >= 0 && bytes < (std::int64_t{1} << 40) ? bytes * 10 + (c - '0') : -1;
      if (value.empty() || bytes <= 0)
        fail(path, ":", number, ": ", key, " = \"", value, "\" is not a positive number of bytes");
      if (!board.name) fail(path, ":", number, ": ", key, " stands before the base; begin with base = cortex-m4");
      (key == "flash_bytes" ? board.flash_bytes : board.ram_bytes) = bytes;
    } else {
      fail(path, ":", number, ": unknown key \"", key, "\"; a board has base, flash_bytes and ram_bytes");
    }
  }
  if (!board.name) fail(path, ": the board names no base; add a first line such as base = cortex-m4");
  return board;
}

}  // namespace

const std::vector<Target>& known_targets() {
  static const std::vector<Target> all{host_target, cortex_m4_target, vitis_hls_target};
  return all;
}

Target find_target(const std::string& name) {
  if (const Target* known = by_name(name)) return *known;
  struct stat info;
  if (stat(name.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return read_board(name);
  fail("target \"", name, "\" is neither known (", names(), ") nor the path of a board file");
}

}  // namespace quench
