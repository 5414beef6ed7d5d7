# Installs what a script needs: sourced by tests/run.sh and examples/quickstart.sh (POSIX shell).
# SPDX-License-Identifier: MIT

# What to look for, and the Debian package that brings it: a command, a file, a C++ header or a Python module.
building_needs='
  g++ g++
  meson meson
  ninja ninja-build
  python3 python3
'
cortex_m4_needs='
  arm-none-eabi-g++ gcc-arm-none-eabi
  qemu-system-arm qemu-system-arm
'
testing_needs='
  header:doctest/doctest.h doctest-dev
  clang++ clang
  avr-g++ gcc-avr
  /usr/lib/avr/include/avr/pgmspace.h avr-libc
  riscv64-unknown-elf-g++ gcc-riscv64-unknown-elf
  aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
  qemu-aarch64 qemu-user
  python:numpy python3-numpy
'

is_here() {
  case $1 in
    header:*) echo "#include <${1#header:}>" | c++ -x c++ -E - >/dev/null 2>&1 ;;
    python:*) # apt's modules belong to /usr/bin/python3, which need not be the first python3 on PATH
      /usr/bin/python3 -c "import ${1#python:}" 2>/dev/null || python3 -c "import ${1#python:}" 2>/dev/null ;;
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

# missing_packages NEEDS: the packages of what is not here, in one line.
missing_packages() {
  echo "$1" | while read -r sign package; do
    [ -z "$sign" ] || is_here "$sign" || printf ' %s' "$package"
  done
}

# need_packages NEEDS: installs what is missing and says what; where it cannot, names it and ends the script with 1.
# With QUENCH_NO_INSTALL=1 it only says what is missing and goes on.
need_packages() {
  missing=$(missing_packages "$1")
  [ -n "$missing" ] || return 0
  if [ "${QUENCH_NO_INSTALL:-0}" = 1 ]; then
    echo "missing, not installed (QUENCH_NO_INSTALL=1):$missing"
    return 0
  fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$missing (Debian's names), and there is no apt-get here: install them and start again," >&2
    echo "or set QUENCH_NO_INSTALL=1 to go on with what there is" >&2
    exit 1
  fi
  as_root=
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      echo "missing:$missing; this is not root and there is no sudo: as root, apt-get install$missing" >&2
      exit 1
    fi
    as_root=sudo
  fi
  echo "installing:$missing"
  # shellcheck disable=SC2086
  { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || echo "apt-get update failed: going on" >&2; } &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
    echo "apt-get install$missing failed: see above" >&2
    exit 1
  }
  hash -r
  still=$(missing_packages "$1")
  if [ -n "$still" ]; then
    echo "installed, but still not found:$still" >&2
    exit 1
  fi
}
