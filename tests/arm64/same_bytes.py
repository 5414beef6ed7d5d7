#!/usr/bin/env python3
# Cross-compiles for 64-bit Arm, runs the tests of products and loops there, compares short trainings with those here.
# SPDX-License-Identifier: MIT
"""usage: same_bytes.py SAME_BYTES SOURCE BUILD

SAME_BYTES is the program compiled for this machine; BUILD a folder for the other one, kept for the next time.
"""
import pathlib
import subprocess
import sys


def run(*command):
    """Its standard output; ends the test where the command fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f'{" ".join(map(str, command))}\n{done.stdout}\nended with status {done.returncode}')
    return done.stdout


def main():
    here, source, build = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    if not (build / 'build.ninja').exists():
        run('meson', 'setup', build, source, '--buildtype', 'release',
            '--cross-file', source / 'tests' / 'arm64' / 'cross.ini')
    suites = ['tests/test_matmul', 'tests/test_loops']
    run('ninja', '-C', build, *suites, 'tests/arm64/same_bytes')
    for suite in suites:
        print(run('qemu-aarch64', build / suite, '--no-colors=true'))
    expected, found = run(here), run('qemu-aarch64', build / 'tests' / 'arm64' / 'same_bytes')
    print(f'here:\n{expected}64-bit Arm:\n{found}')
    if not expected or expected != found:
        sys.exit('the bytes differ')


if __name__ == '__main__':
    main()
