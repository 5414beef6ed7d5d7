#!/usr/bin/env python3
# Runs `meson test` in a build folder and ends with one line: N passed, N failed, N skipped.
# SPDX-License-Identifier: MIT
"""usage: run_tests.py BUILD [--no-empty] [--require SUITE ...] [-- meson test arguments]

A test that printed a doctest summary counts by its cases, any other as one. A crash, a timeout, a build failure and an
empty run count as failed. --no-empty: so does every suite without a single case, and every test file that is in no
executable. --require: so does a suite that is not there or of which a test was skipped. Exit status 0 only when nothing
failed.
"""
import argparse, json, os, pathlib, re, subprocess, sys

DOCTEST = re.compile(r'\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed'
                     r'(?:\s*\|\s*(\d+) skipped)?')
COLOUR = re.compile(r'\x1b\[[0-9;]*m')


def count(test):
    """(passed, failed, skipped) of one entry of testlog.json."""
    result = test['result']
    if result == 'SKIP':
        return 0, 0, 1
    if result == 'EXPECTEDFAIL':
        return 1, 0, 0
    summary = DOCTEST.search(COLOUR.sub('', (test.get('stdout') or '') + (test.get('stderr') or '')))
    if not summary:
        return (1, 0, 0) if result == 'OK' else (0, 1, 0)
    passed, failed, skipped = (int(n or 0) for n in summary.groups())
    if result != 'OK' and not failed:
        failed = 1  # failed outside of any case: a crash, a sanitizer's report, a timeout
    return passed, failed, skipped


def suites_of(test):
    """'quench:host+slow / name' belongs to the suites host and slow."""
    head = test['name'].split(' / ')[0]
    return [suite for suite in head.split(':')[-1].split('+') if suite]


def lost_files(build):
    """Test files that no executable is built from, e.g. because a second suite took the name of the first."""
    tests = pathlib.Path(__file__).resolve().parent
    targets = json.loads(subprocess.check_output(['meson', 'introspect', build, '--targets']))
    built = {os.path.realpath(file) for target in targets for group in target['target_sources']
             for file in group.get('sources', [])}
    return sorted(str(path.relative_to(tests.parent)) for path in tests.rglob('*_test.cpp') if str(path) not in built)


def judge(entries, required, no_empty):
    """(totals, complaints) of the entries of testlog.json."""
    total, suites, complaints = [0, 0, 0], {}, []
    for test in entries:
        numbers = count(test)
        total = [a + b for a, b in zip(total, numbers)]
        for suite in suites_of(test):
            suites[suite] = [a + b for a, b in zip(suites.get(suite, [0, 0, 0]), numbers)]
    if no_empty:
        empty = [suite for suite, numbers in suites.items() if numbers == [0, 0, 0]]
        complaints += [f'suite {suite} is empty' for suite in empty]
    for suite in required:
        passed, _, skipped = suites.get(suite, (0, 0, 0))
        if skipped:
            complaints.append(f'suite {suite} is required and {skipped} of its tests were skipped')
        elif not passed:
            complaints.append(f'suite {suite} is required and nothing of it passed')
    return total, complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    parser.add_argument('--no-empty', action='store_true')
    parser.add_argument('--require', action='append', default=[], metavar='SUITE')
    words = sys.argv[1:]
    border = words.index('--') if '--' in words else len(words)
    options = parser.parse_args(words[:border])
    log = os.path.join(options.build, 'meson-logs', 'testlog.json')
    if os.path.exists(log):
        os.unlink(log)
    status = subprocess.call(['meson', 'test', '-C', options.build, '--print-errorlogs', *words[border + 1:]])
    entries = []
    if os.path.exists(log):
        with open(log, encoding='utf-8') as lines:
            entries = [json.loads(line) for line in lines]
    total, complaints = judge(entries, options.require, options.no_empty)
    if options.no_empty and os.path.exists(log):
        complaints += [f'{path} is in no executable' for path in lost_files(options.build)]
    passed, failed, skipped = total
    if status and not failed:
        complaints.append(f'meson test ended with status {status}')
    elif not passed and not failed:
        complaints.append('no test passed')
    for test in entries:
        if test['result'] == 'SKIP':
            print('skipped:', test['name'], '-', (test.get('stdout') or '').strip().removeprefix('skipped: '))
    for complaint in complaints:
        print('failed:', complaint)
    print(f'{passed} passed, {failed + len(complaints)} failed, {skipped} skipped', flush=True)
    return 1 if failed or complaints else 0


if __name__ == '__main__':
    sys.exit(main())
