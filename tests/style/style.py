#!/usr/bin/env python3
# The house rules that a program can check, over the whole tree: style.py ROOT prints every violation and exits with 1.
# SPDX-License-Identifier: MIT
import fnmatch, os, pathlib, re, sys

TOP = {'meson.build', 'README.md', 'LICENSE', '.ci', '.clang-format', '.gitignore', 'engine', 'codegen', 'targets',
       'tests', 'examples'}
NOT_OURS_AT_THE_TOP = ['.git', 'build*', 'out', 'subprojects', '.cache', '.vscode', '.idea']
NOT_OURS = ['__pycache__', '*.swp', '*.pyc']
DATA = {'corpus', 'golden', 'data'}  # folders whose files are what they are
MAY_INCLUDE = {'engine': ['engine'], 'codegen': ['engine', 'codegen'], 'targets': ['engine', 'codegen', 'targets']}
COMMENT = {'.h': '//', '.cpp': '//', '.c': '//', '.S': '//', '.ld': '/*', '.py': '#', '.sh': '#', '.toml': '#',
           '.ini': '#', '.build': '#', '.tcl': '#'}
TEXT = set(COMMENT) | {'.md', '.txt', '.html', '.css', '.js', '.svg', ''}
FORBIDDEN_WORD = re.compile(r'\b(TO' r'DO|FIX' r'ME|X' r'XX)\b')
FOREIGN_PATH = re.compile(r'(?<![\w.~}-])/(work|t' r'mp|home|root)/')
SPDX = re.compile(r'SPDX-License-Identifier: ([\w.-]+)')
TYPE = re.compile(r'^(?:template <.*> )?(?:struct|class|enum class) (\w+)[^;()]*\{', re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def tree(root):
    """Relative paths (posix) of all our files, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        here = pathlib.PurePosixPath(os.path.relpath(folder, root))
        skipped = NOT_OURS + (NOT_OURS_AT_THE_TOP if not here.parts else [])
        ours = [name for name in folders + names if not any(fnmatch.fnmatch(name, pattern) for pattern in skipped)]
        folders[:] = [name for name in folders if name in ours]
        found += [here / name for name in names if name in ours]
    return sorted(found)


def is_script(text):
    return text.startswith('#!')


def named_licence(text):
    named = SPDX.search('\n'.join(text.splitlines()[:3]))
    return named.group(1) if named else None


def is_device_file(path, texts):
    """Shipped into generated folders: kernels; what a machine's folder holds beside its data and its build; and files
    of codegen/ that say so themselves."""
    if path.name in ('meson.build', 'target.cpp'):
        return False
    if path.parts[0] == 'codegen':
        return named_licence(texts[path]) == 'MIT-0'
    machine = path.parts[0] == 'targets' and path.parent / 'target.cpp' in texts
    return machine or path.parts[:2] == ('engine', 'kernels')


def length_limit(path, device):
    if path.parts[:2] == ('engine', 'kernels'):
        return 80
    return 600 if path.parts[0] == 'tests' or 'emit' in path.name else 400


def check_head(path, text, device):
    """The first comment is a sentence, the second names the licence; a script has its interpreter before them."""
    lines = text.splitlines()
    head = lines[1:] if is_script(text) else lines
    mark = COMMENT.get(path.suffix, '#')
    first = head[0] if head else ''
    sentence = first[len(mark):].strip().removesuffix('*/').strip()
    if not first.startswith(mark) or len(sentence.split()) < 3:
        yield 'the first line must be a comment that says what the file is'
    elif path.name != 'meson.build' and not sentence.endswith('.'):
        yield 'the first line must be one sentence and end with a full stop'
    named = named_licence(text)
    wanted = 'MIT-0' if device else 'MIT'
    if not named:
        yield f'no "SPDX-License-Identifier: {wanted}" in the first three lines'
    elif named != wanted:
        yield f'the licence is {named}, must be {wanted} here'


def check_includes(path, text, device):
    room = path.parts[0]
    for quote, included in INCLUDE.findall(text):
        top = included.split('/')[0]
        if path.parts[:2] == ('engine', 'kernels'):
            if quote == '<' and included not in ('stdint.h', 'avr/pgmspace.h'):
                yield f'a kernel must not include <{included}>: only <stdint.h> and other kernels'
            if quote == '"' and '/' in included:
                yield f'a kernel includes its siblings by plain name, not "{included}"'
            continue
        if quote == '<' or device or path.parts[:2] == ('tests', 'kernels'):
            continue
        if top not in ('engine', 'codegen', 'targets', 'tests', 'examples') or '..' in included:
            yield f'"{included}" must be relative to the root, e.g. "engine/tensor/tensor.h"'
        elif room in MAY_INCLUDE and top not in MAY_INCLUDE[room]:
            yield f'{room}/ must not include "{included}": engine <- codegen <- targets'


def check_text(path, text, device):  # a device file may have macros: load.h, a main set by -D
    if text and not text.endswith('\n'):
        yield 'the last line has no end'
    for number, line in enumerate(text.splitlines(), 1):
        if path.suffix in COMMENT and len(line) > 120:
            yield f'line {number} has {len(line)} columns, at most 120'
        if path.suffix != '.md' and line != line.rstrip():
            yield f'line {number} ends with spaces'
        if path.suffix in COMMENT and '\t' in line:
            yield f'line {number} has a tab'
        word = FORBIDDEN_WORD.search(line)
        if word:
            yield f'line {number} says {word.group(1)}: do it or open an issue'
        if FOREIGN_PATH.search(line):
            yield f'line {number} names a path of one computer: {line.strip()}'
    count = text.count('\n')
    limit = length_limit(path, device)
    if path.suffix in COMMENT and count > limit:
        yield f'{count} lines, at most {limit}: split where the subject splits'
    if path.parts[0] in MAY_INCLUDE and path.suffix in ('.h', '.cpp') and not device:
        for macro in re.findall(r'^\s*#\s*define\s+(\w+)', text, re.M):
            yield f'defines the macro {macro}: none outside tests'


def check_is_built(path, texts):
    """Every source file stands in a meson.build of its folder or of a folder above."""
    elsewhere = [('tests', 'fuzz'), ('tests', 'subproject')]
    if path.suffix != '.cpp' or path.parts[0] == 'examples' or path.parts[:2] in elsewhere:
        return
    for folder in path.parents:
        if re.search(rf"['/]{re.escape(path.name)}'", texts.get(folder / 'meson.build', '')):
            return
    yield 'is in no meson.build: it is never compiled'


def check_is_tried(path, texts):
    """Every kernel is used by the file that is compiled for every machine."""
    use = texts.get(pathlib.PurePosixPath('tests/kernels/every_kernel.cpp'), '')
    if path.parts[:2] == ('engine', 'kernels') and path.suffix == '.h' and f'#include "{path.name}"' not in use:
        if path.name not in ('load.h', 'requantize.h'):  # come with every other
            yield 'is not used in tests/kernels/every_kernel.cpp'


def check_type_names(texts):
    """One namespace: a type stands in one header, or two files that never meet in a compiler meet in the linker."""
    first = {}
    for path, text in sorted(texts.items()):
        if path.suffix == '.h' and path.parts[0] in MAY_INCLUDE and (
                path.parts[:2] == ('engine', 'kernels') or not is_device_file(path, texts)):
            for name in TYPE.findall(text):
                if first.setdefault(name, path) != path:
                    yield f'{path}: the type {name} is also in {first[name]}: rename one'


def check_tree(root):
    """All violations, each 'path: what is wrong'."""
    paths = tree(root)
    problems = [f'{name}: only {", ".join(sorted(TOP))} may stand at the top'
                for name in sorted({path.parts[0] for path in paths} - TOP)]
    texts = {}
    for path in paths:
        if path.suffix not in TEXT or DATA & set(path.parts):
            continue
        try:
            texts[path] = (pathlib.Path(root) / path).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            problems.append(f'{path}: is not UTF-8 text')
    for path, text in texts.items():
        device = is_device_file(path, texts)
        found = list(check_text(path, text, device))
        if path.suffix in COMMENT or is_script(text):
            found += check_head(path, text, device)
        if path.suffix in ('.h', '.cpp', '.c'):
            found += check_includes(path, text, device)
        found += [*check_is_built(path, texts), *check_is_tried(path, texts)]
        problems += [f'{path}: {problem}' for problem in found]
    return problems + list(check_type_names(texts))


if __name__ == '__main__':
    violations = check_tree(sys.argv[1])
    print('\n'.join(violations) or 'no violation')
    sys.exit(bool(violations))
