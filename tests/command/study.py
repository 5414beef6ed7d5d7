# The four studies, on a tiny model: every point measured once, kept, and shown.
# SPDX-License-Identifier: MIT
import json, os, pathlib, signal, subprocess

import harness
from harness import CommandTest, TINY, call, tree

QUICK = [word for setting in ['compress.tune_steps=3', 'compress.quantized_tune_steps=3', 'evaluate.events=80',
                              'evaluate.classifier_seeds=0', 'data.events=600', 'train.steps=15']
         for word in ('--set', setting)]


class Study(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('tiny.toml', TINY)

    def study(self, kind, *more):
        answer = call(self.folder, 'study', kind, 'tiny.toml', '--out', kind, *QUICK, *more)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return answer, json.loads((self.folder / kind / 'study.json').read_text())

    def test_quantization(self):
        answer, found = self.study('quantization')
        points = {p['point']: p for p in found['points']}
        self.assertEqual(len(points), 14)
        self.assertEqual(found['groups'], ['total', 'layer', 'centre', 'width', 'sparsity', 'voxel'])
        for name, p in points.items():
            self.assertIn(name, answer.stdout)
            self.assertEqual(len(p['separation']), 6)
            self.assertTrue(all(0 <= s <= 1 for s in p['separation']) and all(f > 0 for f in p['floor']), p)
        self.assertEqual(points['float model']['log_voxel_correlation'], 1)
        self.assertIsNone(points['bits-8']['auc_high'])
        self.assertIsNone(points['bits-8']['fpd'])  # which needs more events
        correlations = [points[f'bits-{b}']['log_voxel_correlation'] for b in (16, 8, 5, 3)]
        self.assertEqual(correlations, sorted(correlations, reverse=True))
        self.assertLess(points['bits-4']['stored_bits'], points['bits-16']['stored_bits'])
        self.assertIn('<svg', (self.folder / 'quantization/study.html').read_text())
        # A point that is lost, cut or of another recipe is measured again, the others are not; the answer is the same.
        before = tree(self.folder / 'quantization')
        (self.folder / 'quantization/bits-6.toml').unlink()
        whole = (self.folder / 'quantization/bits-5.toml').read_text()
        (self.folder / 'quantization/bits-5.toml').write_text(whole[:whole.index('separation')])
        again, _ = self.study('quantization')
        self.assertEqual(again.stderr.count('bits-'), 2, again.stderr)
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
        _, found = self.study('distillation', '--set', 'model.hidden=[16,24]', '--set', 'train.steps=6')
        names = [p['point'] for p in found['points']]
        self.assertEqual(len(names), 13)
        taught, alone = (next(p for p in found['points'] if p['point'] == kind + '-32-64')
                         for kind in ('taught', 'alone'))
        self.assertEqual(taught['weights'], alone['weights'])
        self.assertGreater(taught['log_voxel_correlation'], alone['log_voxel_correlation'])

    def test_a_process_that_is_killed(self):
        command = ['study', 'pruning', 'tiny.toml', *QUICK, '--set', 'compress.tune_steps=2000', '--out']
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

    def test_what_cannot_be(self):
        self.refused('study', 'pruningg', 'tiny.toml', '--out', 's', says=['"pruningg" is not known', 'pruning'])
        self.assertFalse((self.folder / 's').exists())
        self.refused('study', 'pruning', 'tiny.toml', '--model', 'none.onnx', '--out', 's', says='none.onnx')


class Search(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('tiny.toml', TINY)
        self.ok('train', 'tiny.toml', '--out', 'm.onnx')

    def search(self, *words):
        return call(self.folder, 'search', 'tiny.toml', '--model', 'm.onnx', '--out', 'found', *QUICK, '--set',
                    'distill.steps=5', *words)

    def found(self, *words):
        answer = self.search(*words)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        found = json.loads((self.folder / 'found/search.json').read_text())
        winner = next(c for c in found['candidates'] if c['point'] == found['chosen'])
        self.assertTrue(winner['fits'] and not winner['quick'])
        for limit in found['budget']['limits']:
            self.assertEqual(limit['chosen'], winner[limit['resource']])
            self.assertLessEqual(limit['chosen'], limit['limit'])
        return answer, found, winner

    def test_budget_of_bits(self):
        answer, found, winner = self.found('--bits', 56000)
        self.assertEqual([x['resource'] for x in found['budget']['limits']], ['stored_bits'])
        self.assertIn(found['chosen'] + ' is chosen: the best of', answer.stdout)
        self.assertRegex(answer.stdout, r'(?m)^hidden1 +\d')
        for c in found['candidates']:
            self.assertEqual([layer['layer'] for layer in c['layers']], ['hidden1', 'hidden2', 'numbers'])
            self.assertLess(sum(layer['stored_bits'] for layer in c['layers']), c['stored_bits'])
            bits, score = c['stored_bits'], c['score']
            others = [(d['stored_bits'], d['score']) for d in found['candidates'] if d['quick'] == c['quick']]
            self.assertEqual(c['front'], not any(x <= bits and y <= score and (x, y) != (bits, score)
                                                 for x, y in others))
        self.assertEqual(winner['score'], min(c['score'] for c in found['candidates'] if c['fits'] and not c['quick']))
        self.ok('generate', 'found/program.qprog', '--target', 'cortex-m4', '--out', 'code')
        before = tree(self.folder / 'found')
        again = self.search('--bits', 56000, '--threads', 1)
        self.assertEqual(again.stdout, answer.stdout)
        self.assertNotIn('...', again.stderr)
        self.assertEqual(tree(self.folder / 'found'), before)

    def test_another_teacher_and_other_limits(self):
        # Students of an earlier teacher, here even of other latents than the recipe's, are taught anew.
        self.search('--ram', 16)
        student = (self.folder / 'found/student-70.onnx').read_bytes()
        self.ok('train', 'tiny.toml', '--seed', 2, '--set', 'model.latent=5', '--out', 'm.onnx')
        answer, found, winner = self.found('--target', 'cortex-m4', '--instructions', 25000, '--ram', 4000)
        self.assertIn('student found/student-70.onnx', answer.stderr)
        self.assertNotEqual((self.folder / 'found/student-70.onnx').read_bytes(), student)
        self.assertEqual([x['resource'] for x in found['budget']['limits']],
                         ['flash_bytes', 'ram_bytes', 'instructions'])

    def test_class(self):
        for words, says in [([], 'needs classifiers'),
                            (['--set', 'evaluate.classifier_seeds=1'], 'cannot be told with evaluate.events = 80')]:
            answer = self.search('--class', 'light', *words)
            self.assertEqual(answer.returncode, 1)
            self.assertIn(says, answer.stderr)
        self.assertFalse((self.folder / 'found/student-70.onnx').exists())

    def test_what_cannot_be(self):
        for words, says in [(['--bits', 100], '100 stored bits cannot be met: the smallest form takes'),
                            (['--flash', 100], '100 bytes of flash cannot be met'),
                            (['--ram', 16], '16 bytes of RAM cannot be met: the smallest form takes'),
                            (['--target', 'cortex-m4', '--instructions', 100], 'noise and tables alone take'),
                            ([], 'nothing is asked for'), (['--class', 'good'], '"good" is not known')]:
            answer = self.search(*words)
            self.assertEqual(answer.returncode, 1, answer.stdout)
            self.assertIn(says, answer.stderr)
