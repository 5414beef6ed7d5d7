#!/bin/sh
# Compiles the model into ./model.elf for a Cortex-M4; extra arguments go to the compiler (-DSEED=7 -DCOUNT=100).
# SPDX-License-Identifier: MIT-0
#
# Run it with: qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none \
#   -semihosting-config enable=on,target=native -kernel model.elf </dev/null
set -e
cd "$(dirname "$0")"
${CXX:-arm-none-eabi-g++} -std=c++14 -O2 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -ffreestanding -fno-exceptions \
  -fno-rtti -fno-threadsafe-statics -ffunction-sections -fdata-sections -Wall -Wextra -Wconversion -Werror "$@" \
  ./*.cpp -nostartfiles -nostdlib -Wl,--gc-sections -T link.ld -lgcc -o model.elf
