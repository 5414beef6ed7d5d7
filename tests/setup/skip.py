#!/usr/bin/env python3
# A test that cannot run on this computer: says why and exits with 77, which Meson counts as skipped.
# SPDX-License-Identifier: MIT
import sys

print('skipped:', ' '.join(sys.argv[1:]))
sys.exit(77)
