// quench simulate: the built-in shower simulation.
// SPDX-License-Identifier: MIT
#include "engine/physics/simulate.h"

#include <cstdio>
#include <limits>

#include "engine/core/files.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

int simulate_verb(const Arguments& a) {
  const Geometry g = geometry(text(a, "--geometry"));
  Simulation s;
  s.particle = choice(a, "--particle", {"electron", "photon"});
  s.min_energy_gev = number(a, "--minimum-gev", 0.1, 10000);
  s.max_energy_gev = number(a, "--maximum-gev", 0.1, 10000);
  s.seed = seed(a);
  const int count = static_cast<int>(integer(a, "--events", 1, 100000000));
  const std::uint64_t first = first_event(a, count, std::numeric_limits<std::int64_t>::max());
  expect_memory(count, g.voxels(), "simulate");
  expect_writable(text(a, "--out"));
  const Events events = simulate(g, s, static_cast<std::int64_t>(first), count, threads(a));
  save_events(text(a, "--out"), events, &g);
  std::printf("%d showers of %s in %s -> %s (seed %llu)\n", count, s.particle.c_str(), g.name.c_str(),
              text(a, "--out").c_str(), static_cast<unsigned long long>(s.seed));
  return 0;
}

}  // namespace

Command simulate_command() {
  return {{"simulate",
           "Simulates electromagnetic showers (GFlash) and writes them as events.",
           {},
           {{"--geometry", "G", "rings-10x5", "rings-10x5, ds2, grid-ZxYxX or a geometry file"},
            {"--events", "N", "", "how many", true},
            {"--out", "EVENTS.npz", "", "where to write", true},
            {"--particle", "NAME", "electron", "electron or photon"},
            {"--minimum-gev", "E", "1", "lower end of the log-uniform incident energies"},
            {"--maximum-gev", "E", "100", "upper end"},
            {"--first", "K", "0", "make events K .. K+N-1 of the seed"},
            seed_option(),
            threads_option()},
           ""},
          simulate_verb};
}

}  // namespace quench
