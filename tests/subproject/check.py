#!/usr/bin/env python3
# quench as others use it, installed and as a Meson subproject: arguments SOURCE_ROOT BUILD.
# SPDX-License-Identifier: MIT
"""The installed library is always linked. Of the subproject, the program that needs only headers is always built, the
linked one, which compiles the whole library once more, where CI=true."""
import os, pathlib, re, shlex, shutil, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent


def run(*command, **keywords):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **keywords)
    if done.returncode:
        sys.exit(f'{" ".join(map(str, command))}: exit status {done.returncode}\n{done.stdout}')
    return done.stdout


def package_flags(path, root):
    """Cflags and Libs of a .pc file installed below `root`, as pkg-config --define-prefix would give them."""
    variables, flags = {}, []
    for line in path.read_text().splitlines():
        line = re.sub(r'\$\{(\w+)\}', lambda name: variables[name[1]], line)
        if assignment := re.fullmatch(r'(\w+)=(.*)', line):
            variables[assignment[1]] = assignment[2] if assignment[1] != 'prefix' else f'{root}{assignment[2]}'
        elif fields := re.fullmatch(r'(Cflags|Libs|Libs\.private): (.*)', line):
            flags += shlex.split(fields[2])
    return flags


def try_installed(build, folder):
    run('meson', 'install', '-C', build, '--no-rebuild', '--tags', 'devel', '--destdir', folder / 'root')
    files = sorted((folder / 'root').rglob('quench.pc'))
    if len(files) != 1:
        sys.exit(f'installed {files}, wanted one quench.pc')
    flags = package_flags(files[0], folder / 'root')
    compiler = shlex.split(os.environ.get('CXX', 'c++'))
    run(*compiler, '-std=c++17', HERE / 'linked.cpp', '-o', folder / 'linked', *flags)
    run(folder / 'linked', folder / 'file')
    # Every installed header compiles alone, from outside the source tree.
    headers = sorted((folder / 'root').rglob('*.h'))
    names = [str(header).split('/include/quench/')[1] for header in headers]
    if len(names) < 10:
        sys.exit(f'installed only {len(names)} headers')
    (folder / 'all.cpp').write_text(''.join(f'#include "{name}"\n' for name in names))
    run(*compiler, '-std=c++17', '-fsyntax-only', folder / 'all.cpp', *[f for f in flags if f.startswith('-I')])


def try_subproject(source, folder):
    project = folder / 'consumer'
    (project / 'subprojects').mkdir(parents=True)
    (project / 'subprojects' / 'quench').symlink_to(source)
    shutil.copyfile(HERE / 'consumer.meson', project / 'meson.build')
    for name in ('header_only.cpp', 'linked.cpp'):
        shutil.copyfile(HERE / name, project / name)
    run('meson', 'setup', project / 'build', project, '--wrap-mode', 'forcefallback')
    run('ninja', '-C', project / 'build', 'header_only')
    run(project / 'build' / 'header_only')
    if os.environ.get('CI') == 'true':
        run('ninja', '-C', project / 'build', 'linked')
        run(project / 'build' / 'linked', folder / 'other')


with tempfile.TemporaryDirectory() as temporary:
    try_installed(sys.argv[2], pathlib.Path(temporary))
    try_subproject(sys.argv[1], pathlib.Path(temporary))
