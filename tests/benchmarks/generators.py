#!/usr/bin/env python3
# Trains the best GAN, the best flow and the flow's student, and holds their showers against the bars.
# SPDX-License-Identifier: MIT
"""usage: generators.py QUENCH EXAMPLES FOLDER [--seed N] [gan | flow ...]

FOLDER keeps models and showers; what it holds is not made again. Separation powers in 1e-3, means over layers, in the
bins of CaloChallenge, of 20,000 showers against 20,000 that nothing was trained or validated on, of other energies. At
that size most of a separation is its floor, and a sample of the truth itself may miss a bar; so the same is said of
200,000 against 200,000, where what exceeds the floor counts: at most the bar without the floor that it was set with.
"""
import time

from bar import bar
from showers import GROUPS, Showers, arguments, separations

FLOOR = [0.32, 0.86, 1.04, 1.41, 0.09, 0.03]  # of the samples that the bars were set with
SIZES = {"small": 20000, "large": 200000}
# what trains it, and its minutes; then of each model in it: the end of its file's name, separations, response in %
KINDS = {
    "gan": ("lossless.toml", 25, {"gan": ("", [2, 5, 6, 4, 3, 1], 0.1)}),
    "flow": ("flow.toml", 40, {"flow": (".flow", [0.9, 2.5, 2.5, 1.8, 1.0, 0.5], 0.03),
                               "student": ("", [0.8, 3.0, 3.0, 2.0, 1.3, 0.6], None)}),
}


class Bench(Showers):
    def __init__(self, *places, seed):
        super().__init__(*places, seed)
        first = 4000000
        for size, events in SIZES.items():
            for name in ("reference", "second"):
                self.simulate(f"{name}-{size}", first, events)
                first += 1000000

    # Minutes, kept beside the model.
    def train(self, kind, example):
        kept = self.folder / f"{kind}-{self.seed}.minutes"
        if not kept.exists():
            start = time.monotonic()
            self.make(f"{kind}-{self.seed}.onnx", "train", self.examples / example)
            kept.write_text(str((time.monotonic() - start) / 60))
        return float(kept.read_text())

    def compared(self, candidate, size):
        return self.judge(f"reference-{size}", [candidate], "--classifier-seeds", 0)["comparisons"][0]

    def judged(self, model, size):
        showers = f"{model}-{size}"
        self.sample(showers, self.path(f"{model}.onnx"), f"second-{size}", SIZES[size])
        return self.compared(showers, size)


def line(name, values):
    print(f"{name:>34}  " + "  ".join(f"{v:6.3f}" for v in values), flush=True)


def main(places, kinds, seed="1"):
    bench = Bench(*places, seed=seed)
    truth = bench.compared("second-small", "small")
    print(f"seed {seed}; {', '.join(GROUPS)}")
    line("20,000 v 20,000, truth", separations(truth))
    line("floor", separations(truth, "mean_floor"))
    for kind in kinds:
        example, most_minutes, models = KINDS[kind]
        bar(f"{kind}-time", bench.train(kind, example), "min", most_minutes)
        for name, (end, limits, response) in models.items():
            small, large = (bench.judged(f"{kind}-{seed}{end}", size) for size in SIZES)
            found = separations(small)
            excess = [s - f for s, f in zip(separations(large), separations(large, "mean_floor"))]
            line(f"{name}, 20,000 v 20,000", found)
            line("200,000 v 200,000, above the floor", excess)
            for i, group in enumerate(GROUPS):
                bar(f"{name}-{group}", found[i], "1e-3", limits[i])
                bar(f"{name}-{group}-excess", excess[i], "1e-3", limits[i] - FLOOR[i])
            if response:
                bar(f"{name}-response", abs(large["response_difference_percent"]), "%", response)


if __name__ == "__main__":
    PLACES, CHOSEN, OPTIONS = arguments(__doc__, KINDS, ["seed"])
    main(PLACES, CHOSEN, **OPTIONS)
