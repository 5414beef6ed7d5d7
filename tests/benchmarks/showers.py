# What benchmarks of physics share: a folder that keeps showers and models, and how they are judged.
# SPDX-License-Identifier: MIT
import json
import pathlib
import subprocess
import sys

GROUPS = ["total", "layer", "centre", "width", "sparsity", "voxel"]


class Showers:
    def __init__(self, quench, examples, folder, seed):
        self.quench, self.examples, self.folder = quench, pathlib.Path(examples), pathlib.Path(folder)
        self.seed = str(seed)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, name):
        return str(self.folder / name)

    def run(self, *words):
        return subprocess.run([self.quench, *map(str, words)], check=True, capture_output=True, text=True).stdout

    # What the folder holds is not made again.
    def make(self, name, *words, seed=None):
        if not (self.folder / name).exists():
            self.run(*words, "--seed", seed or self.seed, "--out", self.path(name))

    # No example trains or validates on what comes behind event 4,000,000.
    def simulate(self, name, first, count):
        self.make(f"{name}.npz", "simulate", "--events", count, "--first", first)

    # As many showers as `energies` has, of its energies.
    def sample(self, name, model, energies, count, seed=None):
        self.make(f"{name}.npz", "sample", model, "--events", count, "--energies", self.path(f"{energies}.npz"),
                  seed=seed)

    # candidates: samples of one model, whose means are judged; words: options of evaluate beside these
    def judge(self, reference, candidates, *words):
        given = [w for c in candidates for w in ("--candidate", self.path(f"{c}.npz"))]
        return json.loads(self.run("evaluate", "--geometry", "rings-10x5", "--binning", "challenge", "--reference",
                                   self.path(f"{reference}.npz"), *given, "--seed", self.seed, "--json", *words))


# Of every group, in 1e-3; which: mean_separation or mean_floor
def separations(comparison, which="mean_separation"):
    return [1e3 * comparison["groups"][g][which] for g in GROUPS]


# QUENCH EXAMPLES FOLDER [--OPTION VALUE ...] [CHOICE ...]: the three, the choices (none: all of them), the options.
def arguments(usage, choices, options):
    words, given = sys.argv[1:], {}
    for option in options:
        if f"--{option}" in words:
            at = words.index(f"--{option}")
            given[option] = words[at + 1]
            del words[at:at + 2]
    if len(words) < 3 or any(word not in choices for word in words[3:]):
        sys.exit(f"{usage}\nchoices: {', '.join(choices)}")
    return words[:3], words[3:] or list(choices), given
