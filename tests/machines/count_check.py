#!/usr/bin/env python3
# Counts the image of startup_check.cpp (arguments IMAGE PLUGIN EMULATOR...) twice, against what its source says.
# SPDX-License-Identifier: MIT
import sys

from count_instructions import count

image, plugin, *emulator = sys.argv[1:]
first, second = (count(image, emulator, plugin) for _ in range(2))
if first != second:
    sys.exit(f'counts differ between two runs: {first} {second}')
# Region 0 is empty but for a return, a call and what the compiler puts between; region 1 has besides: a call, 100 nops,
# a return.
empty, nops = first['regions']
if nops - empty != 102 or not 2 <= empty <= 8:
    sys.exit(f'regions {first["regions"]}, wanted 102 instructions more in the second, at least 2 in the first')
functions = first['functions']
if functions.get('hundred_nops') != 101 or functions.get('bench_begin') != 2 or sum(functions.values()) != empty + nops:
    sys.exit(f'functions {functions}, wanted 101 of hundred_nops, 2 of bench_begin, {empty + nops} in all')
if first['instructions'] != empty + nops or first['status'] != 0 or first['program'] < 10000:
    sys.exit(f'{first}: wanted {empty + nops} instructions, exit status 0, a program of more than 10000 instructions')
