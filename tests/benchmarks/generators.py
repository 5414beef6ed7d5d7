#!/usr/bin/env python3
# Trains the best GAN, the best flow and the flow's student, and holds their showers against the bars.
# SPDX-License-Identifier: MIT
"""usage: generators.py QUENCH EXAMPLES FOLDER [--seed N] [gan | flow ...]

FOLDER keeps models and showers; what it holds is not made again. Separation powers in 1e-3, means over layers, in the
bins of CaloChallenge, of 20,000 showers against 20,000 that nothing was trained or validated on, of other energies. At
that size most of a separation is its floor, and a sample of the truth itself may miss a bar; so the same is said of
200,000 against 200,000, where what exceeds the floor counts: at most the bar without the floor that it was set with.
"""
import json
import pathlib
import subprocess
import sys
import time

from bar import bar

GROUPS = ["total", "layer", "centre", "width", "sparsity", "voxel"]
FLOOR = [0.32, 0.86, 1.04, 1.41, 0.09, 0.03]  # of the samples that the bars were set with
SIZES = {"small": 20000, "large": 200000}
# what trains it, and its minutes; then of each model in it: the end of its file's name, separations, response in %
KINDS = {
    "gan": ("lossless.toml", 25, {"gan": ("", [2, 5, 6, 4, 3, 1], 0.1)}),
    "flow": ("flow.toml", 40, {"flow": (".flow", [0.9, 2.5, 2.5, 1.8, 1.0, 0.5], 0.03),
                               "student": ("", [0.8, 3.0, 3.0, 2.0, 1.3, 0.6], None)}),
}


class Bench:
    def __init__(self, quench, examples, folder, seed):
        self.quench, self.examples = quench, pathlib.Path(examples)
        self.folder, self.seed = pathlib.Path(folder), seed
        self.folder.mkdir(parents=True, exist_ok=True)
        for i, (size, events) in enumerate(SIZES.items()):
            for k, name in enumerate(("reference", "second")):
                first = 4000000 + 1000000 * (2 * i + k)  # no example trains or validates there
                self.make(f"{name}-{size}.npz", "simulate", "--events", events, "--first", first)

    def path(self, name):
        return str(self.folder / name)

    def run(self, *words):
        words = [self.quench, *words, "--seed", self.seed]
        return subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout

    def make(self, name, *words):
        if not (self.folder / name).exists():
            self.run(*words, "--out", self.path(name))

    # Minutes, kept beside the model.
    def train(self, kind, example):
        kept = self.folder / f"{kind}-{self.seed}.minutes"
        if not kept.exists():
            start = time.monotonic()
            self.run("train", self.examples / example, "--out", self.path(f"{kind}-{self.seed}.onnx"))
            kept.write_text(str((time.monotonic() - start) / 60))
        return float(kept.read_text())

    def compared(self, candidate, size):
        return json.loads(self.run("evaluate", "--geometry", "rings-10x5", "--reference",
                                   self.path(f"reference-{size}.npz"), "--candidate", candidate, "--binning",
                                   "challenge", "--classifier-seeds", 0, "--json"))["comparisons"][0]

    def judged(self, model, size):
        showers = f"{model}-{size}.npz"
        self.make(showers, "sample", self.path(f"{model}.onnx"), "--events", SIZES[size], "--energies",
                  self.path(f"second-{size}.npz"))
        return self.compared(self.path(showers), size)


def numbers(comparison, which):
    return [1e3 * comparison["groups"][g][which] for g in GROUPS]


def line(name, values):
    print(f"{name:>34}  " + "  ".join(f"{v:6.3f}" for v in values), flush=True)


def main(quench, examples, folder, kinds, seed):
    bench = Bench(quench, examples, folder, seed)
    truth = bench.compared(bench.path("second-small.npz"), "small")
    print(f"seed {seed}; {', '.join(GROUPS)}")
    line("20,000 v 20,000, truth", numbers(truth, "mean_separation"))
    line("floor", numbers(truth, "mean_floor"))
    for kind in kinds:
        example, most_minutes, models = KINDS[kind]
        bar(f"{kind}-time", bench.train(kind, example), "min", most_minutes)
        for name, (end, limits, response) in models.items():
            small, large = (bench.judged(f"{kind}-{seed}{end}", size) for size in SIZES)
            found = numbers(small, "mean_separation")
            excess = [s - f for s, f in zip(numbers(large, "mean_separation"), numbers(large, "mean_floor"))]
            line(f"{name}, 20,000 v 20,000", found)
            line("200,000 v 200,000, above the floor", excess)
            for i, group in enumerate(GROUPS):
                bar(f"{name}-{group}", found[i], "1e-3", limits[i])
                bar(f"{name}-{group}-excess", excess[i], "1e-3", limits[i] - FLOOR[i])
            if response:
                bar(f"{name}-response", abs(large["response_difference_percent"]), "%", response)


if __name__ == "__main__":
    words, number = sys.argv[1:], "1"
    if "--seed" in words:
        at = words.index("--seed")
        number = words[at + 1]
        del words[at:at + 2]
    if len(words) < 3 or any(kind not in KINDS for kind in words[3:]):
        sys.exit(__doc__)
    main(*words[:3], words[3:] or list(KINDS), number)
