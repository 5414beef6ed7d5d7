// A reader of the part of TOML 1.0 that recipes are written in; every key and value keeps its line and column.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace quench {

// Read: tables [a] and [a.b], dotted and quoted keys, basic and literal strings on one line, integers (also 0x, 0o,
// 0b and 1_000), floats, booleans, arrays over several lines, comments. Refused with a sentence: multi-line strings,
// dates, inf, nan, inline tables, arrays of tables. Limits: 1 MiB, arrays 16 deep, keys of 8 parts. Any bytes are safe.
struct TomlPlace {
  int line = 1, column = 1;  // from 1; a column is a character, not a byte
};

struct TomlValue {
  std::variant<bool, std::int64_t, double, std::string, std::vector<TomlValue>> value;
  TomlPlace place;
};

struct TomlEntry {
  std::string key;  // with the table's name: "data.events"
  TomlPlace place;  // of the key
  TomlValue value;
};

struct TomlTable {
  std::string name;  // "data", of a header [data]
  TomlPlace place;
};

struct TomlDocument {
  std::string file;                // its name, for messages
  std::vector<TomlTable> tables;   // in the order of the file
  std::vector<TomlEntry> entries;  // likewise; no key twice
};

// `file` is the name used in messages: "recipe.toml:12:5: ...".
TomlDocument parse_toml(std::string_view text, const std::string& file);

// One value alone, as after --set KEY=.
TomlValue parse_toml_value(std::string_view text, const std::string& file);

// "a boolean", "an integer", "a number", "a string", "an array"
const char* type_name(const TomlValue&);

// A place of line 0 is left out.
[[noreturn]] void fail_at(const std::string& file, TomlPlace, const std::string& message);

// A basic string with its quotes and escapes: reads back to the same text.
std::string toml_string(const std::string& text);

}  // namespace quench
