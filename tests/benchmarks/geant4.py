#!/usr/bin/env python3
# Compresses a generator of real Geant4 showers in several ways, and judges each beside its float model.
# SPDX-License-Identifier: MIT
"""usage: geant4.py QUENCH EXAMPLES FOLDER [--seed N] [ROW ...]

QUENCH_TEST_DATA names the folder that holds geant4-nai-2gev/showers.npy [events, 12, 9, 9] and incident_energy.npy,
MeV, which the project does not ship. The last quarter is the reference; the others train the generator of
EXAMPLES/geant4.toml, but for those it validates on. FOLDER keeps what was made. Printed: separations in 1e-3 and
Wasserstein distances, means over the features of each group, with their floors. A few hundred showers make those large;
with fewer than 200 no class is told.
"""
import json
import os
import pathlib
import sys

import numpy
from showers import GROUPS, Showers, arguments

DATA = "QUENCH_TEST_DATA"
DISTANCES = ("mean_separation", "mean_wasserstein")
FLOORS = ("mean_floor", "mean_wasserstein_floor")
GENERATED = 2000
THRESHOLD = 0.1  # MeV, as in the recipe
UNTUNED = {"sparsity": 0, "tune_steps": 0, "rounding": "adaround", "weight_range": "mse", "bias_correction": True}
TUNED = {"tune_batch": 128, "tune_steps": 1000, "quantized_tune_steps": 1000}
ROWS = {
    "quantised-8bit": {**UNTUNED, "bits": 8},
    "quantised-4bit": {**UNTUNED, "bits": 4},
    "quantised-4bit-tuned": {**TUNED, "sparsity": 0, "bits": 4},
    "pruned-80": {**TUNED, "bits": 8, "prune": "obc", "sparsity": 0.8},
    "pruned-90": {**TUNED, "bits": 8, "prune": "obc", "sparsity": 0.9},
}


class Bench(Showers):
    def __init__(self, quench, examples, folder, seed):
        super().__init__(quench, examples, folder, seed)
        source = pathlib.Path(os.environ[DATA]) / "geant4-nai-2gev"
        events = numpy.load(source / "showers.npy")
        energies = numpy.load(source / "incident_energy.npy").astype(numpy.float32)
        events = events.reshape(len(events), -1).astype(numpy.float32)
        events[events < THRESHOLD] = 0
        first = len(events) * 3 // 4
        chosen = numpy.arange(GENERATED) % first
        self.save("training", events[:first], energies[:first])
        self.save("reference", events[first:], energies[first:])
        self.save("energies", events[chosen], energies[chosen])
        self.make("model.onnx", "train", self.examples / "geant4.toml", "--set",
                  f"data.source={self.path('training.npz')}")
        self.sample("float", self.path("model.onnx"), "energies", GENERATED)

    def save(self, name, showers, energies):
        numpy.savez(self.path(f"{name}.npz"), showers=showers, incident_energies=energies)

    def compared(self, row, *words):
        judged = json.loads(self.run("evaluate", "--geometry", "grid-12x9x9", "--reference", self.path("reference.npz"),
                                     "--candidate", self.path(f"{row}.npz"), "--json", "--seed", self.seed, *words))
        return judged["comparisons"][-1]

    def result(self, row):
        recipe = self.folder / f"{row}.toml"
        recipe.write_text("\n".join(["[compress]", *(f"{k} = {json.dumps(v)}" for k, v in ROWS[row].items()), ""]))
        self.make(f"{row}.qprog", "compress", self.path("model.onnx"), "--recipe", recipe)
        self.sample(row, self.path(f"{row}.qprog"), "energies", GENERATED)
        return self.compared(row)


def show(name, comparison, measure=DISTANCES):
    groups = [comparison["groups"][g] for g in GROUPS]
    words = [f"{1e3 * g[measure[0]]:6.0f} {g[measure[1]]:8.3g}" for g in groups]
    print(f"{name:>21}  " + "  ".join(words), flush=True)


def main(quench, examples, folder, rows, seed=1):
    if DATA not in os.environ:
        print(f"skipped: {DATA} does not name the folder of geant4-nai-2gev")
        sys.exit(77)
    bench = Bench(quench, examples, folder, seed)
    plain, truth = bench.compared("float"), bench.compared("training")
    units = ", ".join(f"{g} {plain['groups'][g]['unit']}".strip() for g in GROUPS)
    sizes = f"{plain['candidate_events']} v {plain['reference_events']}"
    print(f"seed {seed}, {sizes} showers; S in 1e-3 and W1 of {units}")
    for name, comparison in (("float", plain), (f"{truth['candidate_events']} true ones", truth)):
        show(name, comparison)
        show("floor", comparison, FLOORS)
    for row in rows:
        show(row, bench.result(row))


if __name__ == "__main__":
    PLACES, CHOSEN, OPTIONS = arguments(__doc__, ROWS, ["seed"])
    main(*PLACES, CHOSEN, **OPTIONS)
