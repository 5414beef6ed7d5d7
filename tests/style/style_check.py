#!/usr/bin/env python3
# The style check itself can fail: a clean little tree has no violation, and each planted one is found and named.
# SPDX-License-Identifier: MIT
import pathlib, sys, tempfile

from style import check_tree

HEAD = '// Sums the numbers of one row.\n// SPDX-License-Identifier: MIT\n'
DEVICE = '// Sums the numbers of one row.\n// SPDX-License-Identifier: MIT-0\n'
HASH = '# Files of this small room.\n# SPDX-License-Identifier: MIT\n'
CLEAN = {
    'meson.build': HASH,
    '.ci/run': '#!/bin/sh\n' + HASH,
    'engine/core/meson.build': HASH + "engine_sources += files('sum.cpp')\n",
    'engine/core/sum.h': HEAD + '#pragma once\nstruct Sum {\n',
    'engine/core/sum.cpp': HEAD + '#include "engine/core/sum.h"\n#include <vector>\n',
    'engine/kernels/load.h': DEVICE + '#include <stdint.h>\n#define QUENCH_TABLE\n',
    'engine/kernels/sum.h': DEVICE + '#include "load.h"\n',
    'codegen/shipped.h': DEVICE + '#include "load.h"\n',
    'targets/command/options.h': HEAD + '#include "codegen/emit.h"\n',
    'codegen/emit.h': HEAD + '#include "engine/core/sum.h"\n',
    'targets/small/startup.cpp': DEVICE + '#include "semihost.h"\n',
    'targets/small/meson.build': HASH + "files('startup.cpp', 'target.cpp')\n",
    'targets/small/sum.h': DEVICE,
    'targets/small/build.sh': '#!/bin/sh\n' + HASH.replace('MIT', 'MIT-0'),
    'targets/small/target.cpp': HEAD + '#include "targets/targets.h"\n',
    'tests/sum_test.cpp': HEAD + '#include "targets/small/x.h"\n#define SMALL 1\n',
    'tests/kernels/every_kernel.cpp': HEAD + '#include "sum.h"\n',
    'tests/kernels/meson.build': HASH + "files('every_kernel.cpp')\n",
    'tests/meson.build': HASH + "suites += {'sum': files('sum_test.cpp')}\n",
    'tests/corpus/one.txt': 'TO' 'DO\n',
    'build-mine/x.cpp': 'anything',
    'README.md': 'A picture  \n',
}
# The file that is changed, its new text, a part of the message.
PLANTED = [
    ('notes.txt', 'A note\n', 'may stand at the top'),
    ('engine/core/sum.h', HEAD + '#include "codegen/emit.h"\n', 'engine <- codegen <- targets'),
    ('codegen/emit.h', HEAD + '#include "targets/small/x.h"\n', 'engine <- codegen <- targets'),
    ('engine/core/sum.h', HEAD + '#include "tests/x.h"\n', 'engine <- codegen <- targets'),
    ('engine/core/sum.h', HEAD + '#include "sum.h"\n', 'relative to the root'),
    ('engine/core/sum.h', HEAD + '#include "engine/../codegen/x.h"\n', 'relative to the root'),
    ('engine/kernels/sum.h', DEVICE + '#include <vector>\n', 'only <stdint.h>'),
    ('engine/kernels/sum.h', DEVICE + '#include "engine/kernels/load.h"\n', 'plain name'),
    ('engine/kernels/sum.h', HEAD, 'must be MIT-0'),
    ('engine/kernels/sum.h', DEVICE + 'int x;\n' * 80, 'at most 80'),
    ('engine/core/sum.h', DEVICE, 'must be MIT here'),
    ('engine/kernels/more.h', DEVICE, 'every_kernel.cpp'),
    ('targets/small/startup.cpp', HEAD, 'must be MIT-0'),
    ('targets/small/sum.h', HEAD, 'must be MIT-0'),
    ('targets/command/options.h', DEVICE, 'must be MIT here'),
    ('targets/command/options.h', HEAD + '#define X 1\n', 'macro X'),
    ('targets/small/build.sh', '#!/bin/sh\n# Compiles it all here.\n# And so on.\n', 'no "SPDX'),
    ('targets/small/target.cpp', DEVICE, 'must be MIT here'),
    ('engine/core/sum.h', HEAD.splitlines()[0] + '\n', 'no "SPDX'),
    ('meson.build', '# The files of all.\n', 'no "SPDX'),
    ('.ci/run', '#!/bin/sh\nset -e\n', 'no "SPDX'),
    ('engine/core/sum.h', '#pragma once\n' + HEAD, 'first line must be a comment'),
    ('engine/core/sum.h', HEAD.replace('row.', 'row'), 'end with a full stop'),
    ('engine/core/sum.h', HEAD + 'int x;\n' * 400, 'at most 400'),
    ('tests/sum_test.cpp', HEAD + 'int x;\n' * 600, 'at most 600'),
    ('engine/core/sum.h', HEAD + '// ' + 'x' * 120 + '\n', 'at most 120'),
    ('engine/core/sum.h', HEAD + 'int x; \n', 'ends with spaces'),
    ('engine/core/sum.h', HEAD + '\tint x;\n', 'tab'),
    ('engine/core/sum.h', HEAD + 'int x;', 'no end'),
    ('engine/core/sum.h', HEAD + '// TO' 'DO later\n', 'do it or open an issue'),
    ('README.md', 'see /wo' 'rk/x\n', 'one computer'),
    ('engine/core/sum.h', HEAD + 'const char* p = "/t' 'mp/x";\n', 'one computer'),
    ('engine/core/sum.h', HEAD + '#define X 1\n', 'macro X'),
    ('engine/core/z.h', HEAD + 'template <class T> struct Sum : Base {\n', 'also in engine/core/sum.h'),
    ('engine/core/lost.cpp', HEAD, 'never compiled'),
    ('tests/lost_test.cpp', HEAD, 'never compiled'),
]


def check(changes):
    with tempfile.TemporaryDirectory() as root:
        for name, text in {**CLEAN, **changes}.items():
            path = pathlib.Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check_tree(root)


wrong = [f'clean tree: {problem}' for problem in check({})]
for name, text, message in PLANTED:
    found = check({name: text})
    if not any(problem.startswith(name) and message in problem for problem in found):
        wrong.append(f'{name}: planted "{message}", found {found}')
print('\n'.join(wrong) or f'{len(PLANTED)} planted violations found')
sys.exit(bool(wrong))
