#!/usr/bin/env python3
# Tests the quench command from outside: command_test.py QUENCH [PART ...].
# SPDX-License-Identifier: MIT
"""PART is usage, chain, interruption, bad_events, bad_models, bad_places, tables, families, study, search or judgement
(default: all), or one test of a part, such as chain.Chain.test_report. Every test works in a temporary folder of its
own; only the standard library is used, and NumPy and SciPy where a test says so."""
import os, sys, unittest

sys.dont_write_bytecode = True
import harness

PARTS = ['usage', 'chain', 'interruption', 'bad_events', 'bad_models', 'bad_places', 'tables', 'families',
         'study', 'search', 'judgement']


def main():
    if len(sys.argv) < 2:
        sys.exit('usage: command_test.py QUENCH [PART ...]')
    harness.QUENCH = os.path.abspath(sys.argv[1])
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[2:] or PARTS)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == '__main__':
    main()
