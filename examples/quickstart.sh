#!/bin/sh
# From showers to silicon: builds quench, runs the whole chain, and runs what it generated on an emulated Cortex-M4.
# SPDX-License-Identifier: MIT
#
# Installs what is missing on Debian 12 (QUENCH_NO_INSTALL=1: does not). Writes to ./build and ./out/quickstart only.
set -eu
cd "$(dirname "$0")/.."
. tests/setup/packages.sh
need_packages "$building_needs $cortex_m4_needs"

step() { printf '\n== %s\n' "$1"; }
started=$(date +%s)

step 'Building quench'
if [ ! -f build/build.ninja ] || ! meson setup --reconfigure build >build/setup.log 2>&1; then
  rm -rf build
  mkdir build
  meson setup build --buildtype release >build/setup.log 2>&1 || { cat build/setup.log && exit 1; }
fi
ninja -C build targets/quench
built=$(date +%s)

step 'Simulate, train, compress, evaluate, generate'
./build/targets/quench run examples/quickstart.toml --out out/quickstart
chained=$(date +%s)

# The last step: compile what was generated for the Cortex-M4 and run the image.
generated=out/quickstart/generate/cortex-m4
image=$generated/model.elf
if ! command -v arm-none-eabi-g++ >/dev/null 2>&1; then
  step "No arm-none-eabi-g++ here: $generated is not compiled"
else
  step "Compiling $generated"
  (cd "$generated" && sh build.sh)
  if ! command -v qemu-system-arm >/dev/null 2>&1; then
    step "No qemu-system-arm here: $image is not run"
  else
    step "Running $image on an emulated Cortex-M4 (mps2-an386)"
    status=0
    timeout 60 qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none -chardev stdio,id=text \
      -semihosting-config enable=on,target=native,chardev=text -kernel "$image" </dev/null || status=$?
    [ "$status" = 0 ] || { echo "the emulated device ended with status $status" >&2 && exit 1; }
  fi
fi

printf '\n%s s to build, %s s for the chain. The report: out/quickstart/report.html\n' \
  $((built - started)) $((chained - built))
