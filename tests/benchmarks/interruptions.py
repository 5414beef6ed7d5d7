#!/usr/bin/env python3
# Kills trainings at random times, resumes them, and counts the final files that are those of an uninterrupted run.
# SPDX-License-Identifier: MIT
"""usage: interruptions.py QUENCH [RUNS, default 20]

The families take turns. A run is killed (SIGKILL) up to three times, each at a random moment of what is left of it.
"""
import hashlib
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from bar import bar

COMMON = ["data.events=3000", "data.validation_events=100", "train.batch=64", "train.checkpoint_every=20"]
FAMILIES = {
    "gan": ["train.steps=400"],
    "flow": ["model.family=flow", "model.latent=50", "model.batch_norm=false", "train.steps=150", "distill.steps=100",
             "train.validation_events=200", "train.evaluate_every=30"],
    "vae": ["model.family=vae", "model.latent=8", "train.steps=500"],
}


def command(quench, recipe, family, out, resume):
    line = [quench, "train", recipe, "--out", str(out)]
    for setting in COMMON + FAMILIES[family]:
        line += ["--set", setting]
    return line + (["--resume"] if resume else [])


def files(out):
    return {p.name.partition(".")[2]: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(out.parent.glob(out.name.partition(".")[0] + ".*"))}


def main(quench, runs=20):
    generator = random.Random(1)
    identical = kills = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        recipe = folder / "recipe.toml"
        recipe.write_text('name = "killed"\n')
        whole, seconds = {}, {}
        for family in FAMILIES:
            start = time.monotonic()
            out = folder / f"{family}.onnx"
            subprocess.run(command(quench, recipe, family, out, False), check=True, capture_output=True)
            whole[family], seconds[family] = files(out), time.monotonic() - start
        for run in range(int(runs)):
            family = list(FAMILIES)[run % len(FAMILIES)]
            out = folder / f"run{run}.onnx"
            for attempt in range(4):
                resume = (folder / f"run{run}.onnx.checkpoint").exists()
                process = subprocess.Popen(command(quench, recipe, family, out, resume), stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL)
                try:
                    process.wait(None if attempt == 3 else generator.uniform(0, seconds[family]))
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    kills += 1
            found = files(out)
            identical += found == whole[family]
            if found != whole[family]:
                print(f"run {run} ({family}): {found} instead of {whole[family]}")
    print(f"{runs} runs, killed {kills} times")
    bar("killed-and-resumed", identical, "identical runs", int(runs), at_most=False)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
