# A flow of a small table: training, resuming, both directions, and every verb that cannot use a table.
# SPDX-License-Identifier: MIT
import math, random, re

from harness import CommandTest, TINY

RECIPE = '''name = "small"
[data]
source = "t.csv"
validation_fraction = 0.2
test_fraction = 0.2
[model]
family = "flow"
[train]
steps = 120
batch = 64
learning_rate = 5e-3
evaluate_every = 20
checkpoint_every = 40
[flow]
coupling = "affine"
couplings = 4
hidden = [16]
asinh = true
[evaluate]
mixture = 2
mixture_starts = 2
'''


def table(rows=600, end='\n'):
    draw = random.Random(5)
    lines = ['a,b,class']
    for _ in range(rows):
        angle, radius = 2 * math.pi * draw.random(), draw.gauss(3, 0.2)
        lines.append(f'{100 * radius * math.cos(angle)!r},{radius * math.sin(angle)!r},{draw.choice("gh")}')
    return end.join(lines) + end


class Tables(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('t.csv', table())
        self.write('r.toml', RECIPE)

    def test_training(self):
        text = self.ok('train', 'r.toml', '--out', 'm.onnx')
        for part in ['2 columns', '360 rows to train on', '120 for validation', '120 for the test', 'seed 1',
                     'mixture of 2 Gaussians', 'm.density.onnx']:
            self.assertIn(part, text)
        mean = {}
        for name in ['Gaussian', 'mixture of 2 Gaussians', 'flow']:
            numbers = re.search(rf'^{name} +(\S+) +(\S+) +(\S+)$', text, re.M).groups()
            mean[name] = [float(x) for x in numbers]
        gain = re.search(r'^flow - mixture of 2 Gaussians, row by row +(\S+) +(\S+) +(\S+)$', text, re.M).groups()
        for k in range(2):
            self.assertAlmostEqual(mean['flow'][k] - mean['mixture of 2 Gaussians'][k], float(gain[k]), delta=2e-4)
        # Of a ring of radius 3 and width 0.2 with one axis 100 times longer: no density can do much better than this.
        truth = -(math.log(0.2) + 0.5 * math.log(2 * math.pi * math.e) + math.log(2 * math.pi * 3) + math.log(100))
        for found in mean.values():
            self.assertLess(found[1], truth + 4 * found[2] + 0.3)
        for model in ['m.onnx', 'm.density.onnx']:
            self.assertIn('Coupling', self.ok('inspect', model))

    def test_the_same_bytes(self):
        first = self.ok('train', 'r.toml', '--out', 'm.onnx', '--threads', 1)
        kept = [self.read(name) for name in ['m.onnx', 'm.density.onnx']]
        self.write('t.csv', table(end='\r\n'))
        second = self.ok('train', 'r.toml', '--out', 'm.onnx', '--threads', 3)
        self.assertEqual(kept, [self.read(name) for name in ['m.onnx', 'm.density.onnx']])
        self.assertEqual(first.split('\n')[2:], second.split('\n')[2:])  # the second line says how long it took
        self.ok('train', 'r.toml', '--out', 'm.onnx', '--resume')
        self.assertEqual(kept, [self.read(name) for name in ['m.onnx', 'm.density.onnx']])
        self.ok('train', 'r.toml', '--out', 'm.onnx', '--seed', 2)
        self.assertNotEqual(kept[1], self.read('m.density.onnx'))

    def test_recipes_that_do_not_fit(self):
        train = ['train', 'r.toml', '--out', 'm.onnx', '--set']
        for setting, says in [('model.family=gan', ['t.csv', 'gan', 'model.family']),
                              ('flow.two_step=true', ['t.csv', 'flow.two_step']),
                              ('distill.steps=10', ['t.csv', 'distill.steps']),
                              ('data.columns=a', ['t.csv', '1 column', 'at least 2']),
                              ('data.columns=a,q', ['t.csv', "no column 'q'"]),
                              ('data.source=missing.csv', 'missing.csv')]:
            with self.subTest(setting):
                self.refused(*train, setting, says=says)
        self.refused(*train, 'data.test_fraction=0.9', says=['data.test_fraction'], stages=1)
        self.refused(*train, 'evaluate.mixture=100', '--set', 'data.test_fraction=0.7', says=['60 rows'], stages=2,
                     writes=['m.onnx', 'm.density.onnx', 'm.onnx.checkpoint'])

    def test_wrong_tables(self):
        for name, says, text in [('ragged', ['bad.csv', 'line 3'], 'a,b\n1,2\n3\n'),
                                 ('NaN', ['line 3, column 2', 'nan'], 'a,b\n1,2\n3,nan\n'),
                                 ('no header', 'line 1', '1,2\n3,4\n'), ('empty', 'empty', ''),
                                 ('constant', 'column 2', 'a,b\n' + ''.join(f'{k},7\n' for k in range(50)))]:
            with self.subTest(name):
                self.write('bad.csv', text)
                self.refused('train', 'r.toml', '--set', 'data.source=bad.csv', '--out', 'm.onnx', says=says)

    def test_verbs_that_cannot_use_a_table(self):
        self.copy('out/model.onnx'), self.copy('out/program.qprog'), self.copy('events.npz')
        self.write('tiny.toml', TINY)
        self.refused('run', 'tiny.toml', '--set', 'data.source=t.csv', '--out', 'o', stages=1, writes=['o'],
                     says=['t.csv', 'is a table', 'quench train'])
        self.refused('compress', 'model.onnx', '--data', 't.csv', '--out', 'p.qprog', says=['t.csv', 'is a table'])
        self.refused('sample', 'program.qprog', '--events', 3, '--energies', 't.csv', '--out', 'e.npz',
                     says=['t.csv', 'is a table'])
        self.refused('sample', 't.csv', '--events', 3, '--out', 'e.npz', says=['t.csv', 'is a table'])
        self.refused('inspect', 't.csv', says=['t.csv', 'is a table'])
        self.refused('generate', 't.csv', '--target', 'host', '--out', 'g', says='t.csv')
        self.refused('import', 't.csv', '--out', 'm.onnx', says='t.csv')
        for place in ['--reference', '--candidate', '--baseline']:
            words = {'--reference': 'events.npz', '--candidate': 'events.npz'}
            words[place] = 't.csv'
            self.refused('evaluate', '--geometry', 'rings-10x5', *[w for pair in words.items() for w in pair],
                         says=['t.csv', 'is a table'])
