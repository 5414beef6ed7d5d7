# A search on a tiny model: budgets, classes, and what its answer holds.
# SPDX-License-Identifier: MIT
import json
import re

from harness import CommandTest, QUICK, TINY, call, tree


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
        self.assertTrue(winner['fits'])
        for limit in found['budget']['limits']:
            self.assertEqual(limit['chosen'], winner[limit['resource']])
            self.assertLessEqual(limit['chosen'], limit['limit'])
        return answer, found, winner

    def test_budget_of_bits(self):
        answer, found, winner = self.found('--bits', 56000)
        self.assertEqual([x['resource'] for x in found['budget']['limits']], ['stored_bits'])
        self.assertIn(found['chosen'] + ' is chosen: the best of', answer.stdout)
        self.assertRegex(answer.stdout, r'(?m)^hidden1 +\d')
        self.assertEqual([p['bits'] for p in found['points']], [32] + [None] * len(found['candidates']))
        for c in found['candidates']:
            self.assertEqual([layer['layer'] for layer in c['layers']], ['hidden1', 'hidden2', 'numbers'])
            self.assertLess(sum(layer['stored_bits'] for layer in c['layers']), c['stored_bits'])
            bits, score = c['stored_bits'], c['score']
            others = [(d['stored_bits'], d['score']) for d in found['candidates']]
            self.assertEqual(c['front'], not any(x <= bits and y <= score and (x, y) != (bits, score)
                                                 for x, y in others))
        self.assertEqual(winner['score'], min(c['score'] for c in found['candidates'] if c['fits']))
        neurons = {}
        for w in found['widths']:
            neurons.setdefault(w['width'], []).append(w['neurons'])
            self.assertEqual(w['change_alone'] == 0, w['neurons'] == {'hidden1': 16, 'hidden2': 24}[w['layer']])
        self.assertEqual(neurons.pop('full'), [16, 24])
        self.assertEqual(set(neurons), {'70', '50'})
        for width, (one, two) in neurons.items():  # parameters of 8 latents, the energy, and 50 numbers
            alike = [round(int(width) / 100 * n + 1e-9) for n in (16, 24)]
            count = [9 * a + a * b + 50 * b + a + b for a, b in [(one, two), alike]]
            self.assertLessEqual(count[0], count[1])
            self.assertGreater(count[0], count[1] - 67)  # as many as a neuron of hidden2 has at most
        self.assertIn('keeps so many neurons of this layer', answer.stdout)
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
        self.assertIn('train student-70 ...', answer.stderr)
        self.assertNotEqual((self.folder / 'found/student-70.onnx').read_bytes(), student)
        self.assertEqual([x['resource'] for x in found['budget']['limits']],
                         ['flash_bytes', 'ram_bytes', 'instructions'])
        # In 8 bits without zeros it takes 25,891: the others make room.
        quick = [c for c in found['candidates'] if c['quick']]
        for c in quick:
            self.assertLessEqual(c['instructions'], 25000)
            self.assertTrue(c['width'] != 'full' or any(layer['sparsity'] > 0 for layer in c['layers']))

    def test_zeros_are_those_that_were_chosen(self):
        # The recipe's own dead zone would find others.
        answer, found, _ = self.found('--bits', 56000, '--set', 'compress.sparsity=0', '--set',
                                      'compress.dead_zone=0.9')
        self.assertNotIn('dead_zone', answer.stderr)
        for c in found['candidates']:
            made = self.json('inspect', f"found/{c['point']}.qprog")['layers']
            for layer in c['layers']:
                what = next(m['what'] for m in made if m['name'] == layer['layer'])
                self.assertIn(f"{layer['bits']}-bit weights", what)
                nonzero, weights = map(int, re.search(r'(\d+) of (\d+) non-zero', what).groups())
                kept = (1 - layer['sparsity']) * weights
                self.assertLessEqual(nonzero, kept + 1)
                if layer['bits'] == 8:  # rounding makes few more
                    self.assertGreater(nonzero, 0.9 * kept)

    def test_class(self):
        for words, says in [([], 'needs classifiers'),
                            (['--set', 'evaluate.classifier_seeds=1'], 'cannot be told with evaluate.events = 80')]:
            answer = self.search('--class', 'light', *words)
            self.assertEqual(answer.returncode, 1)
            self.assertIn(says, answer.stderr)
        self.assertFalse((self.folder / 'found/student-70.onnx').exists())

    def test_what_cannot_be(self):
        answer = self.search('--bits', 100)
        self.assertIn('noise and tables alone take', answer.stderr)
        self.assertNotIn('train student', answer.stderr)
        for words, says in [(['--bits', 100], '100 stored bits cannot be met: the smallest form takes'),
                            (['--flash', 100], '100 bytes of flash cannot be met'),
                            (['--ram', 16], 'which reads and makes most, takes'),
                            (['--target', 'cortex-m4', '--instructions', 100], 'noise and tables alone take'),
                            (['--bits', 56000, '--set', 'compress.symmetric_weights=false'], 'set it to true'),
                            (['--bits', 56000, '--set', 'compress.fixed_point=16,8'], 'set it to ""'),
                            (['--bits', 56000, '--set', 'compress.prune=neurons'], 'set it to magnitude, wanda, obc'),
                            (['--bits', 56000, '--set', 'compress.prune=n:m', '--set', 'compress.pattern=2:4', '--set',
                              'compress.sparsity=0.5'], 'set it to magnitude, wanda, obc'),
                            ([], 'nothing is asked for'), (['--class', 'good'], '"good" is not known')]:
            answer = self.search(*words)
            self.assertEqual(answer.returncode, 1, answer.stdout)
            self.assertIn(says, answer.stderr)
