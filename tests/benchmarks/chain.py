#!/usr/bin/env python3
# How long the quickstart's chain takes and how large the binary is.
# SPDX-License-Identifier: MIT
"""usage: chain.py QUENCH RECIPE"""
import os
import subprocess
import sys
import tempfile
import time

from bar import bar


def main(quench, recipe):
    bar("binary-size", os.path.getsize(quench) / 1e6, "MB", 5)
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        subprocess.run([quench, "run", recipe, "--out", folder], check=True, stdout=subprocess.DEVNULL)
        bar("quickstart-chain-time", (time.monotonic() - start) / 60, "min", 3)


main(*sys.argv[1:])
