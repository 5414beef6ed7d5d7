# Outputs that cannot be written: nothing half written, what was there before stays, one sentence.
# SPDX-License-Identifier: MIT
import os, resource, signal, subprocess

import harness
from harness import CommandTest, TINY, call, tree


class BadPlaces(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('r.toml', TINY)
        self.copy('out/model.onnx'), self.copy('out/program.qprog')
        self.write('file', 'what stood here before')
        (self.folder / 'folder').mkdir()

    def writers(self):
        """Name of the output, and a command that makes it when the name is added."""
        return [('events', ['simulate', '--events', 2000, '--out']), ('model', ['train', 'r.toml', '--out']),
                ('program', ['compress', 'model.onnx', '--tune-steps', 2, '--out']),
                ('sample', ['sample', 'program.qprog', '--events', 500, '--out']),
                ('imported', ['import', 'model.onnx', '--out'])]

    def folders(self):
        return [('run', ['run', 'r.toml', '--out']),
                ('code', ['generate', 'program.qprog', '--target', 'vitis-hls', '--out'])]

    def test_not_a_place(self):
        for what, words in self.writers():
            for place in ['file/below', 'missing/below', '/proc/quench-cannot-be-here', '/dev/null/below', 'folder',
                          'name' * 100, '.', '/']:
                with self.subTest(f'{what} {place[:40]}'):
                    self.refused(*words, place, says=[place[:40]])
        for what, words in self.folders():
            for place in ['file', 'file/below', '/proc/quench-cannot-be-here', '/dev/null', 'name' * 100]:
                with self.subTest(f'{what} {place[:40]}'):
                    self.refused(*words, place, says=[place[:40]])

    def test_no_training_for_nothing(self):
        """A place that cannot be written to is found out before the work, not after it."""
        self.write('r.toml', TINY.replace('steps = 40', 'steps = 100000000'))
        for place in ['file/below', 'missing/below', 'folder', '/proc/quench-cannot-be-here']:
            with self.subTest(place):
                self.refused('train', 'r.toml', '--set', 'train.checkpoint_every=100000000', '--out', place, says=place)

    def test_read_only(self):
        if os.geteuid() == 0:
            self.skipTest('root may write everywhere; /proc stands for it')
        (self.folder / 'folder').chmod(0o555)
        for what, words in self.writers():
            with self.subTest(what):
                self.refused(*words, 'folder/out', says='folder/out')
        for what, words in self.folders():
            with self.subTest(what):
                self.refused(*words, 'folder', says='folder')

    def test_full_device(self):
        for what, words in self.writers():
            if what != 'model':  # its checkpoint would be a new file among the devices
                with self.subTest(what):
                    self.refused(*words, '/dev/full', says=['/dev/full', 'No space left'])

    def test_file_size_limit(self):
        """A disk that takes the first 4 kB of every file and no more."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        for what, words in self.writers():
            with self.subTest(what):
                stages = 1 if what == 'model' else 0  # training tells its memory first
                self.refused(*words, 'file', says='file', stages=stages, preexec_fn=limit, restore_signals=False)
                self.refused(*words, 'new', says='new', stages=stages, preexec_fn=limit, restore_signals=False)
        for what, words in self.folders():
            with self.subTest(what):
                answer = call(self.folder, *words, what, preexec_fn=limit, restore_signals=False)
                self.assertEqual(answer.returncode, 1, answer.stderr)
                self.assertRegex(answer.stderr.split('\n')[-2], rf'\Aquench: {what}/.*cannot write')
                for name, content in tree(self.folder / what).items():  # each file is whole or absent
                    self.assertNotIn('.partial-', name)
                    self.assertTrue(content is None or len(content) <= 4096, name)

    def test_full_disk(self):
        disk = self.folder / 'disk'
        disk.mkdir()
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'quench-test', str(disk)],
                                 capture_output=True) if os.geteuid() == 0 else None
        if not mounted or mounted.returncode != 0:
            self.skipTest('no small disk can be mounted here')
        self.addCleanup(subprocess.run, ['umount', '-l', str(disk)], capture_output=True)
        self.write('disk/old', 'what stood here before')
        self.refused('simulate', '--events', 2000, '--out', 'disk/e.npz', says=['disk/e.npz', 'No space left'])
        self.refused('simulate', '--events', 2000, '--out', 'disk/old', says=['disk/old', 'No space left'])
        self.refused('generate', 'program.qprog', '--target', 'vitis-hls', '--out', 'disk/code',
                     says=['disk/code', 'No space left'], writes=['disk/code'])
        self.assertEqual(self.read('disk/old'), b'what stood here before')

    def test_output_over_input(self):
        """An output may be its own input: it is read whole before, and replaced at once."""
        self.ok('import', 'model.onnx', '--out', 'model.onnx')
        self.ok('sample', 'program.qprog', '--events', 5, '--out', 'e.npz')
        self.ok('sample', 'program.qprog', '--events', 5, '--energies', 'e.npz', '--out', 'e.npz')
        self.ok('inspect', 'e.npz')

    def test_links_and_old_files(self):
        os.symlink('file', self.folder / 'link')
        self.ok('simulate', '--events', 3, '--out', 'link')
        self.assertTrue((self.folder / 'link').is_symlink())
        self.assertEqual(self.read('file')[:2], b'PK')
        (self.folder / 'file').chmod(0o640)
        self.ok('simulate', '--events', 4, '--out', 'file')
        self.assertEqual((self.folder / 'file').stat().st_mode & 0o777, 0o640)

    def test_standard_output(self):
        answer = subprocess.run([harness.QUENCH, 'simulate', '--events', '3', '--out', '/dev/stdout'],
                                cwd=self.folder, capture_output=True)
        self.assertEqual(answer.returncode, 0)
        self.ok('simulate', '--events', 3, '--out', 'e.npz')
        self.assertTrue(answer.stdout.startswith(self.read('e.npz')))
