// libFuzzer entry of the program reader: any text is refused with an Error, or is a program that prints back and runs.
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/model/program.h"
#include "engine/run/run.h"

namespace {

// An accepted program has proven ranges: at the ends of its inputs' ranges nothing overflows or is out of bounds.
void run_at_the_ends(const quench::Program& program) {
  std::size_t elements = 0;
  for (const quench::QValue& value : program.values) elements += static_cast<std::size_t>(value.length);
  if (elements > 10000) return;  // the fuzzer is to try many small ones
  for (const bool high : {false, true}) {
    std::vector<quench::Words> inputs;
    for (const quench::ValueId id : program.inputs) {
      const quench::QValue& value = program.values[index(id)];
      inputs.emplace_back(value.length, static_cast<std::uint32_t>(high ? value.high : value.low));
    }
    quench::run_values(program, inputs);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quench::Program program;
  try {
    program = quench::read_program({reinterpret_cast<const char*>(data), size}, "fuzz.qprog");
  } catch (const quench::Error&) {
    return 0;
  }
  if (!(quench::read_program(quench::program_text(program), "again.qprog") == program)) std::abort();
  run_at_the_ends(program);
  return 0;
}
