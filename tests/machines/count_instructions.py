#!/usr/bin/env python3
# Counts the instructions an image executes between bench_begin and bench_end under QEMU, in total and per function.
# SPDX-License-Identifier: MIT
"""usage: count_instructions.py IMAGE [--plugin icount.so] [--per N] [--json] [--emulator COMMAND ...]

IMAGE marks the region with two functions that must not be inlined or merged, called in turn (several times if wanted):
  extern "C" __attribute__((noinline)) void bench_begin() { __asm__ volatile("" ::: "memory"); }
  extern "C" __attribute__((noinline)) void bench_end() { __asm__ volatile("nop" ::: "memory"); }
The return from bench_begin and the call of bench_end are counted: an empty region has 2 or 3 instructions. QEMU has no
model of time, so these are instructions, not cycles; they are exact. Without --plugin it is compiled here (1 s).
--emulator takes all that follows it, the image is added; default: a Cortex-M4 of mps2-an386.
"""
import argparse, json, os, pathlib, shutil, struct, subprocess, sys, tempfile

CORTEX_M4 = ['qemu-system-arm', '-M', 'mps2-an386', '-nographic', '-monitor', 'none', '-serial', 'none',
             '-chardev', 'stdio,id=text', '-semihosting-config', 'enable=on,target=native,chardev=text', '-kernel']


def stop(message):
    sys.exit(f'count_instructions: {message}')


def elf_symbols(path):
    """{name: address} of an ELF file's symbol table, 32 or 64 bits, little-endian."""
    data = pathlib.Path(path).read_bytes()
    if data[:4] != b'\x7fELF' or data[5] != 1:
        stop(f'{path}: not a little-endian ELF file')
    wide = data[4] == 2
    at, size, count = (struct.unpack_from('<Q', data, 40) + struct.unpack_from('<HH', data, 58) if wide
                       else struct.unpack_from('<I', data, 32) + struct.unpack_from('<HH', data, 46))
    header = '<IIQQQQIIQQ' if wide else '<10I'
    sections = [struct.unpack_from(header, data, at + i * size) for i in range(count)]
    symbols = {}
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        names = sections[link][4]
        for i in range(offset, offset + length, entry):
            name, value = (struct.unpack_from('<I4xQ', data, i) if wide else struct.unpack_from('<II', data, i))
            text = data[names + name:data.index(b'\0', names + name)].decode(errors='replace')
            symbols.setdefault(text, value)
    return symbols


def compile_plugin(folder):
    here = pathlib.Path(__file__).resolve().parent
    plugin = os.path.join(folder, 'icount.so')
    compiler = os.environ.get('CXX', 'c++').split()
    if not shutil.which(compiler[0]):
        stop(f'{compiler[0]} is missing: install g++, or give --plugin')
    subprocess.run([*compiler, '-std=c++17', '-O2', '-shared', '-fPIC', '-fvisibility=hidden', '-I', here.parent.parent,
                    '-o', plugin, here / 'icount.cpp'], check=True)
    return plugin


def demangle(functions):
    """Readable names where c++filt is installed; equal names (clones) are added up."""
    names = list(functions)
    if names and shutil.which('c++filt'):
        done = subprocess.run(['c++filt'], input='\n'.join(names), capture_output=True, text=True, check=True)
        names = done.stdout.splitlines()
    total = {}
    for name, count in zip(names, functions.values()):
        total[name] = total.get(name, 0) + count
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def count(image, emulator, plugin=None, timeout=600):
    """{'program', 'regions': [...], 'functions': {...}, 'status', 'output'} of one run."""
    symbols = elf_symbols(image)
    for marker in ('bench_begin', 'bench_end'):
        if marker not in symbols:
            stop(f'{image}: has no function {marker}: mark the region to count (see --help)')
    if not shutil.which(emulator[0]):
        stop(f'{emulator[0]} is missing: install qemu-system-arm')
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, 'counts.txt')
        plugin = os.path.abspath(plugin or compile_plugin(folder))
        options = f'{plugin},begin={symbols["bench_begin"]:#x},end={symbols["bench_end"]:#x},out={out}'
        run = subprocess.run([emulator[0], '-plugin', options, *emulator[1:], image], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, errors='replace', timeout=timeout)
        if not os.path.exists(out):
            stop(f'{emulator[0]} left no counts, exit status {run.returncode}: {(run.stderr or run.stdout).strip()}')
        result = {'program': 0, 'regions': [], 'functions': {}, 'status': run.returncode, 'output': run.stdout}
        for line in pathlib.Path(out).read_text().splitlines():
            kind, *rest = line.split(' ', 2)
            if kind == 'program':
                result['program'] = int(rest[0])
            elif kind == 'region':
                result['regions'].append(int(rest[1]))
            else:
                result['functions'][rest[1]] = int(rest[0])
    result['functions'] = demangle(result['functions'])
    result['instructions'] = sum(result['regions'])
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('image')
    parser.add_argument('--plugin')
    parser.add_argument('--per', type=float, default=1, metavar='N', help='also print instructions / N, e.g. per MAC')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--emulator', nargs=argparse.REMAINDER, default=CORTEX_M4)
    options = parser.parse_args()
    if not options.per > 0:
        stop(f'--per {options.per}: must be above 0')
    result = count(options.image, options.emulator, options.plugin)
    if not result['regions']:
        stop(f'{options.image}: never came from bench_begin to bench_end, exit status {result["status"]}')
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        per = f', {result["instructions"] / options.per:.3f} each of {options.per:g}' if options.per != 1 else ''
        print(f'{result["instructions"]} instructions in {len(result["regions"])} region(s){per}')
        for name, instructions in result['functions'].items():
            print(f'{instructions:12} {100 * instructions / max(1, result["instructions"]):5.1f} %  {name}')
    if result['status']:
        stop(f'{options.image}: exit status {result["status"]}: {result["output"].strip()[-500:]}')


if __name__ == '__main__':
    main()
