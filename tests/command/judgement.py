# The judge from outside: FPD, KPD and W1 as NumPy and SciPy compute them, equal answers of run and evaluate, bad input.
# SPDX-License-Identifier: MIT
import json, subprocess, sys, unittest

import handmade
from harness import CommandTest, call, tiny_chain

# A name that begins with grid- is simulated in sodium iodide.
GEOMETRY = 'name grid-rings\nthreshold_mev 1\nlayer repeat=3 alpha=4 r=0,10,30,80 z=0,60\nlayer r=0,40,80 z=180,240\n'

REFERENCE = '''import json, sys
import numpy as np
from scipy.optimize import curve_fit
from scipy.stats import wasserstein_distance

reference, candidate, answer = sys.argv[1:]
ours = json.load(open(answer))['comparisons'][0]
alpha = -np.pi + (np.arange(4) + 0.5) * np.pi / 2
radius = [np.tile([5, 20, 55], 4)] * 3 + [np.array([20, 60])]
angle = [np.repeat(alpha, 3)] * 3 + [None]

def features(path):
    f = np.load(path)
    incident = f['incident_energies'].astype(float).reshape(-1)
    showers = f['showers'].astype(float)
    showers[showers < 1] = 0
    total, energy, sparsity, xy, r_of = showers.sum(1), [], [], {}, {}
    for l, e in enumerate(np.split(showers, [12, 24, 36], axis=1)):
        energy.append(e.sum(1))
        sparsity.append(1 - (e > 0).mean(1))
        axes = {'r': radius[l]}
        if angle[l] is not None:
            axes.update(eta=radius[l] * np.cos(angle[l]), phi=radius[l] * np.sin(angle[l]))
        for name, x in axes.items():
            centre = e @ x / (energy[-1] + 1e-16)
            width = np.sqrt(np.maximum(0, e @ x ** 2 / (energy[-1] + 1e-16) - centre ** 2))
            xy.setdefault('centre ' + name, []).append(centre / 100)
            xy.setdefault('width ' + name, []).append(width / 100)
    logs = [np.log10(e + 1e-8) for e in energy]
    columns = [np.log10(incident), *logs]
    for name in ['centre eta', 'centre phi', 'width eta', 'width phi']:
        columns += xy[name]
    columns += [np.log10(total + 1e-8), *sparsity, *xy['centre r'], *xy['width r']]
    return np.stack(columns, 1), total / incident

def times(f, n):  # how often each row is drawn
    return np.bincount(draw.integers(len(f), size=n), minlength=len(f))

def frechet(n):
    v, w = times(x, n), times(y, n)
    c, d = np.cov(x, rowvar=False, fweights=v), np.cov(y, rowvar=False, fweights=w)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(c @ d).real, 0)).sum()
    return ((v @ x / n - w @ y / n) ** 2).sum() + np.trace(c) + np.trace(d) - 2 * roots

(x, response), (y, other) = features(reference), features(candidate)
assert ours['judgement']['features'] == x.shape[1]
largest = np.abs(x).max(0)
largest[largest == 0] = 1
x, y = x / largest, y / largest
draw = np.random.default_rng(1)
sizes = (1 / np.linspace(1 / 10000, 1 / 50000, 10)).astype(int)
values = [np.mean([frechet(n) for _ in range(20)]) for n in sizes]
line, errors = curve_fit(lambda t, a, b: a + b * t, 1 / sizes, values, bounds=([0, 0], [np.inf, np.inf]))
k = lambda a, b: (a @ b.T / x.shape[1] + 1) ** 4
xx, yy, xy = k(x, x), k(y, y), k(x, y)
mmd = []
for _ in range(10):
    v, w = times(x, 10000), times(y, 10000)
    within = lambda t, m: (t @ m @ t - t @ np.diag(m)) / (10000 * 9999)
    mmd.append(within(v, xx) + within(w, yy) - 2 * v @ xy @ w / 1e8)
kernel = np.median(mmd), np.subtract(*np.percentile(mmd, [83.725, 16.275])) / 2
for name, theirs in [('fpd', (line[0], np.sqrt(errors[0, 0]))), ('kpd', kernel)]:
    mine = ours['judgement'][name]
    error = np.hypot(mine['error'], theirs[1])
    assert abs(mine['value'] - theirs[0]) < 4 * error + 1e-7, (name, mine, theirs)
    assert 0.2 < mine['error'] / theirs[1] < 5, (name, mine, theirs)
    assert theirs[0] > 5 * theirs[1], (name, theirs)  # far from nothing: the comparison can fail
w1 = [f['wasserstein'] for f in ours['features'] if f['name'] == 'E_tot/E_inc'][0]
assert np.isclose(w1, wasserstein_distance(response, other), rtol=1e-6), w1
'''


def evaluate(reference, candidate, *more, geometry='rings-10x5'):
    return ['evaluate', '--reference', reference, '--candidate', candidate, '--geometry', geometry, *more]


class Judgement(CommandTest):
    def test_against_numpy_and_scipy(self):
        if subprocess.run([sys.executable, '-c', 'import numpy, scipy.optimize'], capture_output=True).returncode:
            raise unittest.SkipTest('python3 has no numpy and scipy')
        self.write('geo.txt', GEOMETRY)
        for name, more in [('a', ['--seed', 1]), ('b', ['--seed', 2, '--minimum-gev', 2])]:
            self.ok('simulate', '--geometry', 'geo.txt', '--events', 2000, '--out', name + '.npz', *more)
        answer = self.json(*evaluate('a.npz', 'b.npz', '--classifier-seeds', 0, geometry='geo.txt'))
        self.assertIsNone(answer['comparisons'][0]['judgement']['classifier_voxels'])
        self.write('answer.json', json.dumps(answer))
        checked = subprocess.run([sys.executable, '-c', REFERENCE, 'a.npz', 'b.npz', 'answer.json'], cwd=self.folder,
                                 capture_output=True, encoding='utf-8')
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_run_and_evaluate_agree(self):
        out = tiny_chain() / 'out'
        report = json.loads((out / 'report.json').read_text())
        judged = {c['name']: c.get('judgement') for c in report['candidates']}
        self.assertIsNone(judged['quantised only'])
        files = [str(out / f'{name}.npz') for name in ['reference', 'compressed', 'float']]
        answer = self.json(*evaluate(files[0], files[1], '--baseline', files[2]))
        self.assertEqual(answer['quality'], report['quality'])
        for name, row in [('float model', 0), ('compressed model', 1)]:
            told = answer['comparisons'][row]['judgement']
            self.assertIsNotNone(told['fpd_floor'])
            for key in ['fpd', 'kpd', 'classifier_voxels', 'classifier_features', 'features', 'notes']:
                self.assertEqual(told[key], judged[name][key], (name, key))
        self.assertEqual(judged['float model']['fpd_floor'], judged['second reference sample']['fpd'])
        text = self.ok(*evaluate(files[0], files[1], '--baseline', files[2]))
        self.assertRegex(text, r'(?m)^quality class (lossless|light|aggressive)')
        self.assertIn('quality class', tiny_chain.answers[0].stdout)

    def test_seeds_and_threads(self):
        self.copy('out/reference.npz'), self.copy('out/float.npz')
        words = evaluate('reference.npz', 'float.npz', '--classifier-seeds', 2)
        one = self.json(*words, '--threads', 1)
        self.assertEqual(one, self.json(*words, '--threads', 3))
        self.assertEqual(one['comparisons'][0]['judgement']['classifier_voxels']['seeds'], 2)
        other = self.json(*words, '--seed', 2)
        self.assertEqual(other['seed'], 2)
        self.assertNotEqual(one['comparisons'][0]['judgement']['fpd'], other['comparisons'][0]['judgement']['fpd'])
        self.assertEqual(one['comparisons'][0]['features'], other['comparisons'][0]['features'])

    def test_samples_of_other_noise(self):
        for name in ['reference.npz', 'float.npz', 'compressed.npz', 'model.onnx', 'program.qprog']:
            self.copy('out/' + name)
        words = ['--classifier-seeds', 1]
        for name, what in [('float', 'model.onnx'), ('compressed', 'program.qprog')]:
            self.ok('sample', what, '--energies', 'float.npz', '--events', 400, '--seed', 9, '--out', f'{name}9.npz')
        files = [[f'{name}.npz', f'{name}9.npz'] for name in ['float', 'compressed']]
        several = [w for a, b in zip(*files) for w in ['--baseline', a, '--candidate', b]]
        alone = [self.json(*evaluate('reference.npz', b, '--baseline', a, *words, '--seed', 1 + k))
                 for k, (a, b) in enumerate(zip(*files))]
        both = self.json('evaluate', '--reference', 'reference.npz', '--geometry', 'rings-10x5', *several, *words)
        for row in range(2):
            one, two, mean = [x['comparisons'][row] for x in [*alone, both]]
            self.assertEqual([one['samples'], mean['samples']], [1, 2])
            for key, part in [('fpd', 'value'), ('kpd', 'value'), ('classifier_voxels', 'auc')]:
                values = [x['judgement'][key][part] for x in [one, two, mean]]
                self.assertAlmostEqual((values[0] + values[1]) / 2, values[2], 12)
            self.assertAlmostEqual(sum(x['features'][3]['separation'] for x in [one, two]) / 2,
                                   mean['features'][3]['separation'], 12)
        self.assertIn('2 x 400 v 400', self.ok('evaluate', '--reference', 'reference.npz', '--geometry', 'rings-10x5',
                                                *several, *words))
        self.refused(*evaluate('reference.npz', 'compressed.npz', '--candidate', 'compressed9.npz', '--baseline',
                               'float.npz'), says=['--baseline: 1', '--candidate: 2'])
        self.refused(*evaluate('reference.npz', 'float9.npz', '--candidate', 'float.npz', '--candidate', 'float9.npz'),
                     says=['--candidate float9.npz holds the same 400 showers as float9.npz', 'different seeds'])
        draws = self.json(*evaluate('reference.npz', 'float.npz', '--candidate', 'float9.npz', '--classifier-seeds', 0))
        apart = [self.json(*evaluate('reference.npz', name, '--classifier-seeds', 0, '--seed', 1 + k))
                 for k, name in enumerate(['float.npz', 'float9.npz'])]
        fpd = [x['comparisons'][0]['judgement']['fpd']['value'] for x in [*apart, draws]]
        self.assertAlmostEqual((fpd[0] + fpd[1]) / 2, fpd[2], 12)
        self.write('few.npz', handmade.events())
        self.refused(*evaluate('reference.npz', 'float.npz', '--candidate', 'few.npz'),
                     says=['few.npz holds 4 events', 'float.npz 400'])

    def test_why_no_class_is_told(self):
        for name in ['reference.npz', 'float.npz', 'compressed.npz', 'program.qprog']:
            self.copy('out/' + name)
        self.ok('sample', 'program.qprog', '--events', 400, '--energies', 'reference.npz', '--out', 'others.npz')
        for candidate, seeds, why in [('others.npz', 1, 'the incident energies of --candidate differ'),
                                      ('compressed.npz', 0, '--classifier-seeds of at least 1')]:
            answer = call(self.folder, *evaluate('reference.npz', candidate, '--baseline', 'float.npz',
                                                 '--classifier-seeds', seeds))
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertNotIn('quality class', answer.stdout)
            self.assertRegex(answer.stderr, f'(?m)^quench: note: no class.*{why}')

    def test_too_few_and_other_geometries(self):
        self.copy('out/reference.npz')
        self.write('few.npz', handmade.events())
        judged = self.json(*evaluate('reference.npz', 'few.npz'))['comparisons'][0]['judgement']
        self.assertEqual([judged[k] for k in ['fpd', 'kpd', 'classifier_voxels', 'classifier_features']], [None] * 4)
        self.assertIn('at least 84 events', judged['notes'][0])
        self.assertIn('at least 200 events', judged['notes'][1])
        self.assertIn('at least 84 events of each sample; here are 400 and 4',
                      self.ok(*evaluate('reference.npz', 'few.npz')))
        self.write('other.npz', handmade.events(handmade.npy((4, 368), handmade.showers(4, 368))))
        self.refused(*evaluate('reference.npz', 'other.npz'), says=['other.npz', '368', '50'])
        self.write('empty.npz', handmade.events(handmade.npy((200, 50), [0.0] * 10000),
                                                handmade.npy((200, 1), [1000.0 + i for i in range(200)])))
        judged = self.json(*evaluate('reference.npz', 'empty.npz'))['comparisons'][0]['judgement']
        self.assertGreater(judged['classifier_voxels']['auc'], 0.95)
        self.assertGreater(judged['fpd']['value'], 1)
        self.misused(*evaluate('reference.npz', 'few.npz', '--classifier-seeds', 101), verb='evaluate',
                     says='--classifier-seeds 101')
