#!/usr/bin/env python3
# A file compiled for AVX-512 leaves the linker nothing that others share: an older machine would crash in it.
# SPDX-License-Identifier: MIT
"""usage: forms_check.py NM LIBRARY ..."""
import re
import subprocess
import sys

OWN = re.compile(r'quench::detail::matmul_\w+\(quench::detail::MatmulBlock const&\)')

nm, *libraries = sys.argv[1:]
wrong = []
for library in libraries:
    lines = subprocess.check_output([nm, '-C', '--extern-only', '--defined-only', library], text=True).splitlines()
    names = [line.split(' ', 2)[2] for line in lines if re.match(r'[0-9a-f]+ \w ', line)]
    if len(names) != 1 or not OWN.fullmatch(names[0]):
        wrong.append(f'{library} defines {", ".join(names) or "nothing"}: only its matmul_... may be seen outside')
print('\n'.join(wrong) or f'{len(libraries)} libraries, each with one function')
sys.exit(bool(wrong) or not libraries)
