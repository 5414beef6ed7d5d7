// Tests of the TOML reader: what is read, what is refused and where, and that no bytes break it.
// SPDX-License-Identifier: MIT
#include "engine/core/toml.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>

#include "engine/core/error.h"

using quench::TomlDocument;
using quench::TomlEntry;

namespace {

std::string error_of(const std::string& text) {
  try {
    quench::parse_toml(text, "t");
  } catch (const quench::Error& error) {
    return error.what();
  }
  return "no error";
}

std::string value_error(const std::string& text) { return error_of("a = " + text); }

template <class T> T value_of(const std::string& text) {
  return std::get<T>(quench::parse_toml("a = " + text, "t").entries.at(0).value.value);
}

}  // namespace

TEST_CASE("tables, dotted keys, comments and places") {
  const TomlDocument d = quench::parse_toml(
      "# first\r\n"
      "name = \"x\"  # trailing\r\n"
      "[ data . sub ]\n"
      "\t\"quoted\" . b-1 = 3\n"
      "\n"
      "[data]\n"
      "'c' = [ 1, # one\n   2.5,\n \"\xc3\xa9\", ]\n"
      "t = true",
      "t");
  REQUIRE(d.entries.size() == 4);
  CHECK(d.entries[0].key == "name");
  CHECK(d.entries[1].key == "data.sub.quoted.b-1");
  CHECK(d.entries[1].place.line == 4);
  CHECK(d.entries[1].place.column == 2);
  CHECK(d.entries[1].value.place.column == 19);
  CHECK(d.entries[2].key == "data.c");
  const auto& items = std::get<std::vector<quench::TomlValue>>(d.entries[2].value.value);
  REQUIRE(items.size() == 3);
  CHECK(std::get<std::int64_t>(items[0].value) == 1);
  CHECK(std::get<double>(items[1].value) == 2.5);
  CHECK(items[1].place.line == 8);
  CHECK(items[1].place.column == 4);
  CHECK(std::get<std::string>(items[2].value) == "\xc3\xa9");
  CHECK(std::get<bool>(d.entries[3].value.value));
  REQUIRE(d.tables.size() == 2);
  CHECK(d.tables[0].name == "data.sub");
  CHECK(d.tables[1].place.line == 6);
}

TEST_CASE("numbers") {
  CHECK(value_of<std::int64_t>("1_000") == 1000);
  CHECK(value_of<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(value_of<std::int64_t>("+7") == 7);
  CHECK(value_of<std::int64_t>("0xfF") == 255);
  CHECK(value_of<std::int64_t>("0o17") == 15);
  CHECK(value_of<std::int64_t>("0b101") == 5);
  CHECK(value_of<std::int64_t>("0") == 0);
  CHECK(value_of<double>("0.5") == 0.5);
  CHECK(value_of<double>("-1e-3") == -1e-3);
  CHECK(value_of<double>("+6.02E+23") == 6.02e23);
  CHECK(value_of<double>("1_0.2_5") == 10.25);
  for (const std::string bad : {"01", "-01", "1.", ".5", "1__0", "_1", "1_", "0x", "0x-1", "+-1", "--1", "1e", "1e+",
                          "0b2", "1.5.2", "tru", "True", "9223372036854775808", "1e400", "1e-400",
                          "inf", "-nan", "1979-05-27",
                          "07:32:00", "", "0x1.8", "00.5"}) {
    CAPTURE(bad);
    CHECK(value_error(bad).find("t:1:") == 0);
  }
  CHECK(value_error("9223372036854775808").find("does not fit 64 bits") != std::string::npos);
  CHECK(value_error("1979-05-27") == "t:1:5: dates and times are not read here");
}

TEST_CASE("strings") {
  CHECK(value_of<std::string>("'a\\n'") == "a\\n");
  CHECK(value_of<std::string>("\"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"") ==
        "\b\t\n\f\r\"\\\xc3\xa9\xf0\x9f\x98\x80");
  CHECK(value_of<std::string>("\"\"").empty());
  CHECK(value_error("\"abc") == "t:1:5: this string does not end on its line: close it with \"");
  CHECK(value_error("'a\nb'").find("t:1:5: ") == 0);
  CHECK(value_error("\"\\q\"").find("t:1:6: unknown escape") == 0);
  CHECK(value_error("\"\\ud800\"").find("t:1:6: ") == 0);
  CHECK(value_error("\"\\u12g4\"").find("t:1:10: ") == 0);
  CHECK(value_error("\"\x01\"").find("t:1:6: a control character") == 0);
  CHECK(value_error("\"\xff\"") == "t:1:6: this byte is not UTF-8: save the file as UTF-8");
  CHECK(value_error("\"\"\"x\"\"\"").find("multi-line") != std::string::npos);
  for (const std::string& text : {std::string("a\"\\\n\x7f"), std::string("\xc3\xa9\0x", 4)})
    CHECK(value_of<std::string>(quench::toml_string(text)) == text);
}

TEST_CASE("what is refused, and where") {
  CHECK(error_of("a = 1\na = 2") == "t:2:1: a is defined already, on line 1: remove one of them");
  CHECK(error_of("[a]\nb=1\n[a]") == "t:3:1: a is defined already, on line 1: remove one of them");
  CHECK(error_of("a.b = 1\n[a]").find("t:2:1: a is defined already") == 0);
  CHECK(error_of("a = 1\na.b = 2").find("t:2:1: a is defined already") == 0);
  CHECK(error_of("[a.b]\n[a]\nb.c = 1").find("t:3:1: a.b is defined already") == 0);
  CHECK(error_of("[a]\nb = 1\n[a.b]").find("t:3:1: a.b is defined already") == 0);
  CHECK(error_of("[a.b]\n[a]\n[a.c]") == "no error");
  CHECK(error_of("a = 1 b = 2") == "t:1:7: only a comment may follow a value on its line");
  CHECK(error_of("a = [1, 2") == "t:1:5: this array has no closing ]");
  CHECK(error_of("a = [1 2]") == "t:1:8: an array continues with , or ends with ]");
  CHECK(error_of("a = [,]").find("t:1:6: ") == 0);
  CHECK(error_of("a") == "t:1:2: a key is followed by = and a value");
  CHECK(error_of("= 1").find("t:1:1: a key was expected") == 0);
  CHECK(error_of("[a").find("t:1:3: ") == 0);
  CHECK(error_of("[]").find("t:1:2: ") == 0);
  CHECK(error_of("[[a]]").find("t:1:1: arrays of tables") == 0);
  CHECK(error_of("a = {b = 1}").find("t:1:5: inline tables") == 0);
  CHECK(error_of("\"a.b\" = 1").find("t:1:1: ") == 0);
  CHECK(error_of("a\rb = 1").find("t:1:2: ") == 0);
  CHECK(error_of("\xc3\xa9 = 1").find("t:1:1: ") == 0);
  CHECK(error_of("# \xc3\xa9\xc3\xa9 \x02").find("t:1:6: a control character") == 0);  // columns are characters
  CHECK(error_of("a = " + std::string(100, '[')).find("nested more than 16 deep") != std::string::npos);
  CHECK(error_of("a.b.c.d.e.f.g.h.i = 1").find("more than 8 parts") != std::string::npos);
  CHECK(error_of(std::string(std::size_t{2} << 20, ' ')).find("2097152 bytes") != std::string::npos);
  CHECK(error_of("") == "no error");
  CHECK(error_of("\xef\xbb\xbf" "a = 1") == "no error");
}

TEST_CASE("a value alone") {
  CHECK(std::get<std::int64_t>(quench::parse_toml_value(" 5 ", "--set").value) == 5);
  CHECK_THROWS_AS(quench::parse_toml_value("5 6", "--set"), quench::Error);
  CHECK_THROWS_AS(quench::parse_toml_value("", "--set"), quench::Error);
}

TEST_CASE("any bytes are read or refused") {
  const std::string seed = "name = \"x\\u00e9\" # c\n[data.a]\nb.c = [1, 2.5e3, [true, 'x']]\n\r\nd = -0x1F\n";
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = seed;
    for (int edits = 1 + static_cast<int>(random() % 4); edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) text.erase(at, 1 + random() % 5);
      else text[at] = random() % 2 == 0 ? static_cast<char>(random()) : seed[random() % seed.size()];
      if (text.empty()) text = " ";
    }
    const std::string result = error_of(text);
    refused += result != "no error";
    if (result != "no error") CHECK(result.compare(0, 2, "t:") == 0);
  }
  CHECK(refused > 1000);
  CHECK(refused < 20000);
}
