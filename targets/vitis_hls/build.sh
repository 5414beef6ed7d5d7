#!/bin/sh
# C simulation without any vendor tool: compiles the kernel with its testbench and runs it; exit code 0 means PASS.
# SPDX-License-Identifier: MIT-0
set -e
cd "$(dirname "$0")"
${CXX:-g++} -std=c++14 -O1 -Wall -Wextra -Wconversion -Werror -Wno-unknown-pragmas "$@" ./*.cpp -o testbench
./testbench
