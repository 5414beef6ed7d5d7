// Indented text output. Each call is one line; a Block owns its closing brace.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

namespace quench {

class Writer {
 public:
  template <class... Parts>
  void line(const Parts&... parts) {
    if (sizeof...(parts) > 0) out_ << std::string(2 * depth_, ' ');
    ((out_ << parts), ...);
    out_ << '\n';
  }

  class Block {
   public:
    Block(Writer& w, const char* close) : w_(w), close_(close) { ++w_.depth_; }
    ~Block() {
      --w_.depth_;
      w_.line(close_);
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

   private:
    Writer& w_;
    const char* close_;
  };

  template <class... Parts>
  [[nodiscard]] Block block(const Parts&... head) {
    line(head..., " {");
    return {*this, "}"};
  }
  template <class... Parts>
  [[nodiscard]] Block initialiser(const Parts&... head) {
    line(head..., " = {");
    return {*this, "};"};
  }

  // `head` = { numbers }; with the suffix behind every number ("u" for unsigned types).
  void table(const std::string& head, const std::vector<std::int64_t>& values, const char* suffix = "") {
    auto body = initialiser(head);
    std::ostringstream row;
    for (std::size_t i = 0; i < values.size(); ++i) {
      row << values[i] << suffix << (i + 1 == values.size() ? "" : ",");
      const bool full = row.tellp() > 100;
      if (full || i + 1 == values.size()) {
        line(row.str());
        row.str("");
      } else {
        row << ' ';
      }
    }
  }

  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  std::size_t depth_ = 0;
};

}  // namespace quench
