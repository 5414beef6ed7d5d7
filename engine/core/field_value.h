// Values of a recipe's fields: what a field accepts, how its value is read from TOML and printed.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/toml.h"

namespace quench {

// What a field accepts besides its type.
struct Rule {
  double lowest = 0, highest = 0;  // of a number, or of every item of a list of numbers
  bool above_lowest = false;       // lowest itself is excluded
  bool below_highest = false;
  std::vector<std::string> choices;  // of a text; empty: any
  bool identifier = false;           // a C identifier, of at most 40 characters
  bool fixed_point = false;          // "" or "W,I"
  bool optional = false;             // a text may be empty
  bool pattern = false;              // "" or "N:M"
};

inline Rule any() { return {}; }
inline Rule range(double lowest, double highest) { return {lowest, highest, false, false, {}, false, false}; }
inline Rule above(double lowest, double highest) { return {lowest, highest, true, false, {}, false, false}; }
inline Rule below(double lowest, double highest) { return {lowest, highest, false, true, {}, false, false}; }
inline Rule one_of(std::vector<std::string> choices) { return {0, 0, false, false, std::move(choices), false, false}; }
inline Rule identifier() { return {0, 0, false, false, {}, true, false}; }
inline Rule optional_text() { return {0, 0, false, false, {}, false, false, true}; }
inline Rule n_of_m() { return {0, 0, false, false, {}, false, false, false, true}; }
inline Rule width_comma_integer() { return {0, 0, false, false, {}, false, true}; }

// Text that TOML reads back to the same value; a double always has a point or an exponent.
std::string value_text(bool);
std::string value_text(int);
std::string value_text(std::uint64_t);
std::string value_text(double);
std::string value_text(const std::string&);
std::string value_text(const std::vector<int>&);
std::string value_text(const std::vector<std::string>&);

// What the field accepts, for people: "1 .. 100", "above 0 .. 1", "\"a\" | \"b\""; "" where any text goes.
std::string rule_text(bool, const Rule&);
std::string rule_text(int, const Rule&);
std::string rule_text(std::uint64_t, const Rule&);
std::string rule_text(double, const Rule&);
std::string rule_text(const std::string&, const Rule&);
std::string rule_text(const std::vector<int>&, const Rule&);
std::string rule_text(const std::vector<std::string>&, const Rule&);

// Where a value comes from, for messages.
struct FieldSource {
  std::string file, key;
};

// Checks type and rule, then sets the member; fails with file, line, column, key and the numbers.
void assign(bool& member, const TomlValue&, const Rule&, const FieldSource&);
void assign(int& member, const TomlValue&, const Rule&, const FieldSource&);  // the rule's range must fit an int
void assign(std::uint64_t& member, const TomlValue&, const Rule&, const FieldSource&);  // 0 .. 2^63 - 1
void assign(double& member, const TomlValue&, const Rule&, const FieldSource&);
void assign(std::string& member, const TomlValue&, const Rule&, const FieldSource&);
void assign(std::vector<int>& member, const TomlValue&, const Rule&, const FieldSource&);
void assign(std::vector<std::string>& member, const TomlValue&, const Rule&, const FieldSource&);

// "A,B" as {A, B}, or with another separator; nothing when it is not of that form.
std::optional<std::pair<int, int>> read_pair(const std::string&, char separator);

// Whether ap_fixed<W, I> of {W, I} has an integer form here: W 2 .. 16, I -16 .. 32.
bool is_fixed_point(const std::pair<int, int>&);

}  // namespace quench
