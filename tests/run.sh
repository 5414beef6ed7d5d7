#!/bin/sh
# Builds quench and runs every test; installs what is missing on Debian 12; ends with N passed, N failed, N skipped.
# SPDX-License-Identifier: MIT
#
# usage: tests/run.sh [meson test arguments, e.g. --suite ops]
# QUENCH_NO_INSTALL=1 installs nothing: tests of missing machines are skipped. CI=true: no machine may be skipped.
set -eu
cd "$(dirname "$0")/.."
. tests/setup/packages.sh
need_packages "$building_needs $cortex_m4_needs $testing_needs"

build=build-tests
if [ -f "$build/build.ninja" ] && meson setup --reconfigure "$build" >"$build/setup.log" 2>&1; then
  : # looked again for the tools that may have come since
else
  rm -rf "$build"
  mkdir "$build"
  meson setup "$build" --buildtype release --werror >"$build/setup.log" 2>&1 || { cat "$build/setup.log" && exit 1; }
fi
python=python3
[ ! -x /usr/bin/python3 ] || python=/usr/bin/python3
required=
if [ "${CI:-}" = true ]; then
  for suite in host cortex-m4 kernels hls arm64 style; do required="$required --require $suite"; done
fi
if [ $# -gt 0 ]; then # a choice of tests: only what they need is built, and nothing can be said about all suites
  exec "$python" tests/run_tests.py "$build" -- "$@"
fi
ninja -C "$build"
# shellcheck disable=SC2086
exec "$python" tests/run_tests.py "$build" --no-empty $required
