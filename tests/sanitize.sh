#!/bin/sh
# The suites that run on this computer, under the address and undefined-behaviour sanitizers.
# SPDX-License-Identifier: MIT
#
# usage: tests/sanitize.sh [meson test arguments, e.g. --suite ops]
set -eu
cd "$(dirname "$0")/.."
. tests/setup/packages.sh
need_packages "$building_needs header:doctest/doctest.h doctest-dev"

build=build-sanitize
if [ ! -f "$build/build.ninja" ]; then
  rm -rf "$build"
  meson setup "$build" -Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined -Db_pch=false \
    -Dcpp_args=-fno-sanitize-recover=all
fi
# Images for other machines and the tests of scripts are not built with the sanitizers.
if [ $# -eq 0 ]; then
  for suite in arm64 cortex-m4 kernels style setup subproject; do set -- "$@" --no-suite "$suite"; done
fi
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3
UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 \
  exec "$python" tests/run_tests.py "$build" -- --timeout-multiplier 10 "$@"
