// Reads the options that several verbs share.
// SPDX-License-Identifier: MIT
#include "targets/command/options.h"

#include <unistd.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/compress/calibrate.h"
#include "engine/core/files.h"
#include "engine/core/parallel_for.h"
#include "engine/core/table.h"
#include "engine/tensor/csv.h"
#include "engine/tensor/npz.h"

namespace quench {
namespace {

double gigaelectronvolts(const std::string& spec, const std::string& part) {
  double value = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error != std::errc{} || end != part.data() + part.size() || !(value > 0 && value <= 1e6))
    fail("--energies ", spec, ": \"", part, "\" is no energy in GeV between 0 and 1e6");
  return value;
}

Tensor energies_of_file(const std::string& path, std::uint64_t first, int count) {
  if (is_csv(path)) fail("--energies ", path, ": is a table, where the incident energies of showers are needed (.npz)");
  const std::string bytes = read_file(path);
  const std::vector<NpzMember> members = parse_npz(Span<const char>(bytes.data(), bytes.size()), path);
  const std::vector<float> all = to_floats(find_array(members, "incident_energies", path));
  if (first > all.size() || static_cast<std::size_t>(count) > all.size() - first)
    fail("--energies ", path, ": holds ", all.size(), " incident energies, events ", first, " .. ",
         first + static_cast<std::uint64_t>(count) - 1,
         " need more; give fewer --events or a range such as log-uniform:1:100");
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  const Tensor chosen{{count, 1}, std::vector<float>(begin, begin + count)};
  for (int i = 0; i < count; ++i)
    if (const float e = *chosen.row(i); !std::isfinite(e) || e <= 0)
      fail("--energies ", path, ": event ", first + static_cast<std::uint64_t>(i), ": incident energy ", e,
           " MeV; it must be finite and greater than 0");
  return chosen;
}

}  // namespace

Option seed_option() { return {"--seed", "N", "1", "seed of all random numbers"}; }
Option threads_option() { return {"--threads", "N", "", "threads to use (default: all); results do not depend on it"}; }
Option json_option() { return {"--json", "", "", "print the result as JSON"}; }

std::uint64_t unsigned_integer(const Arguments& a, const std::string& option) {
  const std::string word = text(a, option);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size())
    throw UsageError(
        a.verb.name + ": " + option + " " + word + ": must be a whole number from 0 to 18446744073709551615",
        usage(a.verb));
  return value;
}

std::uint64_t first_event(const Arguments& a, int count, std::uint64_t last) {
  const std::uint64_t first = unsigned_integer(a, "--first");
  if (first > last || static_cast<std::uint64_t>(count) - 1 > last - first)
    fail("--first ", first, " plus --events ", count, " exceeds the last event number, ", last,
         "; choose smaller ones");
  return first;
}

double machine_memory() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void expect_memory(int count, int voxels, const std::string& verb) {
  // The events, and twice as the bytes of the file: alone, and among the others.
  const double need = 3.0 * 4.0 * count * (voxels + 1.0);
  const double have = machine_memory();
  if (have > 0 && need > have)
    fail(verb, ": ", count, " events of ", voxels, " voxels need ", bytes_text(need), " of memory, this machine has ",
         bytes_text(have), "; make them in parts with --first and --events");
}

std::uint64_t seed(const Arguments& a) { return unsigned_integer(a, "--seed"); }

int threads(const Arguments& a) {
  return given(a, "--threads") ? static_cast<int>(integer(a, "--threads", 1, 1024)) : hardware_threads();
}

Tensor energies(const std::string& spec, std::uint64_t seed, std::uint64_t first, int count) {
  ModelFacts range;
  if (spec.rfind("fixed:", 0) == 0) {
    range.minimum_energy_mev = range.maximum_energy_mev = 1000 * gigaelectronvolts(spec, spec.substr(6));
  } else if (spec.rfind("log-uniform:", 0) == 0) {
    const std::size_t colon = spec.find(':', 12);
    if (colon == std::string::npos) fail("--energies ", spec, ": write log-uniform:LOW:HIGH with both ends in GeV");
    range.minimum_energy_mev = 1000 * gigaelectronvolts(spec, spec.substr(12, colon - 12));
    range.maximum_energy_mev = 1000 * gigaelectronvolts(spec, spec.substr(colon + 1));
    if (range.maximum_energy_mev < range.minimum_energy_mev)
      fail("--energies ", spec, ": the first energy must be the smaller one");
  } else {
    return energies_of_file(spec, first, count);
  }
  return log_uniform_energies(range, seed, first, count);
}

void print(const Json& json) { std::printf("%s\n", json_text(json).c_str()); }

}  // namespace quench
