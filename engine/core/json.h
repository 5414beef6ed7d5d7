// A JSON value and its text: objects keep the order of insertion, numbers print shortest and the same in every locale.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace quench {

struct Json;
struct JsonMember;
using JsonArray = std::vector<Json>;
using JsonObject = std::vector<JsonMember>;  // in order of insertion, names unique

struct Json {
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, JsonArray, JsonObject> value;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(const char* text) : value(std::string(text)) {}
  Json(std::string_view text) : value(std::string(text)) {}
  Json(std::string text) : value(std::move(text)) {}
  Json(JsonArray items);
  Json(JsonObject members);
  template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>> Json(T number) : value(widened(number)) {}
  // An array of anything a Json can be made from.
  template <class T> Json(const std::vector<T>& items) : value(JsonArray(items.begin(), items.end())) {}

  // The member of this name, added as null when there is none; null becomes an object. Fails on any other value.
  Json& operator[](std::string_view name);
  // Adds an item; null becomes an array. Fails on any other value.
  void push_back(Json item);

  template <class T> static auto widened(T number) {
    if constexpr (std::is_same_v<T, bool>) return number;
    else if constexpr (std::is_floating_point_v<T>) return static_cast<double>(number);
    else if constexpr (std::is_signed_v<T>) return static_cast<std::int64_t>(number);
    else return static_cast<std::uint64_t>(number);
  }

  static Json object();  // {}
  static Json array();   // []
};

struct JsonMember {
  std::string name;
  Json value;
};

inline Json::Json(JsonArray items) : value(std::move(items)) {}
inline Json::Json(JsonObject members) : value(std::move(members)) {}
inline Json Json::object() { return JsonObject{}; }
inline Json Json::array() { return JsonArray{}; }

// RFC 8259 text, indented by `indent` spaces a level (0: one line), ending without a line break. Doubles are the
// shortest digits that read back to the same value. Bytes that are not UTF-8 become U+FFFD. Fails on NaN and infinity,
// naming where they are.
std::string json_text(const Json&, int indent = 2);

// The shortest digits that read back to the same double, always '.', never a locale: 0.1, 1e-05, 3. Fails on NaN and
// infinity.
std::string number_text(double);

}  // namespace quench
