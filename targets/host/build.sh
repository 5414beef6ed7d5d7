#!/bin/sh
# Compiles the model with this machine's compiler into ./model; then `./model SEED FIRST COUNT` prints events.
# SPDX-License-Identifier: MIT-0
set -e
cd "$(dirname "$0")"
${CXX:-g++} -std=c++14 -O2 -Wall -Wextra -Wconversion -Werror -o model ./*.cpp
