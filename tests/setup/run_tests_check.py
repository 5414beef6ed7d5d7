#!/usr/bin/env python3
# The counting of run_tests.py on logs worked by hand: every way to fail is counted as a failure.
# SPDX-License-Identifier: MIT
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from run_tests import judge


def entry(name, result, stdout=''):
    return {'name': f'quench:{name}', 'result': result, 'stdout': stdout}


def doctest(cases, passed, failed, skipped):
    return f'[doctest] test cases: {cases:3} | {passed:3} passed | {failed} failed | {skipped} skipped\n[doctest] ...\n'


CASES = [  # entries, required suites, wanted totals, wanted number of complaints
    ([entry('a / x', 'OK')], [], [1, 0, 0], 0),
    ([entry('a / x', 'OK', doctest(7, 7, 0, 0))], ['a'], [7, 0, 0], 0),
    ([entry('a / x', 'OK', doctest(7, 5, 0, 2))], [], [5, 0, 2], 0),
    ([entry('a / x', 'FAIL', doctest(7, 5, 2, 0))], [], [5, 2, 0], 0),
    ([entry('a / x', 'FAIL', doctest(7, 7, 0, 0))], [], [7, 1, 0], 0),  # a leak found at the end
    ([entry('a / x', 'FAIL', '\x1b[0;32m' + doctest(7, 6, 1, 0))], [], [6, 1, 0], 0),
    ([entry('a / x', 'TIMEOUT')], [], [0, 1, 0], 0),
    ([entry('a / x', 'ERROR')], [], [0, 1, 0], 0),
    ([entry('a / x', 'UNEXPECTEDPASS')], [], [0, 1, 0], 0),
    ([entry('a / x', 'EXPECTEDFAIL')], [], [1, 0, 0], 0),
    ([entry('a / x', 'SKIP', 'skipped: no x')], [], [0, 0, 1], 0),
    ([entry('a / x', 'SKIP'), entry('a / y', 'OK')], ['a'], [1, 0, 1], 1),
    ([entry('a / x', 'OK')], ['b'], [1, 0, 0], 1),
    ([entry('a / x', 'OK', doctest(0, 0, 0, 0)), entry('b / y', 'OK')], [], [1, 0, 0], 1),
    ([entry('a+b / x', 'OK'), entry('b / y', 'SKIP')], ['a'], [1, 0, 1], 0),
]

wrong = []
for entries, required, totals, complaints in CASES:
    found = judge(entries, required, True)
    if found[0] != totals or len(found[1]) != complaints:
        wrong.append(f'{entries}: {found}, wanted {totals} and {complaints} complaints')
print('\n'.join(wrong) or f'{len(CASES)} logs counted')
sys.exit(bool(wrong))
