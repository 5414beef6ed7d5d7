#!/usr/bin/env python3
# Exact instruction counts of generated code on the emulated Cortex-M4, and how far the plan's cost model is from them.
# SPDX-License-Identifier: MIT
"""usage: instructions.py EMIT_EXAMPLE COUNT_INSTRUCTIONS ICOUNT_PLUGIN"""
import os
import re
import subprocess
import sys
import tempfile

from bar import bar

EVENTS = 4


def measure(emit_example, counter, plugin, program, encoding):
    """(instructions per event, multiplications, the cost model's instructions)."""
    with tempfile.TemporaryDirectory() as folder:
        emit = [emit_example, program, "cortex-m4", encoding, "1", folder]
        made = subprocess.run(emit, check=True, capture_output=True, text=True)
        subprocess.run(["sh", "build.sh", f"-DCOUNT={EVENTS}"], cwd=folder, check=True)
        count = [sys.executable, counter, os.path.join(folder, "model.elf"), "--plugin", plugin]
        counted = subprocess.run(count, check=True, capture_output=True, text=True).stdout
        total = int(re.match(r"(\d+) instructions", counted).group(1))
        _, _, multiplications, model = made.stdout.split()
        return total / EVENTS, int(multiplications), int(model)


def main(emit_example, counter, plugin):
    worst = 0
    for program, encoding in (("generator:0", "dense"), ("generator:0:4", "dense"), ("generator:0:6", "dense"),
                              ("generator:0.5", "bitmap"), ("generator:0.8", "bitmap"), ("generator:0.8:4", "bitmap"),
                              ("generator:0.8:3", "bitmap"), ("generator:0.9:2", "bitmap"), ("generator:0.8", "csr"),
                              ("generator:0.95", "csr"), ("generator:0.9:5", "csr"), ("generator:0.95", "delta-csr"),
                              ("generator:0.9:4", "delta-csr"), ("generator:0.95:3", "delta-csr"),
                              ("generator:0.8", "blocks"), ("generator:0.95:4", "blocks"),
                              ("generator:0.9:3", "blocks")):
        count, multiplications, model = measure(emit_example, counter, plugin, program, encoding)
        worst = max(worst, abs(model / count - 1))
        print(f"{program} {encoding}: {count:.0f} instructions per event, cost model {model}")
        if (program, encoding) == ("generator:0", "dense"):
            bar("cortex-m4-dense-8bit", count / multiplications, "instructions/MAC", 4.0)
    bar("cortex-m4-cost-model-error", 100 * worst, "%", 10)


main(*sys.argv[1:])
