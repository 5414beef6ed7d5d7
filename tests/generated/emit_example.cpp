// Writes a random program's generated folder, the program, and the reference output of its example events.
// SPDX-License-Identifier: MIT
//
// usage: emit_example PROGRAM TARGET ENCODING EVENTS FOLDER; PROGRAM: a number (random program), generator:SPARSITY,
// generator:SPARSITY:BITS, wide:SPARSITY:BITS (5000 columns) or a .qprog
#include <cstdio>
#include <cstdlib>
#include <string>

#include "codegen/emit.h"
#include "engine/core/error.h"
#include "engine/core/files.h"
#include "targets/targets.h"
#include "tests/engine/run/random_program.h"

using namespace quench;

namespace {

Program make(const std::string& what) {
  const std::size_t first = what.find(':'), second = what.rfind(':');
  if (first != std::string::npos) {
    const double sparsity = std::atof(what.c_str() + first + 1);
    const int bits = second > first ? std::atoi(what.c_str() + second + 1) : 8;
    if (what.rfind("wide", 0) == 0) return random_generator(1, 10, {5000}, 20, sparsity, bits);
    return random_generator(1, 100, {256, 512}, 50, sparsity, bits);
  }
  if (what.size() > 6 && what.substr(what.size() - 6) == ".qprog") return read_program(read_file(what), what);
  return random_program(std::strtoull(what.c_str(), nullptr, 10));
}

std::string reference(const Program& p, int events) {
  std::string text;
  const bool codes = p.values[index(p.output)].meaning == Meaning::code;
  for (int i = 0; i < events; ++i) {
    const Words out = run_values(p, example_inputs(p, 42, static_cast<std::uint64_t>(i)))[index(p.output)];
    for (std::size_t k = 0; k < out.size(); ++k)
      text += (k ? " " : "") + (codes ? std::to_string(static_cast<std::int32_t>(out[k])) : std::to_string(out[k]));
    text += "\n";
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 6) fail("usage: emit_example PROGRAM TARGET ENCODING EVENTS FOLDER");
    const std::string folder = argv[5];
    const Program p = make(argv[1]);
    make_folder(folder);
    for (const auto& [path, text] : emit(p, find_target(argv[2]), encoding_from(argv[3]))) {
      const std::size_t slash = path.rfind('/');
      if (slash != std::string::npos) make_folder(folder + "/" + path.substr(0, slash));
      write_file(folder + "/" + path, text);
    }
    write_file(folder + "/program.qprog", program_text(p));
    write_file(folder + "/reference.txt", reference(p, std::atoi(argv[4])));
    const Plan layout = plan(p, find_target(argv[2]), encoding_from(argv[3]));
    std::printf("%s %lld %lld %lld\n", p.name.c_str(), static_cast<long long>(layout.ram_bytes),
                static_cast<long long>(layout.multiplications), static_cast<long long>(layout.instructions));
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "emit_example: %s\n", e.what());
    return 1;
  }
}
