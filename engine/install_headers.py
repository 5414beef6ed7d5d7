#!/usr/bin/env python3
# Run by `meson install`: copies the headers of the given rooms, with their folders, below the given include folder.
# SPDX-License-Identifier: MIT
import os, pathlib, shutil, sys

include_folder, *rooms = sys.argv[1:]
source = pathlib.Path(__file__).resolve().parent.parent
target = pathlib.Path(os.environ['MESON_INSTALL_DESTDIR_PREFIX']) / include_folder
for room in rooms:
    for header in sorted((source / room).rglob('*.h')):
        # Outside the kernels, MIT-0 marks text that is only shipped with generated code: no part of the library.
        if 'kernels' not in header.parts and 'MIT-0' in header.read_text().partition('#pragma')[0]:
            continue
        copy = target / header.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(header, copy)
