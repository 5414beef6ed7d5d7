#!/usr/bin/env python3
# Cross-compiles for 64-bit Arm, runs the matrix test there, and compares short trainings with those of this machine.
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
    run('ninja', '-C', build, 'tests/test_matmul', 'tests/arm64/same_bytes')
    print(run('qemu-aarch64', build / 'tests' / 'test_matmul', '--no-colors=true'))
    expected, found = run(here), run('qemu-aarch64', build / 'tests' / 'arm64' / 'same_bytes')
    print(f'here:\n{expected}64-bit Arm:\n{found}')
    if not expected or expected != found:
        sys.exit('the bytes differ')


if __name__ == '__main__':
    main()
