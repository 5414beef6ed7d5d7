#!/usr/bin/env python3
# Wraps text files as C++ constants.
# SPDX-License-Identifier: MIT
"""Wraps text files as a C++ list of names and texts: embed.py OUTPUT VARIABLE FILE ..."""
import pathlib
import sys

out, variable, *inputs = sys.argv[1:]
entries = []
for path in map(pathlib.Path, inputs):
    lines = "".join(f'R"~({line}\n)~"\n' for line in path.read_text(encoding="utf-8").splitlines())
    entries.append(f'{{"{path.name}",\n{lines}}},\n')
pathlib.Path(out).write_text(
    '#include "codegen/embedded.h"\nnamespace quench {\n'
    f"extern const std::vector<EmbeddedFile> {variable};\n"
    f"const std::vector<EmbeddedFile> {variable} = {{\n" + "".join(entries) + "};\n}\n",
    encoding="utf-8")
