// Plans: equal tables are stored once, the parts add up to the whole, and emitted code holds what is counted.
// SPDX-License-Identifier: MIT
#include "codegen/plan.h"

#include <doctest/doctest.h>

#include <regex>

#include "codegen/emit.h"
#include "engine/core/error.h"
#include "tests/engine/run/random_program.h"

using namespace quench;

namespace {

const Target anywhere = {"anywhere", "a machine without limits", Emitter::embedded, 0, 0, 0, {}, nullptr};

const DeviceField& table_of(const Plan& plan, const Program& p, const std::string& node) {
  for (std::size_t i = 0; i < p.nodes.size(); ++i)
    if (p.nodes[i].name == node) return plan.layers[i].fields.back().members.back();
  FAIL("no node ", node);
  return plan.layers[0].fields[0];
}

// Bits of all tables that a generated source declares for its layers; those of the self-test come behind them.
std::int64_t declared_bits(const std::string& source) {
  const std::regex table("const u?int(8|16|32)_t \\w+\\[(\\d+)\\] QUENCH_TABLE");
  const std::string layers = source.substr(0, source.find("constants_expected"));
  std::int64_t bits = 0;
  for (std::sregex_iterator t(layers.begin(), layers.end(), table), end; t != end; ++t)
    bits += std::stoll((*t)[1]) * std::stoll((*t)[2]);
  return bits;
}

}  // namespace

TEST_CASE("two splits with one logistic table store it once") {
  const Program p = random_program(1);
  const Plan layout = plan(p, anywhere, Encoding::smallest);
  const DeviceField &first = table_of(layout, p, "layer_energy"), &second = table_of(layout, p, "parts");
  REQUIRE(first.values == second.values);
  CHECK(first.shared.empty());
  CHECK(second.shared == "layer_energy_table_value");
  std::int64_t apart = 0, shared = 0;
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    apart += stored_bits(encode(p.nodes[i].op, Encoding::smallest));
    shared += stored_bits(layout.layers[i]);
  }
  CHECK(shared == layout.stored_bits);
  CHECK(apart - shared >= 32 * static_cast<std::int64_t>(second.values.size()));
}

TEST_CASE("stored bits are those of the tables and numbers in the generated code") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed)
    for (Encoding encoding : {Encoding::smallest, Encoding::dense, Encoding::csr, Encoding::delta_csr, Encoding::bitmap,
                              Encoding::blocks}) {
      const Program p = random_program(seed);
      const Plan layout = plan(p, anywhere, encoding);
      const StoredBits& s = layout.parts;
      const std::int64_t tables = s.weights + s.indices + s.biases + s.multipliers + s.tables;
      CHECK(tables + s.numbers == layout.stored_bits);
      CHECK(declared_bits(emit(p, anywhere, encoding).at(p.name + ".cpp")) == tables);
    }
}

TEST_CASE("a target that is too small: by how much, and which layer takes most") {
  const Program p = random_program(2);
  Target small = anywhere;
  const Plan layout = plan(p, small, Encoding::smallest);
  const auto refusal = [&] {
    try {
      plan(p, small, Encoding::smallest);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  std::size_t largest = 0;
  for (std::size_t i = 0; i < p.nodes.size(); ++i)
    if (stored_bits(layout.layers[i]) > stored_bits(layout.layers[largest])) largest = i;
  const auto takes = [](const std::string& layer, std::int64_t bytes) {
    return "7 too few; layer " + layer + " alone takes " + std::to_string(bytes);
  };
  small.flash_bytes = layout.flash_bytes;
  CHECK(refusal().empty());
  small.flash_bytes -= 7;
  CHECK(refusal().find(takes(p.nodes[largest].name, (stored_bits(layout.layers[largest]) + 7) / 8)) !=
        std::string::npos);

  small.flash_bytes = 0, small.ram_bytes = layout.ram_bytes;
  CHECK(refusal().empty());
  small.ram_bytes -= 7;
  const LayerBytes peak = ram_peak(p, layout);
  CHECK(refusal().find(takes(peak.layer, peak.bytes)) != std::string::npos);
  CHECK(peak.bytes <= layout.ram_bytes);
  CHECK(peak.bytes > layout.ram_bytes / 2);  // little is lost to the places of buffers
}
