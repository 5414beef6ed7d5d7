// Reading, checking and printing of single values; the lists of a recipe hold 1 to 64 items.
// SPDX-License-Identifier: MIT
#include "engine/core/field_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/core/json.h"
#include "engine/core/text.h"

namespace quench {
namespace {

constexpr const char* seed_range = "0 .. 9223372036854775807";

template <class T>
std::string list_text(const std::vector<T>& items) {
  std::string list;
  for (const T& item : items) (list += list.empty() ? "" : ", ") += value_text(item);
  return "[" + list + "]";
}

std::string limit_text(double limit) {
  const bool whole = limit == std::floor(limit) && std::abs(limit) < 1e15;
  return whole ? std::to_string(static_cast<std::int64_t>(limit)) : number_text(limit);
}

std::string number_rule_text(const Rule& rule) {
  const std::string low = limit_text(rule.lowest), high = limit_text(rule.highest);
  return (rule.above_lowest ? "above " : "") + low + " .. " + (rule.below_highest ? "below " : "") + high;
}

[[noreturn]] void error(const FieldSource& source, TomlPlace place, const std::string& message) {
  fail_at(source.file, place, source.key + ": " + message);
}

[[noreturn]] void type_error(const FieldSource& source, const TomlValue& value, const std::string& needed) {
  error(source, value.place, std::string(type_name(value)) + " was given, " + needed);
}

void check_number(double value, const std::string& printed, const Rule& rule, const FieldSource& source,
                  TomlPlace place) {
  const bool low = rule.above_lowest ? value <= rule.lowest : value < rule.lowest;
  const bool high = rule.below_highest ? value >= rule.highest : value > rule.highest;
  if (low || high) error(source, place, printed + " is out of range: " + number_rule_text(rule));
}

std::int64_t integer(const TomlValue& value, const FieldSource& source) {
  if (const std::int64_t* number = std::get_if<std::int64_t>(&value.value)) return *number;
  const double* number = std::get_if<double>(&value.value);
  const bool whole = number != nullptr && *number >= -1e15 && *number <= 1e15 &&
                     *number == static_cast<double>(static_cast<std::int64_t>(*number));
  std::string hint;
  if (whole) hint = ": write " + std::to_string(static_cast<std::int64_t>(*number));
  type_error(source, value, "an integer is needed" + hint);
}

void check_text(const std::string& word, const Rule& rule, const FieldSource& source, TomlPlace place) {
  const std::string quoted = toml_string(word);
  if (!rule.choices.empty() && std::find(rule.choices.begin(), rule.choices.end(), word) == rule.choices.end())
    error(source, place, quoted + " is not one of " + rule_text(word, rule) + suggestion(word, rule.choices));
  if (rule.identifier && !is_identifier(word)) {
    error(source, place,
          quoted +
              " cannot name generated code: a letter, then letters, digits and single _, at most "
              "40, no reserved word of C++");
  }
  const bool pair = rule.fixed_point || rule.pattern, may_be_empty = pair || rule.identifier || rule.optional;
  if (rule.choices.empty() && !may_be_empty && word.empty()) error(source, place, "is empty");
  if (!pair || word.empty()) return;
  const std::optional<std::pair<int, int>> format = read_pair(word, rule.pattern ? ':' : ',');
  if (rule.pattern) {
    if (!format || format->first < 1 || format->first >= format->second || format->second > 64)
      error(source, place, quoted + " is no pattern: write \"N:M\" with 1 <= N < M <= 64, for instance \"2:4\"");
    return;
  }
  if (!format) error(source, place, quoted + " is not a fixed-point format: write \"W,I\", for instance \"16,8\"");
  if (!is_fixed_point(*format))
    error(source, place, quoted + " is out of range: width W 2 .. 16, integer bits I -16 .. 32");
}

template <class T>
void assign_list(std::vector<T>& member, const TomlValue& value, const Rule& rule, const FieldSource& source) {
  constexpr std::size_t most = 64;
  const std::vector<TomlValue>* items = std::get_if<std::vector<TomlValue>>(&value.value);
  if (items == nullptr) type_error(source, value, "an array is needed: [...]");
  if (items->empty() || items->size() > most) {
    error(source, value.place, "has " + std::to_string(items->size()) + " items: 1 .. " + std::to_string(most));
  }
  std::vector<T> result(items->size());
  for (std::size_t i = 0; i < items->size(); ++i) assign(result[i], (*items)[i], rule, source);
  member = std::move(result);
}

}  // namespace

std::string value_text(bool value) { return value ? "true" : "false"; }
std::string value_text(int value) { return std::to_string(value); }
std::string value_text(std::uint64_t value) { return std::to_string(value); }
std::string value_text(const std::string& value) { return toml_string(value); }
std::string value_text(const std::vector<int>& items) { return list_text(items); }
std::string value_text(const std::vector<std::string>& items) { return list_text(items); }
std::string value_text(double value) {
  const std::string digits = number_text(value);
  return digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits;
}

std::string rule_text(bool, const Rule&) { return "true or false"; }
std::string rule_text(int, const Rule& rule) { return number_rule_text(rule); }
std::string rule_text(double, const Rule& rule) { return number_rule_text(rule); }
std::string rule_text(std::uint64_t, const Rule&) { return seed_range; }
std::string rule_text(const std::vector<int>&, const Rule& rule) { return "each " + number_rule_text(rule); }
std::string rule_text(const std::vector<std::string>&, const Rule&) { return ""; }
std::string rule_text(const std::string&, const Rule& rule) {
  if (rule.identifier) return "a C identifier";
  if (rule.fixed_point) return "\"\" or \"W,I\", W 2 .. 16";
  if (rule.pattern) return "\"\" or \"N:M\", M 2 .. 64";
  std::string list;
  for (const std::string& choice : rule.choices) (list += list.empty() ? "" : " | ") += toml_string(choice);
  return list;
}

bool is_fixed_point(const std::pair<int, int>& format) {
  return format.first >= 2 && format.first <= 16 && format.second >= -16 && format.second <= 32;
}

std::optional<std::pair<int, int>> read_pair(const std::string& text, char separator) {
  std::pair<int, int> result;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, result.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != separator) return std::nullopt;
  const char* const behind = first.ptr + (first.ptr + 1 != end && first.ptr[1] == ' ' ? 2 : 1);
  const auto second = std::from_chars(behind, end, result.second);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return result;
}

void assign(bool& member, const TomlValue& value, const Rule&, const FieldSource& source) {
  const bool* truth = std::get_if<bool>(&value.value);
  if (truth == nullptr) type_error(source, value, "true or false is needed");
  member = *truth;
}

void assign(int& member, const TomlValue& value, const Rule& rule, const FieldSource& source) {
  const std::int64_t number = integer(value, source);
  check_number(static_cast<double>(number), std::to_string(number), rule, source, value.place);
  member = static_cast<int>(number);
}

void assign(std::uint64_t& member, const TomlValue& value, const Rule&, const FieldSource& source) {
  const std::int64_t number = integer(value, source);
  if (number < 0) error(source, value.place, std::to_string(number) + " is out of range: " + seed_range);
  member = static_cast<std::uint64_t>(number);
}

void assign(double& member, const TomlValue& value, const Rule& rule, const FieldSource& source) {
  const std::int64_t* whole = std::get_if<std::int64_t>(&value.value);
  const double* number = std::get_if<double>(&value.value);
  if (whole == nullptr && number == nullptr) type_error(source, value, "a number is needed");
  const double result = whole != nullptr ? static_cast<double>(*whole) : *number;
  check_number(result, number_text(result), rule, source, value.place);
  member = result;
}

void assign(std::string& member, const TomlValue& value, const Rule& rule, const FieldSource& source) {
  const std::string* word = std::get_if<std::string>(&value.value);
  if (word == nullptr) {
    const std::string choices = rule_text(member, rule);
    type_error(source, value, "a string is needed" + (choices.empty() ? "" : ": " + choices));
  }
  check_text(*word, rule, source, value.place);
  member = *word;
}

void assign(std::vector<int>& member, const TomlValue& value, const Rule& rule, const FieldSource& source) {
  assign_list(member, value, rule, source);
}

void assign(std::vector<std::string>& member, const TomlValue& value, const Rule& rule, const FieldSource& source) {
  assign_list(member, value, rule, source);
}

}  // namespace quench
