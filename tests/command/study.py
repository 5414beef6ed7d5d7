# The four studies, on a tiny model: every point measured once, kept, and shown.
# SPDX-License-Identifier: MIT
import json, os, pathlib, signal, subprocess

import harness
from harness import CommandTest, TINY, call, tree

QUICK = [*harness.QUICK, '--set', 'compress.table_tolerance=0.5']
LAYERS = ['--set', 'compress.layer_bits=hidden1=16,hidden2=16,numbers=16']


class Study(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('tiny.toml', TINY)

    def study(self, kind, *more):
        answer = call(self.folder, 'study', kind, 'tiny.toml', '--out', kind, *QUICK, *more)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer, json.loads((self.folder / kind / 'study.json').read_text())

    def test_quantization(self):
        # Every point sets its own bits, whatever single layers have in the recipe.
        answer, found = self.study('quantization', *LAYERS)
        points = {p['point']: p for p in found['points']}
        self.assertEqual(len(points), 21)
        self.assertEqual(found['groups'], ['total', 'layer', 'centre', 'width', 'sparsity', 'voxel'])
        for name, p in points.items():
            self.assertIn(name, answer.stdout)
            self.assertEqual(len(p['separation']), 6)
            self.assertTrue(all(0 <= s <= 1 for s in p['separation']) and all(f > 0 for f in p['floor']), p)
        self.assertEqual(points['float model']['log_voxel_correlation'], 1)
        self.assertIsNone(points['bits-8']['auc_high'])
        self.assertIsNone(points['bits-8']['fpd'])  # which needs more events
        correlations = [points[f'bits-{b}']['log_voxel_correlation'] for b in (8, 5, 3)]
        self.assertEqual(correlations, sorted(correlations, reverse=True))
        for suffix in ('', '-values', '-tuned'):
            stored = [points[f'bits-{b}{suffix}']['stored_bits'] for b in (8, 5, 2)]
            self.assertEqual(stored, sorted(set(stored), reverse=True), suffix)
        names = ['float model', 'bits-3', 'bits-3-values']
        self.assertEqual([points[name]['activation_bits'] for name in names], [32, 8, 3])
        self.assertEqual(points['bits-8-values']['separation'], points['bits-8']['separation'])
        self.assertLess(points['bits-3-values']['log_voxel_correlation'], points['bits-3']['log_voxel_correlation'])
        self.assertIn('Values between layers keep compress.activation_bits (8)', answer.stdout)
        self.assertIn('<svg', (self.folder / 'quantization/study.html').read_text())
        # A point that is lost, cut or of another recipe is measured again, the others are not; the answer is the same.
        before = tree(self.folder / 'quantization')
        (self.folder / 'quantization/bits-6.toml').unlink()
        whole = (self.folder / 'quantization/bits-5.toml').read_text()
        (self.folder / 'quantization/bits-5.toml').write_text(whole[:whole.index('separation')])
        (self.folder / 'quantization/bits-4.toml').write_text(whole[:whole.index('separation') + 20])
        (self.folder / 'quantization/bits-3.qprog').unlink()
        again, _ = self.study('quantization', *LAYERS)
        self.assertEqual(again.stderr.count('bits-'), 4, again.stderr)
        self.assertEqual(tree(self.folder / 'quantization'), before)

    def test_combined_of_a_given_model(self):
        self.ok('train', 'tiny.toml', '--out', 'm.onnx')
        answer, found = self.study('combined', '--model', 'm.onnx')
        self.assertEqual(len(found['points']), 21)
        self.assertNotIn('train', answer.stderr)
        sparse = next(p for p in found['points'] if p['point'] == 'bits-4-zeros-90')
        learned = 9 * 16 + 16 * 24 + 24 * 50
        standardisation = sparse['weights'] - learned  # dense
        self.assertLess(sparse['nonzeros'] - standardisation, 0.11 * learned)
        self.assertGreater(sparse['nonzeros'], 0.05 * learned)

    def test_distillation(self):
        def distilled(*more):
            return self.study('distillation', '--set', 'model.hidden=[40,80]', '--set', 'distill.steps=12', *more)

        def unfinished(key):
            for end in ('onnx', 'toml'):
                (self.folder / f'distillation/taught-32-64.{end}').unlink()
            (self.folder / 'distillation/taught-32-64.key').write_text(key)
            (self.folder / 'distillation/taught-32-64.checkpoint.distillation').write_text('damaged')

        _, found = distilled()
        _, taught, alone = found['points']  # of the students those that are smaller than the teacher
        self.assertEqual((taught['point'], alone['point']), ('taught-32-64', 'alone-32-64'))
        self.assertEqual(taught['weights'], alone['weights'])
        self.assertGreater(taught['log_voxel_correlation'], alone['log_voxel_correlation'])
        # A teaching that has begun goes on, here from a checkpoint that is damaged; that of another recipe does not.
        key = (self.folder / 'distillation/taught-32-64.key').read_text()
        unfinished(key + ' begun')
        answer = call(self.folder, 'study', 'distillation', 'tiny.toml', '--out', 'distillation', *QUICK, '--set',
                      'model.hidden=[40,80]', '--set', 'distill.steps=12')
        self.assertEqual(answer.returncode, 1)
        self.assertIn('taught-32-64.checkpoint.distillation: not a quench checkpoint', answer.stderr)
        (self.folder / 'distillation/taught-32-64.key').write_text('another begun')
        self.assertEqual(distilled()[1], found)
        self.assertNotEqual(distilled('--set', 'train.beta1=0.6')[1]['points'], found['points'])

    def test_no_smaller_student(self):
        # The teacher is kept, but not when the file of its events holds others.
        for first, trained in ((0, True), (0, False), (5000, True)):
            self.ok('simulate', '--events', 700, '--first', first, '--out', 'events.npz')
            answer = call(self.folder, 'study', 'distillation', 'tiny.toml', '--out', 's', *QUICK, '--set',
                          'data.source=events.npz')
            self.assertEqual(answer.returncode, 1)
            self.assertIn('quench: study distillation: no student is smaller than the teacher', answer.stderr)
            self.assertEqual('train model ...' in answer.stderr, trained, answer.stderr)

    def test_a_process_that_is_killed(self):
        command = ['study', 'pruning', 'tiny.toml', *QUICK, '--set', 'compress.tune_steps=2000',
                   '--set', 'compress.schedule=cubic', '--out']
        study = subprocess.Popen([harness.QUENCH, *map(str, command), 'pruning'], cwd=self.folder, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        children = pathlib.Path(f'/proc/{study.pid}/task/{study.pid}/children')
        if not children.exists():
            study.kill(), study.communicate()
            self.skipTest('this kernel does not tell a process its children')
        found, told = [], []
        while study.poll() is None and not found:
            found = children.read_text().split()
        for child in found[:1]:
            os.kill(int(child), signal.SIGKILL)
        _, told = study.communicate(timeout=harness.LIMIT)
        self.assertEqual(study.returncode, 1, told)
        self.assertRegex(told, r'(?m)^quench: the process of piece \d+ of 20 was ended by signal 9')
        self.ok(*command, 'pruning')  # goes on
        self.ok(*command, 'whole', '--threads', 1)
        self.assertEqual(tree(self.folder / 'pruning'), tree(self.folder / 'whole'))
        for series in ('at once', 'tuned'):  # the schedule is for those that are tuned, the others are pruned, too
            points = json.loads(self.read('whole/study.json'))['points']
            nonzeros = [p['nonzeros'] for p in points if p['series'] == series]
            self.assertEqual(len(nonzeros), 10)
            self.assertEqual(nonzeros, sorted(set(nonzeros), reverse=True), series)

    def test_what_cannot_be(self):
        self.refused('study', 'pruningg', 'tiny.toml', '--out', 's', says=['"pruningg" is not known', 'pruning'])
        self.assertFalse((self.folder / 's').exists())
        self.refused('study', 'pruning', 'tiny.toml', '--model', 'none.onnx', '--out', 's', says='none.onnx')
        # What would be refused beside a point's own settings is set aside: nothing but the model is missing here.
        solved = ['compress.rounding=adaround', 'compress.weight_range=mse', 'compress.bias_correction=true',
                  'compress.calibration=percentile']
        learned = ['compress.quantized_tune_steps=9', 'compress.alpha=0.1', 'compress.dead_zone=0.6']
        for kind in ('quantization', 'pruning', 'combined'):
            for settings in (solved, learned):
                words = [word for setting in settings for word in ('--set', setting)]
                self.refused('study', kind, 'tiny.toml', *words, '--model', 'none.onnx', '--out', 's', says='none.onnx')
        for kind in ('pruning', 'combined'):
            self.refused('study', kind, 'tiny.toml', '--set', 'compress.prune=n:m', '--set', 'compress.pattern=2:4',
                         '--out', 's', says=['compress.pattern 2:4 fixes the zeros', 'set compress.prune to magnitude'])
        for kind in ('quantization', 'combined'):
            self.refused('study', kind, 'tiny.toml', '--set', 'compress.fixed_point=16,6', '--out', 's',
                         says=['compress.fixed_point 16,6 fixes the bits', 'set it to ""'])
