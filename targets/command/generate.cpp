// quench generate: emits the source of a program for a target.
// SPDX-License-Identifier: MIT
#include "codegen/emit.h"

#include <cstdio>

#include "engine/core/files.h"
#include "targets/command/generate.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {

void write_files(const Files& files, const std::string& folder) {
  make_folder(folder);
  for (const auto& [path, contents] : files) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos) make_folder(folder + "/" + path.substr(0, slash));
    write_file(folder + "/" + path, contents);
  }
}

namespace {

int generate_verb(const Arguments& a) {
  const std::string path = a.positionals[0];
  const Program p = read_program(read_file(path), path);
  const Target target = find_target(text(a, "--target"));
  const Encoding encoding = encoding_from(text(a, "--encoding"));
  const Files files = emit(p, target, encoding);
  write_files(files, text(a, "--out"));
  const Plan layout = plan(p, target, encoding);
  std::printf("%s for %s -> %s: %zu files, %lld bytes of constants, %lld bytes of RAM\n", p.name.c_str(), target.name,
              text(a, "--out").c_str(), files.size(), static_cast<long long>(layout.constant_bytes),
              static_cast<long long>(layout.ram_bytes));
  return 0;
}

}  // namespace

Command generate_command() {
  return {{"generate",
           "Writes a program as self-contained C++ for a target.",
           {{"PROGRAM", "a .qprog file"}},
           {{"--target", "T", "", "a name that `quench targets` lists, or a board file", true},
            {"--out", "DIR", "", "folder to write", true},
            {"--encoding", "E", "smallest", "of the weights: smallest, dense, csr, delta-csr, bitmap or blocks"}},
           ""},
          generate_verb};
}

}  // namespace quench
