// quench sample: events from a model or a program.
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <limits>
#include <optional>

#include "engine/core/files.h"
#include "targets/command/models.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

std::string default_energies(const Generator& g) {
  const double low = std::visit(
      [](const auto& m) {
        if constexpr (std::is_same_v<std::decay_t<decltype(m)>, Model>)
          return m.facts.minimum_energy_mev;
        else
          return m.minimum_energy_mev;
      },
      g);
  const double high = std::visit(
      [](const auto& m) {
        if constexpr (std::is_same_v<std::decay_t<decltype(m)>, Model>)
          return m.facts.maximum_energy_mev;
        else
          return m.maximum_energy_mev;
      },
      g);
  if (!(low > 0 && high >= low))
    fail(
        "the model does not say for which incident energies it was trained; give --energies, such as "
        "log-uniform:1:100");
  return "log-uniform:" + number_text(low / 1000) + ":" + number_text(high / 1000);
}

std::string geometry_name(const Generator& g) {
  const Model* m = std::get_if<Model>(&g);
  return m ? m->facts.geometry : std::get<Program>(g).geometry;
}

int output_length(const Generator& g) {
  if (const Model* m = std::get_if<Model>(&g)) return m->values[index(m->outputs.at(0))].width;
  const Program& p = std::get<Program>(g);
  return p.values[index(p.output)].length;
}

int sample_verb(const Arguments& a) {
  const Generator g = load_generator(a.positionals[0]);
  const int count = static_cast<int>(integer(a, "--events", 1, 100000000));
  const std::uint64_t first = first_event(a, count, std::numeric_limits<std::uint64_t>::max());
  expect_memory(count, output_length(g), "sample");
  expect_writable(text(a, "--out"));
  const std::string spec = given(a, "--energies") ? text(a, "--energies") : default_energies(g);
  const Tensor e = energies(spec, seed(a), first, count);
  const Events events = std::holds_alternative<Model>(g)
                            ? sample(std::get<Model>(g), seed(a), first, e,
                                     static_cast<int>(integer(a, "--latent-bits", 2, 16)), threads(a))
                            : sample(std::get<Program>(g), seed(a), first, e, threads(a));
  const std::optional<Geometry> known = built_in_geometry(geometry_name(g));
  save_events(text(a, "--out"), events, known ? &*known : nullptr);
  std::printf("events %llu .. %llu of seed %llu -> %s\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + static_cast<std::uint64_t>(count) - 1),
              static_cast<unsigned long long>(seed(a)), text(a, "--out").c_str());
  return 0;
}

}  // namespace

Command sample_command() {
  return {{"sample",
           "Makes events of a seed with a model (.onnx) or a program (.qprog).",
           {{"MODEL_OR_PROGRAM", "a .onnx or .qprog file"}},
           {{"--events", "N", "", "how many", true},
            {"--out", "EVENTS.npz", "", "where to write", true},
            {"--first", "K", "0", "make events K .. K+N-1 of the seed"},
            {"--energies", "SPEC", "",
             "log-uniform:LOW:HIGH or fixed:E in GeV, or an event file (default: the model's own range)"},
            {"--latent-bits", "N", "8", "latent codes of a float model; a program has its own"},
            seed_option(),
            threads_option()},
           ""},
          sample_verb};
}

}  // namespace quench
