# Runs quench as a user would, in a temporary folder a test, and states what an answer must look like.
# SPDX-License-Identifier: MIT
import atexit, json, os, pathlib, re, shutil, struct, subprocess, tempfile, time, unittest

QUENCH = None  # path of the program; set by command_test.py
LIMIT = 240    # seconds of one command; reached only when it hangs

TINY = '''name = "tiny"
[data]
events = 2000
validation_events = 400
[model]
latent = 8
hidden = [16, 24]
critic_hidden = [16]
[train]
steps = 40
batch = 64
checkpoint_every = 10
[compress]
sparsity = 0.5
calibration_events = 256
tune_steps = 20
tune_batch = 64
[evaluate]
events = 400
'''

# Settings of a study or a search that is over soon.
QUICK = [word for setting in ['compress.tune_steps=3', 'compress.quantized_tune_steps=3', 'evaluate.events=80',
                              'evaluate.classifier_seeds=0', 'data.events=600', 'train.steps=15']
         for word in ('--set', setting)]


def tree(folder):
    """Relative path -> bytes of every file below the folder; None for a folder."""
    return {str(p.relative_to(folder)): None if p.is_dir() else p.read_bytes()
            for p in sorted(pathlib.Path(folder).rglob('*'))}


def call(folder, *words, **more):
    return subprocess.run([QUENCH, *map(str, words)], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                          encoding='utf-8', errors='replace', timeout=LIMIT, **more)


def step_of(checkpoint):
    """Steps done, from the bytes of a checkpoint."""
    return struct.unpack_from('<Q', checkpoint, 32)[0]


def tiny_chain():
    """A folder with the tiny recipe, its whole run in out/ and events of the simulation; made once a process."""
    if not hasattr(tiny_chain, 'folder'):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='quench-chain-'))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        (folder / 'tiny.toml').write_text(TINY)
        tiny_chain.answers = [call(folder, 'run', 'tiny.toml', '--out', 'out'),
                              call(folder, 'simulate', '--events', 2000, '--out', 'events.npz')]
        for answer in tiny_chain.answers:
            if answer.returncode != 0:
                raise AssertionError(f'{answer.args} fails with {answer.returncode}: {answer.stderr}')
        tiny_chain.folder = folder
    return tiny_chain.folder


class CommandTest(unittest.TestCase):
    """Each test has a folder of its own, self.folder, in which the commands run."""
    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='quench-'))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def copy(self, name, to=None):
        """A file of the tiny chain into this test's folder."""
        to = to or pathlib.PurePath(name).name
        shutil.copyfile(tiny_chain() / name, self.folder / to)
        return to

    def read(self, name):
        return (self.folder / name).read_bytes()

    def ok(self, *words, **more):
        """Runs a command that must succeed; gives its standard output."""
        answer = call(self.folder, *words, **more)
        self.assertEqual(answer.returncode, 0, f'{answer.args}: {answer.stderr}')
        return answer.stdout

    def start(self, *words):
        """A command in the background; dies with the test."""
        process = subprocess.Popen([QUENCH, *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding='utf-8')
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
        return process

    def wait_for_new(self, name, process):
        """Returns when the file is written anew, or the process ends."""
        path = self.folder / name
        before = path.stat().st_mtime_ns if path.exists() else None
        end = time.monotonic() + LIMIT
        while process.poll() is None and time.monotonic() < end:
            if path.exists() and path.stat().st_mtime_ns != before:
                return
            time.sleep(0.001)

    def json(self, *words):
        def no_constant(word):
            raise AssertionError(f'{word} is no JSON')
        return json.loads(self.ok(*words, '--json'), parse_constant=no_constant)

    def refused(self, *words, says=(), stages=0, writes=(), **more):
        """A user's error: exit code 1, one line that says what is asked for, no new, changed or half file.

        stages: lines about finished stages before the error; writes: names that may have changed."""
        before = tree(self.folder)
        answer = call(self.folder, *words, **more)
        told = f'{answer.args} -> {answer.returncode}: {answer.stderr}'
        self.assertEqual(answer.returncode, 1, told)
        self.assertEqual(answer.stdout, '', told)
        lines = answer.stderr.split('\n')
        self.assertEqual(lines.pop(), '', 'the message does not end its line: ' + told)
        self.assertEqual(len(lines), 1 + stages, told)
        line = lines[-1]
        self.assertTrue(line.startswith('quench: '), told)
        self.assertGreater(len(line.split()), 4, 'this is no sentence: ' + told)
        self.assertLess(len(line), 500, 'this is too long: ' + told)
        self.assertTrue(line.isprintable(), told)
        self.assertNotRegex(line, r'std::|what\(\)|terminate|basic_|vector')
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, line, told)
        after = tree(self.folder)
        for name in set(before) | set(after):
            if not any(name == w or name.startswith(w + '/') for w in writes):
                self.assertEqual(before.get(name, 'absent'), after.get(name, 'absent'), f'{name} changed: {told}')
        self.assertFalse([n for n in after if '.partial-' in n], told)
        return line

    def misused(self, *words, verb, says=()):
        """Wrong usage: exit code 2, one sentence, then the usage."""
        before = tree(self.folder)
        answer = call(self.folder, *words)
        told = f'{answer.args} -> {answer.returncode}: {answer.stderr}'
        self.assertEqual(answer.returncode, 2, told)
        self.assertEqual(answer.stdout, '', told)
        first, second = answer.stderr.split('\n')[:2]
        self.assertTrue(first.startswith('quench: '), told)
        self.assertTrue(second.startswith('usage: quench ' + verb), told)
        self.assertNotIn('quench: ', answer.stderr[len(first):], told)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, first, told)
        self.assertEqual(before, tree(self.folder), told)
        return first

    def same_files(self, one, other, but=()):
        one, other = tree(self.folder / one), tree(self.folder / other)
        for skipped in but:
            one.pop(skipped), other.pop(skipped)
        self.assertEqual(sorted(one), sorted(other))
        for name in one:
            self.assertTrue(one[name] == other[name], f'{name} differs')


def verbs():
    listing = subprocess.run([QUENCH, '--help'], capture_output=True, encoding='utf-8', timeout=LIMIT).stdout
    return re.findall(r'^  (\w+) +\S', listing, re.M)
