// A folder of generated HLS code: written, compiled, run.
// SPDX-License-Identifier: MIT
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "codegen/emit.h"

namespace quench {

extern const std::vector<EmbeddedFile> hls_stand_in;  // ap_int.h, mutate.h

const Target hls_target{"vitis-hls", "", Emitter::hls, 0, 0, 0, {}, nullptr};

struct CommandResult {
  int status;
  std::string text;
};

struct GeneratedFolder {
  std::filesystem::path path;

  GeneratedFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "quench-hls-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  GeneratedFolder(const GeneratedFolder&) = delete;
  GeneratedFolder& operator=(const GeneratedFolder&) = delete;
  ~GeneratedFolder() { std::filesystem::remove_all(path); }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path / name, std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const Files& files) const {
    for (const auto& [name, text] : files) write(name, text);
  }
  CommandResult run(const std::string& command) const {
    std::FILE* pipe = popen(("cd '" + path.string() + "' && (" + command + ") 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
    const int status = pclose(pipe);
    return {status < 0 ? -1 : (status >> 8) & 255, text};
  }
  // Warnings are errors, but not those about pragmas of another compiler.
  void compile(const std::string& sources, const std::string& options) const {
    const char* compiler = std::getenv("CXX");
    const CommandResult r = run(std::string(compiler ? compiler : "g++") +
                                " -std=c++14 -O0 -Wall -Wextra -Wpedantic -Wconversion "
                                "-Werror -Wno-unknown-pragmas " +
                                options + " " + sources);
    INFO(r.text);
    REQUIRE(r.status == 0);
  }
  void write_stand_in(const char* file) const {
    for (const EmbeddedFile& f : hls_stand_in)
      if (f.name == file) write(file, std::string(f.text));
  }
};

inline bool starts_with(const std::string& text, const std::string& with) {
  return text.compare(0, with.size(), with) == 0;
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to, bool all = false) {
  std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  for (; at != std::string::npos; at = all ? text.find(from, at + to.size()) : std::string::npos)
    text.replace(at, from.size(), to);
  return text;
}

}  // namespace quench
