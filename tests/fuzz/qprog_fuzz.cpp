// libFuzzer entry of the program reader: any text is refused with an Error, or is a program that prints back and runs.
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/model/program.h"
#include "engine/run/run.h"

namespace {

// A changed weight is refused because the stated interval no longer is the proof's: this states the proof's instead,
// so that linear layers with changed numbers come to be run.
std::string with_the_proof(const std::string& text, const std::string& refusal) {
  const char* const begin = std::strstr(refusal.c_str(), "interval is ");
  long long low = 0, high = 0, stated_low = 0, stated_high = 0;
  if (begin == nullptr || std::sscanf(begin, "interval is %lld .. %lld, the program states %lld .. %lld", &low, &high,
                                      &stated_low, &stated_high) != 4)
    return text;
  const auto lines = [](long long a, long long b) {
    return "accumulator_low " + std::to_string(a) + "\n  accumulator_high " + std::to_string(b) + "\n";
  };
  const std::string wrong = lines(stated_low, stated_high);
  std::string changed = text;
  const std::size_t at = changed.find(wrong);
  return at == std::string::npos ? text : changed.replace(at, wrong.size(), lines(low, high));
}

// An accepted program has proven ranges: at the ends of its inputs' ranges nothing overflows or is out of bounds.
void run_at_the_ends(const quench::Program& program) {
  for (const bool high : {false, true}) {
    std::vector<quench::Words> inputs;
    for (const quench::ValueId id : program.inputs) {
      const quench::QValue& value = program.values[index(id)];
      inputs.emplace_back(value.length, static_cast<std::uint32_t>(high ? value.high : value.low));
    }
    quench::run_values(program, inputs);
  }
}

// Many events at once, which may skip the zeros of a layer, are the events one by one.
void run_together(const quench::Program& program) {
  const std::uint32_t energies[] = {1, 4294967295};
  for (const quench::ValueId id : program.inputs)
    if (program.values[index(id)].meaning == quench::Meaning::code) return;  // takes features, not events
  const std::vector<quench::Words> together = quench::run(program, 7, 0, {energies, 2}, 1);
  for (std::size_t event = 0; event < 2; ++event) {
    std::vector<quench::Words> inputs;
    for (const quench::ValueId id : program.inputs) {
      const quench::QValue& value = program.values[index(id)];
      inputs.push_back(value.meaning == quench::Meaning::event ? quench::event_words(7, event)
                                                               : quench::Words(value.length, energies[event]));
    }
    if (quench::run_values(program, inputs)[index(program.output)] != together[event]) std::abort();
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned) {
  size = LLVMFuzzerMutate(data, size, most);
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    quench::read_program(text, "fuzz.qprog");
  } catch (const quench::Error& e) {
    const std::string changed = with_the_proof(text, e.what());
    if (changed.size() > most) return size;
    std::memcpy(data, changed.data(), changed.size());
    return changed.size();
  }
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quench::Program program;
  try {
    program = quench::read_program({reinterpret_cast<const char*>(data), size}, "fuzz.qprog");
  } catch (const quench::Error&) {
    return 0;
  }
  if (!(quench::read_program(quench::program_text(program), "again.qprog") == program)) std::abort();
  std::size_t elements = 0;
  for (const quench::QValue& value : program.values) elements += static_cast<std::size_t>(value.length);
  if (elements > 10000) return 0;  // the fuzzer is to try many small ones
  run_at_the_ends(program);
  run_together(program);
  return 0;
}
