// Tests of JSON text, UTF-8 and the search for the word that was meant.
// SPDX-License-Identifier: MIT
#include "engine/core/json.h"

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "engine/core/error.h"
#include "engine/core/text.h"

using quench::Json;
using quench::json_text;

TEST_CASE("values print as RFC 8259 says") {
  CHECK(json_text(Json()) == "null");
  CHECK(json_text(true) == "true");
  CHECK(json_text(-3) == "-3");
  CHECK(json_text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(json_text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(json_text(0.1) == "0.1");
  CHECK(json_text(1e22) == "1e+22");
  CHECK(json_text("a\"\\/\n\t\x01") == "\"a\\\"\\\\/\\n\\t\\u0001\"");
  CHECK(json_text("\xc3\xa9 \xff \xed\xa0\x80") == "\"\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(json_text(Json::object()) == "{}");
  CHECK(json_text(Json::array()) == "[]");
}

TEST_CASE("objects keep their order, and a name is there once") {
  Json j;
  j["z"] = 1;
  j["a"]["b"] = std::vector<int>{1, 2};
  j["z"] = "two";
  CHECK(json_text(j, 0) == "{\"z\":\"two\",\"a\":{\"b\":[1,2]}}");
  CHECK(json_text(j) == "{\n  \"z\": \"two\",\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}");
  Json rows;
  rows.push_back(j["a"]);
  rows.push_back(3);
  CHECK(json_text(rows, 1) == "[\n {\n  \"b\": [1, 2]\n },\n 3\n]");
  CHECK_THROWS_AS(j["z"]["x"] = 1, quench::Error);
  CHECK_THROWS_AS(j.push_back(1), quench::Error);
}

TEST_CASE("doubles read back to the same bits, whatever the locale") {
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // where it is installed, its decimal sign is a comma
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const std::string text = quench::number_text(value);
    CHECK(text.find(',') == std::string::npos);
    std::setlocale(LC_ALL, "C");
    CHECK(std::strtod(text.c_str(), nullptr) == value);
  }
}

TEST_CASE("NaN and infinity are refused with their place") {
  Json j;
  j["layers"].push_back(1);
  j["layers"].push_back(Json());
  j["layers"].push_back(std::nan(""));
  CHECK_THROWS_WITH_AS(json_text(j), doctest::Contains("json.layers[2]: nan"), quench::Error);
  CHECK_THROWS_AS(json_text(-std::numeric_limits<double>::infinity()), quench::Error);
}

TEST_CASE("UTF-8: the borders of every range") {
  const auto length = [](const char* text) { return quench::utf8_length(text, 0); };
  CHECK(length("a") == 1);
  CHECK(length("\xc2\x80") == 2);
  CHECK(length("\xc1\xbf") == 0);      // overlong
  CHECK(length("\xe0\x9f\xbf") == 0);  // overlong
  CHECK(length("\xe0\xa0\x80") == 3);
  CHECK(length("\xed\x9f\xbf") == 3);
  CHECK(length("\xed\xa0\x80") == 0);  // surrogate
  CHECK(length("\xf0\x8f\xbf\xbf") == 0);
  CHECK(length("\xf0\x90\x80\x80") == 4);
  CHECK(length("\xf4\x8f\xbf\xbf") == 4);
  CHECK(length("\xf4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(length("\x80") == 0);
  CHECK(length("\xe2\x82") == 0);  // cut off
}

TEST_CASE("the nearest word, by hand-counted edits") {
  const std::vector<std::string> keys = {"data.events", "data.particle", "evaluate.events", "compress.bits"};
  CHECK(quench::nearest("data.evnets", keys) == "data.events");  // one swap
  CHECK(quench::nearest("compres.bit", keys) == "compress.bits");
  CHECK(quench::nearest("particel", keys) == "data.particle");  // last part alone
  CHECK(quench::nearest("nothing.like.it", keys).empty());
  CHECK(quench::nearest("", keys).empty());
  CHECK(quench::nearest("sat", {"cat", "hat"}) == "cat");  // the first of a tie
  CHECK(quench::nearest("dog", {"cat"}).empty());
  CHECK(quench::suggestion("electrn", {"electron", "photon"}) == ": did you mean electron?");
  CHECK(quench::suggestion("muon-neutrino", {"electron", "photon"}).empty());
}

TEST_CASE("names for generated code") {
  for (const char* good : {"shower", "S2", "a_b", "x"}) CHECK(quench::is_identifier(good));
  for (const char* bad : {"", "2x", "_a", "a__b", "a-b", "int", "xor_eq", "alignas", "caf\xc3\xa9"})
    CHECK_FALSE(quench::is_identifier(bad));
  CHECK(quench::is_identifier(std::string(40, 'a')));
  CHECK_FALSE(quench::is_identifier(std::string(41, 'a')));
}
