#!/usr/bin/env python3
# Builds a generated folder, runs its example events on the machine and compares every integer with the interpreter's.
# SPDX-License-Identifier: MIT
"""usage: check_generated.py EMIT_EXAMPLE PROGRAM TARGET ENCODING EVENTS [--mutations N] [--cxx CXX] [--size TOOL]
[--emulator COMMAND ...]

--mutations N: instead of comparing, changes one number of the constants N times (a weight, bias, multiplier, shift,
table entry or a layer's parameter); every change must make the self-test fail and name the layer it belongs to.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile


def run(command, **options):
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, check=False, **options)


def stop(message):
    sys.exit(f"check_generated: {message}")


class Folder:
    """A generated folder and the way to compile and run it."""

    def __init__(self, options, path):
        self.options, self.path = options, pathlib.Path(path)
        made = run([options.emit, options.program, options.target, options.encoding, options.events, path])
        if made.returncode:
            stop(made.stderr)
        self.name, self.ram_bytes = made.stdout.split()[0], int(made.stdout.split()[1])
        self.source = self.path / f"{self.name}.cpp"
        self.image = "model.elf" if options.emulator else "model"

    def build(self):
        flags = [f"-DCOUNT={self.options.events}"] if self.options.emulator else []
        built = run(["sh", "build.sh", *flags], cwd=self.path, env={**os.environ, "CXX": self.options.cxx})
        if built.returncode:
            stop(f"{self.options.program} for {self.options.target} does not compile:\n{built.stderr}")

    def execute(self, events):
        image = self.path / self.image
        if self.options.emulator:
            return run([*self.options.emulator, image], stdin=subprocess.DEVNULL)
        return run([image, 42, 0, events])


def compare(folder):
    folder.build()
    result = folder.execute(folder.options.events)
    if result.returncode:
        stop(f"exit status {result.returncode}: {result.stdout[-300:]} {result.stderr[-300:]}")
    got, want = result.stdout.splitlines(), (folder.path / "reference.txt").read_text().splitlines()
    if len(got) != len(want):
        stop(f"{len(got)} events, wanted {len(want)}")
    integers = different = 0
    for a, b in zip(got, want):
        left, right = a.split(), b.split()
        integers += len(right)
        different += len(left) != len(right) or sum(x != y for x, y in zip(left, right))
    print(f"{folder.options.program} on {folder.options.target}, {folder.options.encoding}: {different} of {integers} "
          f"integers of {len(want)} events differ")
    if different:
        sys.exit(1)


def check_ram(folder):
    """The RAM that the header prints is the RAM of the object file."""
    obj = folder.path / "model_only.o"
    flags = ["-ffreestanding", "-mcpu=cortex-m4", "-mthumb"] if folder.options.emulator else []
    built = run([folder.options.cxx, "-std=c++14", "-O2", *flags, "-fno-exceptions", "-fno-rtti", "-fno-pic", "-c",
                 folder.source, "-o", obj])
    if built.returncode:
        stop(built.stderr)
    text, data, bss = run([folder.options.size, obj]).stdout.splitlines()[1].split()[:3]
    print(f"RAM printed {folder.ram_bytes}, in the image {int(data) + int(bss)}")
    if int(data) + int(bss) != folder.ram_bytes:
        sys.exit(1)


TABLE = re.compile(r"^const \w+ (\w+)\[\d+\] QUENCH_TABLE = \{$(.*?)^\};$", re.M | re.S)
LAYER = re.compile(r"^const [\w<>*, ]+ (\w+)_layer = (\{.*\});$", re.M)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?=u?\b)")


def places(source):
    """(start, end, layer) of every number in the layers' constants."""
    layers = [m.group(1) for m in LAYER.finditer(source)]
    spans = [(m.start(2), m.end(2), m.group(1)) for m in LAYER.finditer(source)]
    for m in TABLE.finditer(source):
        owner = max((n for n in layers if m.group(1).startswith(n + "_")), key=len, default=None)
        if owner:
            spans.append((m.start(2), m.end(2), owner))
    return [[(n.start(), n.end(), owner) for n in NUMBER.finditer(source, begin, end)] for begin, end, owner in spans]


def mutate(folder, source, spans, number):
    """One change in a copy of the folder; None when it is detected and named, otherwise what went wrong."""
    chance = random.Random(number)
    begin, end, owner = chance.choice(chance.choice(spans))  # every table counts the same, however long
    value = int(source[begin:end])
    changed = value - 1 if value > 0 else value + 1
    with tempfile.TemporaryDirectory() as where:
        shutil.copytree(folder.path, where, dirs_exist_ok=True)
        other = Folder.__new__(Folder)
        other.__dict__.update(folder.__dict__)
        other.path = pathlib.Path(where)
        (other.path / folder.source.name).write_text(source[:begin] + str(changed) + source[end:])
        script = other.path / "build.sh"  # -O0: most of the time goes into the compiler
        script.write_text(script.read_text().replace("-O2", "-O0").replace("-Werror", ""))
        other.build()
        result = other.execute(1)
        text = result.stdout + result.stderr
        if result.returncode == 1 and f"layer {owner} differs" in text:
            return None
        return f"{owner}: {value} -> {changed} at {begin}: exit status {result.returncode}, {text[-200:]}"


def mutations(folder):
    source = folder.source.read_text()
    spans = [s for s in places(source) if s]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        missed = [m for m in pool.map(lambda n: mutate(folder, source, spans, n), range(folder.options.mutations)) if m]
    print(f"{folder.options.mutations - len(missed)} of {folder.options.mutations} mutations detected and named "
          f"({len(spans)} tables, {sum(map(len, spans))} numbers)")
    if missed:
        stop("\n".join(missed))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("emit", "program", "target", "encoding"):
        parser.add_argument(name)
    parser.add_argument("events", type=int)
    parser.add_argument("--mutations", type=int, default=0)
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--size", default="")
    parser.add_argument("--emulator", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as where:
        folder = Folder(options, where)
        if options.mutations:
            mutations(folder)
        else:
            compare(folder)
            if options.size:
                check_ram(folder)


if __name__ == "__main__":
    main()
