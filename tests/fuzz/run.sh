#!/bin/sh
# Builds every *_fuzz.cpp here with libFuzzer and the sanitizers, and runs each on its corpus for some seconds.
# SPDX-License-Identifier: MIT
#
# usage: tests/fuzz/run.sh [SECONDS, default 20] [NAME ...]     NAME: recipe for recipe_fuzz.cpp; default: all
# The corpus in tests/fuzz/corpus/NAME is only read; what is found new goes to build-fuzz/corpus/NAME, a crash to
# build-fuzz/crash/NAME-*. MERGE=1 adds the inputs that reach new code, and only those, to the corpus in git.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}
case $seconds in *[!0-9]* | '') echo "tests/fuzz/run.sh: seconds $seconds: want a whole number" >&2 && exit 2 ;; esac
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || for file in tests/fuzz/*_fuzz.cpp; do
  [ ! -e "$file" ] || { name=${file##*/} && set -- "$@" "${name%_fuzz.cpp}"; }
done
[ $# -gt 0 ] || { echo 'tests/fuzz/run.sh: no tests/fuzz/*_fuzz.cpp' >&2 && exit 1; }

build=build-fuzz
mkdir -p "$build/crash"
command -v clang++ >/dev/null 2>&1 || { echo 'clang++ is missing: apt-get install clang' >&2 && exit 1; }
if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
  clang++ -fsanitize=fuzzer,address,undefined -x c++ - -o "$build/probe" 2>"$build/probe.log"; then
  version=$(clang++ -dumpversion | cut -d. -f1)
  head -n 1 "$build/probe.log"
  echo "clang++ has no libFuzzer runtime: apt-get install libclang-rt-$version-dev" >&2
  exit 1
fi

# The engine with coverage and sanitizers, then each fuzzer linked with it.
cover='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer'
if [ ! -f "$build/meson/build.ninja" ]; then
  CXX=clang++ meson setup "$build/meson" --buildtype plain -Dcpp_args="-g -O1 $cover" \
    -Db_sanitize=address,undefined -Db_lundef=false >"$build/setup.log" 2>&1 || { cat "$build/setup.log" && exit 1; }
fi
ninja -C "$build/meson" engine/libquench.a
for name; do
  clang++ -std=c++17 -g -O1 -ffp-contract=off -fno-sanitize-recover=all -fsanitize=fuzzer,address,undefined -I. \
    "tests/fuzz/${name}_fuzz.cpp" "$build/meson/engine/libquench.a" -pthread -o "$build/$name"
done

failed=0
for name; do
  kept=tests/fuzz/corpus/$name
  mkdir -p "$kept" "$build/corpus/$name"
  echo "== $name: $seconds s, $(find "$kept" -type f | wc -l) inputs in $kept"
  status=0
  "$build/$name" -max_total_time="$seconds" -seed=1 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/crash/$name-" "$build/corpus/$name" "$kept" >"$build/$name.log" 2>&1 || status=$?
  if [ "$status" = 0 ]; then
    grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "$build/$name.log"
    [ "${MERGE:-0}" != 1 ] ||
      "$build/$name" -set_cover_merge=1 -use_counters=0 "$kept" "$build/corpus/$name" >"$build/$name.merge.log" 2>&1
  else
    failed=$((failed + 1))
    tail -n 40 "$build/$name.log"
    echo "== $name: FAILED with status $status; the input is in $build/crash/"
  fi
done
echo "$(($# - failed)) passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
