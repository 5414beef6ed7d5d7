// The TOML reader: one pass over the bytes, recursive only for arrays.
// SPDX-License-Identifier: MIT
#include "engine/core/toml.h"

#include <charconv>
#include <map>

#include "engine/core/error.h"
#include "engine/core/json.h"
#include "engine/core/text.h"

namespace quench {
namespace {

constexpr std::size_t max_bytes = std::size_t{1} << 20;
constexpr std::size_t max_key_parts = 8;
constexpr int max_depth = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_bare(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) (text += text.empty() ? "" : ".") += part;
  return text;
}

std::string utf8(std::uint32_t code) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 63))};
  if (code < 0x10000) return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 63)), byte(0x80 | (code & 63))};
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 63)), byte(0x80 | (code >> 6 & 63)),
          byte(0x80 | (code & 63))};
}

struct Reader {
  std::string_view text;
  const std::string& file;
  std::size_t at = 0;
  TomlPlace here = {};

  [[noreturn]] void error(TomlPlace place, const std::string& message) const { fail_at(file, place, message); }
  [[noreturn]] void error(const std::string& message) const { error(here, message); }

  bool end() const { return at >= text.size(); }
  char peek(std::size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  bool starts(std::string_view word) const { return text.substr(at, word.size()) == word; }

  // Steps over one character, checking that it is one.
  std::string_view take() {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) error("this byte is not UTF-8: save the file as UTF-8");
    const std::string_view character = text.substr(at, length);
    at += length;
    if (character == "\n") here = {here.line + 1, 1};
    else ++here.column;
    return character;
  }

  // A character of a string or a comment: no control characters but the tab.
  std::string_view take_visible(const char* inside) {
    const unsigned char c = static_cast<unsigned char>(peek());
    if ((c < 0x20 && c != '\t') || c == 0x7f) error(std::string("a control character inside ") + inside);
    return take();
  }

  void skip_blanks() {
    while (!end() && (peek() == ' ' || peek() == '\t')) take();
  }
  bool at_line_end() const { return end() || peek() == '\n' || (peek() == '\r' && peek(1) == '\n'); }
  void skip_line_end() {
    if (!end() && peek() == '\r') take();
    if (!end()) take();
  }
  void skip_comment() {
    if (!end() && peek() == '#')
      while (!at_line_end()) take_visible("a comment");
  }
  void skip_lines() {  // blanks, comments and line ends
    for (skip_blanks(); !end(); skip_blanks()) {
      skip_comment();
      if (!at_line_end()) return;
      skip_line_end();
    }
  }
  void expect_line_end(const char* after) {
    skip_blanks();
    skip_comment();
    if (!at_line_end()) error(std::string("only a comment may follow ") + after + " on its line");
    skip_line_end();
  }

  std::uint32_t hex(int digits) {
    std::uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      if (!is_hex(c)) error("\\u needs 4 and \\U 8 hexadecimal digits");
      code = code * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 32) - 'a' + 10);
      take();
    }
    return code;
  }

  std::string escape() {
    const TomlPlace place = here;
    take();  // the backslash
    const char c = peek();
    constexpr std::string_view names = "btnfr\"\\", values = "\b\t\n\f\r\"\\";
    const std::size_t k = end() ? std::string_view::npos : names.find(c);
    if (k != std::string_view::npos) {
      take();
      return {values[k]};
    }
    if (c != 'u' && c != 'U') {
      error(place, "unknown escape: use \\\" \\\\ \\n \\t \\r \\b \\f \\uXXXX, or a literal string in '...'");
    }
    take();
    const std::uint32_t code = hex(c == 'u' ? 4 : 8);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) error(place, "this escape is not a Unicode character");
    return utf8(code);
  }

  std::string string() {
    const TomlPlace place = here;
    const char quote = peek();
    if (peek(1) == quote && peek(2) == quote) error("multi-line strings are not read here: write it on one line");
    take();
    std::string value;
    while (true) {
      if (at_line_end()) error(place, std::string("this string does not end on its line: close it with ") + quote);
      if (peek() == quote) break;
      if (quote == '"' && peek() == '\\') value += escape();
      else value += take_visible("a string");
    }
    take();
    return value;
  }

  std::string key_part() {
    if (!end() && (peek() == '"' || peek() == '\'')) {
      const TomlPlace place = here;
      std::string part = string();
      if (part.empty() || part.find('.') != std::string::npos)
        error(place, "a quoted key must not be empty or hold a dot");
      return part;
    }
    std::string part;
    while (!end() && is_bare(peek())) part += take();
    if (part.empty()) error("a key was expected here: letters, digits, _ and -");
    return part;
  }

  std::vector<std::string> key() {
    std::vector<std::string> parts{key_part()};
    for (skip_blanks(); !end() && peek() == '.'; skip_blanks()) {
      take();
      skip_blanks();
      if (parts.size() == max_key_parts) error("this key has more than " + std::to_string(max_key_parts) + " parts");
      parts.push_back(key_part());
    }
    return parts;
  }

  // The word of a number without its underscores, which must stand between digits.
  std::string number_word() {
    std::string word;
    const TomlPlace place = here;
    while (!end() && (is_bare(peek()) || peek() == '+' || peek() == '.' || peek() == ':')) {
      const char c = peek();
      const bool between = !word.empty() && is_hex(text[at - 1]) && is_hex(peek(1));
      if (c == '_' && !between) error("an underscore in a number must stand between two digits");
      if (c != '_') word += c;
      take();
      if (word.size() > 400) error(place, "this number is too long");
    }
    return word;
  }

  std::int64_t integer(const std::string& word, TomlPlace place) {
    const bool based = word.size() > 2 && word[0] == '0' && !is_digit(word[1]);
    const int base = !based ? 10 : word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : word[1] == 'b' ? 2 : 0;
    const char* first = word.data() + (based ? 2 : word[0] == '+' ? 1 : 0);
    const char* last = word.data() + word.size();
    std::int64_t value = 0;
    const bool sign_inside = first != last && *first == '-' && first != word.data();  // 0x-1, +-1
    const auto result = base == 0 || sign_inside ? std::from_chars_result{first, std::errc::invalid_argument}
                                                 : std::from_chars(first, last, value, base);
    if (result.ec == std::errc::result_out_of_range) error(place, word + " does not fit 64 bits");
    if (result.ec != std::errc() || result.ptr != last) not_a_value(word, place);
    const std::size_t digit = word[0] == '+' || word[0] == '-' ? 1 : 0;
    if (!based && word[digit] == '0' && word.size() > digit + 1) error(place, word + ": no zeros before an integer");
    return value;
  }

  [[noreturn]] void not_a_value(const std::string& word, TomlPlace place) {
    if (word.size() > 4 && (word.find(':') != std::string::npos || (is_digit(word[0]) && word[4] == '-')))
      error(place, "dates and times are not read here");
    error(place, "\"" + word + "\" is not a value: quote strings; numbers look like 12, -3, 0.5, 1e-3; true and false");
  }

  // [sign] digits [. digits] [e [sign] digits], digits on both sides of the point, no zero before a digit.
  static bool float_grammar(std::string_view w) {
    std::size_t i = 0;
    const auto digits = [&] {
      const std::size_t begin = i;
      while (i < w.size() && is_digit(w[i])) ++i;
      return i - begin;
    };
    const auto sign = [&] { i += i < w.size() && (w[i] == '+' || w[i] == '-') ? 1 : 0; };
    sign();
    const std::size_t begin = i;
    if (digits() == 0 || (i - begin > 1 && w[begin] == '0')) return false;
    if (i < w.size() && w[i] == '.') {
      ++i;
      if (digits() == 0) return false;
    }
    if (i < w.size() && (w[i] == 'e' || w[i] == 'E')) {
      ++i;
      sign();
      if (digits() == 0) return false;
    }
    return i == w.size();
  }

  TomlValue number() {
    const TomlPlace place = here;
    const std::string word = number_word();
    if (word.empty()) error("a value was expected here: a string in quotes, a number, true, false or an array in [ ]");
    const std::string_view bare = std::string_view(word).substr(word[0] == '+' || word[0] == '-' ? 1 : 0);
    if (bare == "inf" || bare == "nan") error(place, word + " is not accepted: a finite number is needed");
    const bool based = word.size() > 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'o' || word[1] == 'b');
    if (based || word.find_first_of(".eE") == std::string::npos) return {integer(word, place), place};
    if (!float_grammar(word)) not_a_value(word, place);
    double value = 0;
    const char* first = word.data() + (word[0] == '+' ? 1 : 0);
    const auto result = std::from_chars(first, word.data() + word.size(), value);
    if (result.ec != std::errc()) error(place, word + " is too large or too small for a 64-bit float");
    return {value, place};
  }

  TomlValue array(int depth) {
    TomlValue value{std::vector<TomlValue>(), here};
    if (depth >= max_depth) error("arrays are nested more than " + std::to_string(max_depth) + " deep");
    std::vector<TomlValue>& items = std::get<std::vector<TomlValue>>(value.value);
    take();  // [
    for (skip_lines(); peek() != ']' || end(); skip_lines()) {
      if (end()) error(value.place, "this array has no closing ]");
      items.push_back(read_value(depth + 1));
      skip_lines();
      if (!end() && peek() == ',') take();
      else if (!end() && peek() != ']') error("an array continues with , or ends with ]");
    }
    take();
    return value;
  }

  TomlValue read_value(int depth) {
    const TomlPlace place = here;
    if (!end() && (peek() == '"' || peek() == '\'')) return {string(), place};
    if (!end() && peek() == '[') return array(depth);
    if (!end() && peek() == '{') error("inline tables are not read here: write a [table]");
    for (const bool truth : {true, false}) {
      const std::string_view word = truth ? "true" : "false";
      if (!starts(word) || is_bare(peek(word.size()))) continue;
      for (std::size_t i = 0; i < word.size(); ++i) take();
      return {truth, place};
    }
    return number();
  }
};

// What a name stands for; TOML 1.0 forbids to define anything twice, or to reopen a table made by dotted keys.
enum class Kind { value, header, made_by_header, made_by_dots };

struct Document {
  Reader reader;
  TomlDocument result;
  std::vector<std::string> table;  // the current header
  std::map<std::string, std::pair<Kind, TomlPlace>> names;

  [[noreturn]] void defined_before(const std::string& name, TomlPlace place, TomlPlace before) {
    reader.error(place, name + " is defined already, on line " + std::to_string(before.line) + ": remove one of them");
  }

  void header() {
    const TomlPlace place = reader.here;
    reader.take();  // [
    if (reader.peek() == '[' && !reader.end()) reader.error(place, "arrays of tables [[...]] are not read here");
    reader.skip_blanks();
    table = reader.key();
    if (reader.end() || reader.peek() != ']') reader.error("the name of a table ends with ]");
    reader.take();
    for (std::size_t n = 1; n <= table.size(); ++n) {
      const std::string name = joined({table.begin(), table.begin() + static_cast<std::ptrdiff_t>(n)});
      const Kind kind = n == table.size() ? Kind::header : Kind::made_by_header;
      const auto [before, added] = names.try_emplace(name, kind, place);
      if (added || (kind == Kind::made_by_header && before->second.first != Kind::value)) continue;
      if (before->second.first != Kind::made_by_header) defined_before(name, place, before->second.second);
      before->second = {kind, place};
    }
    result.tables.push_back({joined(table), place});
    reader.expect_line_end("the name of a table");
  }

  void entry() {
    const TomlPlace place = reader.here;
    std::vector<std::string> parts = reader.key();
    if (reader.end() || reader.peek() != '=') reader.error("a key is followed by = and a value");
    parts.insert(parts.begin(), table.begin(), table.end());
    for (std::size_t n = table.size() + 1; n <= parts.size(); ++n) {
      const std::string name = joined({parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(n)});
      const Kind kind = n == parts.size() ? Kind::value : Kind::made_by_dots;
      const auto [before, added] = names.try_emplace(name, kind, place);
      if (!added && (kind == Kind::value || before->second.first != Kind::made_by_dots))
        defined_before(name, place, before->second.second);
    }
    reader.take();  // =
    reader.skip_blanks();
    result.entries.push_back({joined(parts), place, reader.read_value(0)});
    reader.expect_line_end("a value");
  }
};

void check_size(std::string_view text, const std::string& file) {
  if (text.size() > max_bytes) fail(file, ": has ", text.size(), " bytes: a recipe has at most ", max_bytes);
}

}  // namespace

void fail_at(const std::string& file, TomlPlace place, const std::string& message) {
  if (place.line == 0) fail(file, ": ", message);
  fail(file, ":", place.line, ":", place.column, ": ", message);
}

const char* type_name(const TomlValue& value) {
  constexpr const char* names[] = {"a boolean", "an integer", "a number", "a string", "an array"};
  return names[value.value.index()];
}

std::string toml_string(const std::string& text) { return json_text(text, 0); }

TomlValue parse_toml_value(std::string_view text, const std::string& file) {
  check_size(text, file);
  Reader reader{text, file, 0, {}};
  reader.skip_blanks();
  TomlValue value = reader.read_value(0);
  reader.skip_blanks();
  if (!reader.end()) reader.error("nothing may follow the value");
  return value;
}

TomlDocument parse_toml(std::string_view text, const std::string& file) {
  check_size(text, file);
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);  // a byte order mark
  Document document{{text, file, 0, {}}, {file, {}, {}}, {}, {}};
  for (document.reader.skip_lines(); !document.reader.end(); document.reader.skip_lines()) {
    if (document.reader.peek() == '[') document.header();
    else document.entry();
  }
  return std::move(document.result);
}

}  // namespace quench
