#!/usr/bin/env python3
# Runs a recipe and holds its physics, sizes and times against the bars.
# SPDX-License-Identifier: MIT
"""usage: physics.py QUENCH RECIPE [REPORT_JSON]

With REPORT_JSON, the report of an earlier run of the recipe is judged instead of running it again.
"""
import json
import subprocess
import sys
import tempfile
import time

from bar import bar

# Separation powers in 1e-3, means over layers, 20,000 against 20,000 events.
LIMITS = {"total": 5, "layer": 8, "centre": 10, "width": 6, "sparsity": 6, "voxel": 2}


def groups(candidate):
    return {g["group"]: 1e3 * g["mean_separation"] for g in candidate["groups"]}


def judge(report):
    by_name = {c["name"]: c for c in report["candidates"]}
    paired = {p["second"]: p for p in report["paired"]}
    trained = groups(by_name["float model"])
    for group, limit in LIMITS.items():
        bar(f"float-{group}", trained[group], "1e-3", limit)
    bar("float-response", abs(by_name["float model"]["response_difference_percent"]), "%", 0.2)
    for group, value in groups(by_name["quantised only"]).items():
        bar(f"8bit-{group}", value, "1e-3", trained[group] + 0.5)
    bar("8bit-paired-correlation", paired["quantised only"]["log_voxel_correlation"], "", 0.998, at_most=False)
    for group, value in groups(by_name["compressed model"]).items():
        bar(f"compressed-{group}", value, "1e-3", 1.5 * trained[group] + 1)
    bar("compressed-size-ratio", report["sizes"]["ratio"], "times smaller", 8, at_most=False)


def main(quench, recipe, earlier=None):
    if earlier:
        with open(earlier, encoding="utf-8") as file:
            judge(json.load(file))
        return
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        subprocess.run([quench, "run", recipe, "--out", folder], check=True, stdout=subprocess.DEVNULL)
        minutes = (time.monotonic() - start) / 60
        with open(f"{folder}/report.json", encoding="utf-8") as file:
            judge(json.load(file))
        bar("reference-recipe-time", minutes, "min", 25)


main(*sys.argv[1:])
