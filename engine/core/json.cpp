// Writing of JSON text.
// SPDX-License-Identifier: MIT
#include "engine/core/json.h"

#include <charconv>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/text.h"

namespace quench {
namespace {

void write_string(std::string& out, std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text, i);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (c == '\r') out += "\\r";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ((out += "\\u00") += hex[(c >> 4) & 15]) += hex[c & 15];
    else out.append(text, i, length);
    i += length;
  }
  out += '"';
}

struct Writer {
  std::string out;
  std::string where;  // of the value being written, for the error: .sizes[3].bits
  int indent;

  void line_break(int depth) {
    if (indent == 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
  }

  void write(const Json& json, int depth) {
    std::visit([&](const auto& value) { write(value, depth); }, json.value);
  }
  void write(std::nullptr_t, int) { out += "null"; }
  void write(bool value, int) { out += value ? "true" : "false"; }
  void write(std::int64_t value, int) { out += std::to_string(value); }
  void write(std::uint64_t value, int) { out += std::to_string(value); }
  void write(const std::string& value, int) { write_string(out, value); }
  void write(double value, int) {
    if (!std::isfinite(value)) {
      fail("json", where, ": ", value, " is not a number that JSON can hold: leave the member out, or write null");
    }
    out += number_text(value);
  }

  static bool scalar(const Json& json) { return json.value.index() < 6; }

  // An array of scalars stays on one line: lists of numbers are long.
  void write(const JsonArray& items, int depth) {
    bool flat = true;
    for (const Json& item : items) flat = flat && scalar(item);
    const std::size_t where_size = where.size();
    out += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += flat && indent > 0 ? ", " : ",";
      if (!flat) line_break(depth + 1);
      ((where += '[') += std::to_string(i)) += ']';
      write(items[i], depth + 1);
      where.resize(where_size);
    }
    if (!flat) line_break(depth);
    out += ']';
  }

  void write(const JsonObject& members, int depth) {
    const std::size_t where_size = where.size();
    out += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      line_break(depth + 1);
      write_string(out, members[i].name);
      out += indent > 0 ? ": " : ":";
      (where += '.') += members[i].name;
      write(members[i].value, depth + 1);
      where.resize(where_size);
    }
    if (!members.empty()) line_break(depth);
    out += '}';
  }
};

}  // namespace

Json& Json::operator[](std::string_view name) {
  if (std::holds_alternative<std::nullptr_t>(value)) value = JsonObject{};
  JsonObject* members = std::get_if<JsonObject>(&value);
  if (members == nullptr) fail("json: a member \"", name, "\" was asked of a value that is not an object");
  for (JsonMember& member : *members)
    if (member.name == name) return member.value;
  members->push_back({std::string(name), Json()});
  return members->back().value;
}

void Json::push_back(Json item) {
  if (std::holds_alternative<std::nullptr_t>(value)) value = JsonArray{};
  JsonArray* items = std::get_if<JsonArray>(&value);
  if (items == nullptr) fail("json: an item was added to a value that is not an array");
  items->push_back(std::move(item));
}

std::string number_text(double number) {
  if (!std::isfinite(number)) fail("number: ", number, " has no decimal text: only finite numbers are written");
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
}

std::string json_text(const Json& json, int indent) {
  Writer writer{{}, {}, indent};
  writer.write(json, 0);
  return writer.out;
}

}  // namespace quench
