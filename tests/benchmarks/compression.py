#!/usr/bin/env python3
# Compresses a generator in the ways that have bars, judges each by its showers, and prints table and bars.
# SPDX-License-Identifier: MIT
"""usage: compression.py QUENCH EXAMPLES FOLDER [--model MODEL.onnx] [--seed N] [ROW ...]

FOLDER keeps showers, programs and results; what it holds of a row is not made again. Without --model the generator of
EXAMPLES/rings.toml is trained, with a skip, on more showers and for longer. Rows: see ROWS; default: all. Means of 5
samples of 20,000 showers are judged against 20,000 of the same incident energies. One sample would not do: two of one
float model that differ in their noise are not lossless beside each other. Nor would energies of their own: the luck of
20,000 moves the mean sparsity of the last layers by .012, so that models that err in that direction seemed the better
ones. Separations and distances in 1e-3; the smallest of classes is 0 lossless, 1 light, 2 aggressive.
"""
import json
import re
import shutil
import time

from bar import bar
from showers import GROUPS, Showers, arguments, separations

CLASSES = ["lossless", "light", "aggressive"]
DENSE_BITS = 32 * (100 * 256 + 256 + 256 * 512 + 512 + 512 * 50 + 50)  # of the generator 100-256-512-50
UNTUNED = {"tune_steps": 0}
# What everything is compared with, by examples/rings.toml.
FLOAT = ["data.events=1000000", "train.steps=60000", "model.skip=true"]
CRITIC = {"tune_batch": 256, "tune_learning_rate": 3e-4, "alpha": 0.02, "restandardise": True}
EIGHT = {"bits": 8, "sparsity": 0, "rounding": "adaround", "weight_range": "mse", "bias_correction": True,
         "table_tolerance": 0.005}
FLASH = 65536
NOISES = 5
THREE = {**UNTUNED, "bits": 3, "sparsity": 0}
PRUNED = {**CRITIC, "alpha": 0.002, "occupancy": "layers", "bits": 8, "prune": "obc", "tune_steps": 4000,
          "quantized_tune_steps": 60000, "table_tolerance": 0.005}
# Small layers keep more. 80 %: between the two best of three, by separations and AUC after 6,000 steps in integers
# (seed 1; the third, about (inputs + outputs) / (inputs * outputs) as in sparse networks from scratch, Mocanu et al.
# 2018, had 10 % larger separations). 90 %: near the best of 20, by FPD before tuning in integers (seed 3).
PRUNED_80 = "hidden1=0.5,hidden2=0.9,numbers=0.71,skip=0.25"
PRUNED_90 = "hidden1=0.68,hidden2=0.9625,numbers=0.89,skip=0.45"

# A flow of its own, by examples/flow.toml, whose couplings' networks rows called flow-... compress.
FLOW = ["distill.steps=0", "data.events=1000000", "flow.couplings=8", "flow.hidden=[128,128]", "train.steps=30000",
        "train.evaluate_every=3000"]
STEPS = {"tune_steps": 4000, "quantized_tune_steps": 4000}

# name: what [compress] says, the name of an example that is run, what a recipe sets for a generator of its own, or what
# a search is asked for; the worst class; the most minutes
ROWS = {
    "quantised-8bit": ({**UNTUNED, **EIGHT}, 0, None),
    "quantised-4bit": ({**UNTUNED, **CRITIC, "bits": 4, "sparsity": 0, "quantized_tune_steps": 14000}, 1, 5),
    "pruned-80": ({**PRUNED, "sparsity": 0.8, "layer_sparsity": PRUNED_80}, 0, None),
    "pruned-90": ({**PRUNED, "sparsity": 0.9, "layer_sparsity": PRUNED_90}, 1, None),
    "lossless": ("lossless.toml", 0, 15),
    "smallest": ("smallest.toml", None, 15),
    "nearest-3bit": (THREE, None, None),
    "adaround-3bit": ({**THREE, "rounding": "adaround", "weight_range": "mse"}, None, None),
    "gptq-3bit": ({**THREE, "rounding": "gptq", "weight_range": "mse"}, None, None),
    "magnitude-90": ({**UNTUNED, "bits": 8, "sparsity": 0.9}, None, None),
    "obc-90": ({**UNTUNED, "bits": 8, "sparsity": 0.9, "prune": "obc"}, None, None),
    "flow-6bit": ({"bits": 6, "sparsity": 0.5, "tune_steps": 6000, "rounding": "adaround"}, 1, None),
    "by-hand-64KB": ({**STEPS, "bits": 8, "sparsity": 0.82}, None, None),
    "search-64KB": (("--target", "cortex-m4", "--flash", FLASH), None, None),
    "student-alone": (["train.steps=20000"], None, None),
    "student-taught": (["distill.steps=20000", "distill.teacher={model}"], None, None),
}
STUDENT = ["model.hidden=[128,256]", "data.events=300000"]  # 100-128-256-50
RATIOS = {"lossless": 25, "smallest": 40}  # at least so many times smaller
# second order: at most half of the excess of the first over the float model
SOLVERS = [("nearest-3bit", "gptq-3bit"), ("nearest-3bit", "adaround-3bit"), ("magnitude-90", "obc-90")]


class Bench(Showers):
    def __init__(self, quench, examples, folder, model, seed):
        super().__init__(quench, examples, folder, seed)
        self.model = model
        if not model:
            self.model = self.path("model.onnx")
            self.train("model.onnx", "rings.toml", FLOAT)
        for name, first, count in [("training", 0, 1000000), ("reference", 4000000, 20000)]:
            self.simulate(name, first, count)

    def train(self, name, example, settings):
        words = [w for s in settings for w in ("--set", s)]
        self.make(name, "train", self.examples / example, *words)

    # The float model that a row compresses, and what its showers are called. A run of an example has one of its own.
    def float_model(self, row):
        if row.startswith("flow-"):
            self.train("flow.onnx", "flow.toml", FLOW)
            return self.path("flow.onnx"), "float-flow"
        if isinstance(ROWS[row][0], str):
            return self.path(f"{row}/model.onnx"), f"float-{row}"
        return self.model, "float"

    # Of NOISES different seeds; the first is the program's own. Their names.
    def samples(self, name, what):
        names = [f"{name}-{k}" for k in range(NOISES)]
        for k, sample in enumerate(names):
            self.sample(sample, what, "reference", 20000, seed=int(self.seed) + 1000 * k)
        return names

    # A float model compressed as [compress] says; what a search finds; a whole run of an example, which trains a
    # generator of its own; or a student, rounded to 8 bits.
    def compress(self, row, settings):
        if isinstance(settings, list):
            self.train(f"{row}.onnx", "rings.toml", [s.format(model=self.model) for s in STUDENT + settings])
            self.run("compress", self.path(f"{row}.onnx"), "--sparsity", 0, "--tune-steps", 0, "--out",
                     self.path(f"{row}.qprog"))
            return
        if isinstance(settings, tuple):
            words = [w for k, v in STEPS.items() for w in ("--set", f"compress.{k}={v}")]
            self.run("search", self.examples / "rings.toml", "--model", self.model, *settings, "--seed", self.seed,
                     *words, "--set", "data.events=20000", "--out", self.folder / row)
            shutil.copy(self.folder / row / "program.qprog", self.folder / f"{row}.qprog")
            return
        if isinstance(settings, str):
            run = self.folder / row
            self.run("run", self.examples / settings, "--seed", self.seed, "--out", run)
            shutil.copy(run / "program.qprog", self.folder / f"{row}.qprog")
            return
        recipe = self.folder / f"{row}.toml"
        lines = [f"{k} = {json.dumps(v)}" for k, v in settings.items()]
        recipe.write_text("\n".join(["[model]", "critic_occupancy = true", "[compress]", *lines, ""]))
        self.run("compress", self.float_model(row)[0], "--data", self.path("training.npz"), "--recipe", recipe,
                 "--seed", self.seed, "--out", self.path(f"{row}.qprog"))

    def result(self, row):
        kept = self.folder / f"{row}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        start = time.monotonic()
        self.compress(row, ROWS[row][0])
        minutes = (time.monotonic() - start) / 60
        model, name = self.float_model(row)
        before = [w for s in self.samples(name, model) for w in ("--baseline", self.path(f"{s}.npz"))]
        judged = self.judge("reference", self.samples(row, self.path(f"{row}.qprog")), *before)
        judged["minutes"] = minutes
        inspected = json.loads(self.run("inspect", self.path(f"{row}.qprog"), "--json"))
        judged["ratio"] = DENSE_BITS / inspected["stored_bits"]
        generated = self.folder / f"{row}-cortex-m4"
        shutil.rmtree(generated, ignore_errors=True)
        self.run("generate", self.path(f"{row}.qprog"), "--target", "cortex-m4", "--out", generated)
        judged["constants"] = constants(generated)
        kept.write_text(json.dumps(judged))
        return judged


# Bytes of the constants that the generated folder says it has; the search's limit holds the code, too.
def constants(generated):
    text = " ".join(p.read_text() for p in generated.glob("*.h"))
    return int(re.search(r"constant_bytes = (\d+)", text).group(1))


def line(name, comparison):
    judged = comparison["judgement"]
    words = [f"{name:>16}"] + [f"{s:6.2f}" for s in separations(comparison)]
    for key, scale, form in (("fpd", 1e3, "{:7.2f}+-{:.2f}"), ("kpd", 1e3, "{:7.3f}+-{:.3f}")):
        words.append(form.format(scale * judged[key]["value"], scale * judged[key]["error"]))
    for key in ("classifier_voxels", "classifier_features"):
        words.append(f"{judged[key]['auc']:.4f}+-{judged[key]['error']:.4f}")
    return "  ".join(words)


def excess(result):
    before, after = result["comparisons"][0], result["comparisons"][1]
    return sum(max(0, a - b) for a, b in zip(separations(after), separations(before)))


def fpd(result):
    return result["comparisons"][1]["judgement"]["fpd"]["value"]


# How far a classifier gets from chance.
def edge(classifier):
    return lambda result: abs(result["comparisons"][1]["judgement"][classifier]["auc"] - 0.5)


def mean_separation(result):
    return sum(separations(result["comparisons"][1])) / len(GROUPS)


def main(quench, examples, folder, rows, model=None, seed=1):
    bench = Bench(quench, examples, folder, model, seed)
    results, floats = {}, set()
    for row in rows:
        _, worst, most_minutes = ROWS[row]
        found = results[row] = bench.result(row)
        if len(results) == 1:
            print(f"seed {seed}, {NOISES} x 20,000 v 20,000 showers, a classifier each")
            print(f"{' '.join(GROUPS)}, FPD, KPD, AUC from voxels and from features")
        name = bench.float_model(row)[1]
        if name not in floats:
            floats.add(name)
            print(line(name, found["comparisons"][0]))
        if len(results) == 1:
            floors = separations(found["comparisons"][0], "mean_floor")
            print(f"{'floor':>16}  " + "  ".join(f"{s:6.2f}" for s in floors))
        print(line(row, found["comparisons"][1]) + f"  {found['ratio']:.1f} times smaller, {found['minutes']:.1f} min")
        print(f"{'':>16}  {found['quality']['reasons']}", flush=True)
        if worst is not None:
            bar(f"{row}-class", CLASSES.index(found["quality"]["class"]), "(0 lossless, 1 light, 2 aggressive)", worst)
        if most_minutes:
            bar(f"{row}-time", found["minutes"], "min", most_minutes)
        if row in RATIOS:
            bar(f"{row}-ratio", found["ratio"], "times smaller", RATIOS[row], at_most=False)
    for plain, solver in SOLVERS:
        if plain in results and solver in results:
            bar(f"{solver}-excess", excess(results[solver]) / excess(results[plain]), f"of {plain}'s excess", 0.5)
    if "by-hand-64KB" in results and "search-64KB" in results:
        by_hand, searched = results["by-hand-64KB"], results["search-64KB"]
        bar("search-constants", searched["constants"], "bytes", FLASH)
        for name, of in (("separation", mean_separation), ("fpd", fpd), ("auc-voxels", edge("classifier_voxels")),
                         ("auc-features", edge("classifier_features"))):
            bar(f"search-{name}", of(searched) / of(by_hand), f"of that by hand in {by_hand['constants']} bytes", 1)
    if "student-alone" in results and "student-taught" in results:
        alone, taught = (results[f"student-{r}"]["comparisons"][1]["judgement"] for r in ("alone", "taught"))
        for name, value in (("fpd", "value"), ("classifier_features", "auc"), ("classifier_voxels", "auc")):
            error = (alone[name]["error"] ** 2 + taught[name]["error"] ** 2) ** 0.5
            better = (alone[name][value] - taught[name][value]) / error
            bar(f"student-taught-{name}", better, "errors better", 2, at_most=False)


if __name__ == "__main__":
    PLACES, CHOSEN, OPTIONS = arguments(__doc__, ROWS, ["model", "seed"])
    main(*PLACES, CHOSEN, **OPTIONS)
