# A tiny chain by its verbs: what it writes, and that the bytes depend on seed and inputs alone.
# SPDX-License-Identifier: MIT
import json, math, re, struct
from html.parser import HTMLParser

import handmade
from harness import CommandTest, TINY, call, tiny_chain, tree
from handmade import read_npz

MACHINES = ['host', 'cortex-m4', 'vitis-hls']


class Balance(HTMLParser):
    """Collects tags that are not closed, and whatever would be loaded from elsewhere."""
    void = {'br', 'hr', 'img', 'input', 'link', 'meta', 'col', 'path', 'rect', 'line', 'circle', 'polyline', 'polygon'}

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.loaded, self.tags = [], [], [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.loaded += [v for k, v in attributes if k in ('src', 'href') and v and not v.startswith(('#', 'data:'))]
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        if tag in self.void:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


def of_standardisation(program):
    """Multiplications of the Linears that make means and deviations of functions which they share."""
    shared = next(n['what'] for n in program['layers'] if n['name'] == 'logit_shared')
    return 2 * 49 * int(re.match(r'Table 1 -> (\d+)', shared).group(1))


class Chain(CommandTest):
    def test_compress_tells_the_size_of_the_encoding_asked_for(self):
        self.copy('out/model.onnx')
        sizes = []
        for encoding in ['dense', 'smallest']:
            self.write('r.toml', f'[compress]\ntune_steps = 0\nsparsity = 0.9\nencoding = "{encoding}"\n')
            told = self.ok('compress', 'model.onnx', '--recipe', 'r.toml', '--out', 'p.qprog')
            sizes.append(int(re.search(r': ([\d ]+) bits stored', told)[1].replace(' ', '')))
        self.assertLess(sizes[1], sizes[0])

    def test_run_writes(self):
        out = tree(tiny_chain() / 'out')
        for name in ['recipe.toml', 'model.checkpoint', 'model.onnx', 'program.qprog', 'reference.npz', 'float.npz',
                     'compressed.npz', 'report.html', 'report.json', 'generate/host/LICENSE',
                     'generate/cortex-m4/LICENSE', 'generate/vitis-hls/LICENSE']:
            self.assertIn(name, out)
            self.assertGreater(len(out[name]), 100, name)
        self.assertFalse([n for n in out if '.partial-' in n])
        for machine in MACHINES:
            for name in ['tiny.h', 'tiny.cpp', 'noise.h']:
                self.assertIn(f'generate/{machine}/{name}', out)
        for name in ['reference.npz', 'float.npz', 'compressed.npz']:
            arrays = read_npz(out[name])
            self.assertEqual(arrays['showers'][0], (400, 50), name)
            self.assertEqual(arrays['incident_energies'][0], (400, 1), name)
            self.assertTrue(all(v >= 0 and math.isfinite(v) for v in arrays['showers'][1]), name)
            self.assertGreater(max(arrays['showers'][1]), 0, name)
        answer = tiny_chain.answers[0]
        self.assertRegex(answer.stdout, r'(?m)^compressed model +400 v 400 ')
        self.assertIn('out/report.html', answer.stdout)
        self.assertNotIn('\r', answer.stderr)  # no bar where nobody looks
        self.assertNotIn('\x1b', answer.stdout + answer.stderr)

    def test_report(self):
        page = (tiny_chain() / 'out/report.html').read_text()
        parser = Balance()
        parser.feed(page)
        parser.close()
        self.assertEqual((parser.wrong, parser.open, parser.loaded), ([], [], []))
        for tag in ['svg', 'table', 'title']:
            self.assertIn(tag, parser.tags)
        self.assertNotRegex(page, r'(?i)\bnan\b|\binf\b')
        text = (tiny_chain() / 'out/report.json').read_text()
        report = json.loads(text, parse_constant=lambda word: self.fail(f'{word} is no JSON'))
        self.assertEqual(report['seed'], 1)
        self.assertEqual([t['name'] for t in report['targets']], MACHINES)
        # The layers' float sizes are the whole's: the polynomials that standardise are in none of them.
        sizes = report['sizes']
        layers = sizes['layers']
        self.assertEqual(sum(layer['float_bits'] or 0 for layer in layers), sizes['float_bits'])
        self.assertIn('logit_mean', [layer['name'] for layer in layers if layer['weights']])
        self.assertRegex(report['summary'], r', (50|5\d\.\d) % of its weights zero, quantised')

    def test_recipe_is_complete(self):
        """The recipe that run leaves behind says it all: it makes the same model."""
        self.copy('out/recipe.toml')
        self.ok('train', 'recipe.toml', '--out', 'again.onnx')
        self.assertEqual(self.read('again.onnx'), (tiny_chain() / 'out/model.onnx').read_bytes())

    def test_by_hand(self):
        """The verbs one by one give the files of run."""
        out = tiny_chain() / 'out'
        self.copy('tiny.toml')
        self.ok('train', 'tiny.toml', '--out', 'model.onnx')
        self.assertEqual(self.read('model.onnx'), (out / 'model.onnx').read_bytes())
        self.ok('compress', 'model.onnx', '--recipe', 'tiny.toml', '--out', 'program.qprog')
        self.assertEqual(self.read('program.qprog'), (out / 'program.qprog').read_bytes())
        for machine in MACHINES:
            self.ok('generate', 'program.qprog', '--target', machine, '--out', 'code/' + machine)
            self.assertEqual(tree(self.folder / 'code' / machine), tree(out / 'generate' / machine), machine)
        for maker, name in [('model.onnx', 'float.npz'), ('program.qprog', 'compressed.npz')]:
            self.copy('out/' + name, 'energies.npz')
            self.ok('sample', maker, '--events', 400, '--energies', 'energies.npz', '--out', name)
            self.assertEqual(self.read(name), (out / name).read_bytes(), name)

    def test_evaluate(self):
        for name in ['reference', 'float', 'compressed']:
            self.copy(f'out/{name}.npz')
        words = ['evaluate', '--geometry', 'rings-10x5', '--reference', 'reference.npz', '--candidate',
                 'compressed.npz']
        text = self.ok(*words, '--baseline', 'float.npz')
        run = tiny_chain.answers[0].stdout

        def row(name, where):
            found = re.search(rf'(?m)^{name} +400 v 400 +(.*)$', where)
            self.assertTrue(found, name + ' is not in ' + where)
            return found.group(1).split()

        self.assertEqual(row('candidate against reference', text), row('compressed model', run))
        self.assertEqual(row('baseline against reference', text), row('float model', run))
        self.assertIn('event by event', text)
        report = self.json(*words, '--baseline', 'float.npz')
        self.assertEqual(report, self.json(*words, '--baseline', 'float.npz', '--threads', 1))
        same = ['evaluate', '--reference', 'float.npz', '--candidate', 'float.npz', '--geometry', 'rings-10x5']
        numbers = row('candidate against reference', self.ok(*same))
        self.assertEqual(float(numbers[0]), 0)  # nothing differs from itself

    def test_evaluate_corners(self):
        """One event, equal events, empty candidates, huge energies: numbers or null, never a crash or a bare NaN."""
        for name, shower, energy in [('one', handmade.npy((1, 50), handmade.showers(1)), handmade.npy((1, 1), [5.0])),
                                     ('same', handmade.npy((4, 50), [1.0] * 200), None),
                                     ('zero', handmade.npy((4, 50), [0.0] * 200), None),
                                     ('huge', handmade.npy((4, 50), [3e38] * 200), None), ('plain', None, None)]:
            self.write(name + '.npz', handmade.events(shower, energy))
        for reference in ['one', 'same', 'huge', 'plain']:
            for candidate in ['one', 'same', 'zero', 'huge', 'plain']:
                with self.subTest(f'{reference} {candidate}'):
                    words = ['evaluate', '--geometry', 'rings-10x5', '--reference', reference + '.npz', '--candidate',
                             candidate + '.npz', '--baseline', candidate + '.npz']
                    self.json(*words)
                    self.assertNotRegex(self.ok(*words), r'(?i)\bnan\b|\binf\b')

    def test_inspect(self):
        for name in ['model.onnx', 'program.qprog', 'reference.npz']:
            self.copy('out/' + name)
        model = self.json('inspect', 'model.onnx')
        widths = {n['name']: n['output_width'] for n in model['layers']}
        self.assertEqual((widths['hidden1'], widths['hidden2'], widths['threshold']), (16, 24, 50))
        self.assertEqual({n['name']: n['weights'] for n in model['layers']}['hidden1'], 9 * 16)
        program = self.json('inspect', 'program.qprog')
        self.assertEqual(program['stored_bits'], sum(n['stored_bits'] for n in program['layers']))
        standardisation = of_standardisation(program)
        self.assertEqual(program['multiplications'], 9 * 16 + 16 * 24 + 24 * 50 + standardisation)
        # half of each layer is pruned; rounding to 8 bits may make a few more zeros
        learned = program['multiplications'] - standardisation
        self.assertLessEqual(program['nonzeros'], learned // 2 + standardisation)
        self.assertGreater(program['nonzeros'], learned * 0.4)
        events = self.json('inspect', 'reference.npz')
        self.assertEqual([(a['name'], a['shape']) for a in events['arrays']],
                         [('showers', [400, 50]), ('incident_energies', [400, 1]), ('voxel_centres', [50, 4])])
        for name in ['model.onnx', 'program.qprog', 'reference.npz']:
            self.assertGreater(len(self.ok('inspect', name).split('\n')), 3)
        self.assertEqual([t['name'] for t in self.json('targets')], MACHINES)

    def test_json_of_run(self):
        self.copy('tiny.toml')
        report = self.json('run', 'tiny.toml', '--out', 'out')
        self.assertEqual(report, json.loads(self.read('out/report.json')))

    def test_import(self):
        """A foreign network: imported, tried on rows, compressed, sampled."""
        self.write('net.onnx', handmade.network())
        self.write('rows.npy', handmade.npy((5, 3), [0.1 * i for i in range(15)]))
        self.assertIn('5 rows', self.ok('import', 'net.onnx', '--data', 'rows.npy', '--out', 'net2.onnx'))
        self.assertEqual([n['kind'] for n in self.json('inspect', 'net2.onnx')['layers']], ['Linear', 'Relu'])
        self.ok('compress', 'net2.onnx', '--data', 'rows.npy', '--sparsity', 0, '--out', 'net.qprog')
        self.assertEqual(self.json('inspect', 'net.qprog')['multiplications'], 6)
        self.assertEqual(self.json('inspect', 'net.qprog')['name'], 'handmade')
        self.ok('import', 'net.onnx', '--latent', 'uniform', '--out', 'noise.onnx')
        self.ok('compress', 'noise.onnx', '--sparsity', 0.5, '--out', 'noise.qprog')
        self.assertEqual(self.json('inspect', 'noise.qprog')['nonzeros'], 3)
        self.refused('compress', 'noise.onnx', '--tune-steps', 5, '--out', 'p.qprog', says='--tune-steps')
        self.write('integers.toml', '[compress]\nquantized_tune_steps = 9\n')
        self.refused('compress', 'noise.onnx', '--recipe', 'integers.toml', '--out', 'p.qprog',
                     says='compress.quantized_tune_steps 9: model')
        self.copy('events.npz')
        self.refused('compress', 'noise.onnx', '--data', 'events.npz', '--out', 'p.qprog', says='geometry')
        self.copy('out/model.onnx')
        self.ok('import', 'model.onnx', '--out', 'again.onnx')
        self.assertEqual(self.read('again.onnx'), self.read('model.onnx'))

    def test_slices(self):
        """Events K .. K+N-1 are those rows of a longer sample."""
        self.copy('out/model.onnx'), self.copy('out/program.qprog')
        for words in [['sample', 'model.onnx'], ['sample', 'program.qprog'], ['simulate']]:
            self.ok(*words, '--events', 300, '--out', 'all.npz')
            every = read_npz(self.read('all.npz'))
            for first, count in [(0, 1), (63, 130), (299, 1)]:
                with self.subTest(f'{words} {first} {count}'):
                    self.ok(*words, '--first', first, '--events', count, '--out', 'some.npz')
                    some = read_npz(self.read('some.npz'))
                    for name, width in [('showers', 50), ('incident_energies', 1)]:
                        self.assertEqual(some[name][0], (count, width))
                        self.assertEqual(some[name][1], every[name][1][first * width:(first + count) * width], name)

    def test_threads(self):
        self.copy('tiny.toml')
        for threads in [1, 2, 5]:
            to = f't{threads}/'
            (self.folder / to).mkdir()
            more = ['--threads', threads]
            self.ok('simulate', '--events', 500, '--out', to + 'simulated.npz', *more)
            self.ok('train', 'tiny.toml', '--out', to + 'model.onnx', *more)
            self.ok('compress', to + 'model.onnx', '--recipe', 'tiny.toml', '--out', to + 'program.qprog', *more)
            self.ok('sample', to + 'model.onnx', '--events', 500, '--out', to + 'float.npz', *more)
            self.ok('sample', to + 'program.qprog', '--events', 500, '--out', to + 'integer.npz', *more)
            self.ok('generate', to + 'program.qprog', '--target', 'host', '--out', to + 'host')
        self.same_files('t1', 't2')
        self.same_files('t1', 't5')

    def test_threads_of_run(self):
        self.copy('tiny.toml')
        for threads in [1, 2]:
            self.ok('run', 'tiny.toml', '--out', f't{threads}', '--threads', threads)
        self.same_files('t1', 't2', but=['report.html', 'report.json'])  # they tell times and threads

    def test_seeds(self):
        self.copy('tiny.toml'), self.copy('out/model.onnx'), self.copy('out/program.qprog')
        for name, words in [('simulated.npz', ['simulate', '--events', 50]),
                            ('float.npz', ['sample', 'model.onnx', '--events', 50]),
                            ('integer.npz', ['sample', 'program.qprog', '--events', 50]),
                            ('trained.onnx', ['train', 'tiny.toml'])]:
            with self.subTest(name):
                made = []
                for seed in [[], ['--seed', 1], ['--seed', 2], ['--seed', 2]]:
                    self.ok(*words, *seed, '--out', name)
                    made.append(self.read(name))
                self.assertEqual(made[0], made[1])  # 1 is the default
                self.assertEqual(made[2], made[3])
                self.assertNotEqual(made[0], made[2])

    def test_settings(self):
        """--set, the file and the defaults, in this order of power."""
        self.write('short.toml', TINY.replace('steps = 40', 'steps = 20'))
        self.write('long.toml', TINY)
        self.ok('train', 'long.toml', '--set', 'train.steps=20', '--out', 'a.onnx')
        self.ok('train', 'short.toml', '--out', 'b.onnx')
        self.assertEqual(self.read('a.onnx'), self.read('b.onnx'))
        self.assertNotEqual(self.read('a.onnx'), (tiny_chain() / 'out/model.onnx').read_bytes())

    def test_compression(self):
        """Every way to calibrate, round and prune: accepted, and different; all at once, the same for any threads."""
        self.copy('tiny.toml')
        self.ok('train', 'tiny.toml', '--set', 'model.activation=leaky-relu', '--out', 'model.onnx')
        few = '[compress]\nbits = 4\nactivation_bits = 6\n'
        ways = ['', 'calibration = "percentile"\npercentile = 99', 'calibration = "mse"', 'calibration = "entropy"',
                'symmetric = false', 'symmetric_weights = false', 'weight_range = "mse"', 'rounding = "gptq"',
                'rounding = "adaround"',
                'bias_correction = true', 'equalise = true', 'prune = "wanda"', 'prune = "obc"',
                'prune = "n:m"\npattern = "2:4"', 'prune = "blocks"', 'prune = "neurons"', 'schedule = "cubic"',
                'table_tolerance = 0.2', 'restandardise = true', 'quantized_tune_steps = 5\ndead_zone = 0.9']
        for i, way in enumerate(ways):
            with self.subTest(way):
                self.write('way.toml', TINY.replace('[compress]\n', few + way + '\n'))
                told = call(self.folder, 'compress', 'model.onnx', '--recipe', 'way.toml', '--out', f'{i}.qprog')
                self.assertEqual(told.returncode, 0, told.stderr)
                self.assertEqual('dead_zone 0.9 was not reached' in told.stderr, 'dead_zone' in way)  # in 5 steps
        programs = [self.read(f'{i}.qprog') for i in range(len(ways))]
        self.assertEqual(len(set(programs)), len(programs))
        together = [way for way in ways if re.match('cal.*mse|symm|weight|.*gptq|bias|equ|.*obc', way)]
        self.write('way.toml', TINY.replace('[compress]\n', few + '\n'.join(together) + '\n'))
        for threads in [1, 2]:
            self.ok('compress', 'model.onnx', '--recipe', 'way.toml', '--out', f'p{threads}.qprog', '--threads',
                    threads)
        self.assertEqual(self.read('p1.qprog'), self.read('p2.qprog'))
        self.ok('sample', 'p1.qprog', '--events', 20, '--out', 'p.npz')

    def test_stages(self):
        """The order of the stages is the recipe's: the usual one spelled out is the usual one, others differ."""
        self.copy('out/model.onnx')
        tuned = 'quantized_tune_steps = 5\n'
        gptq = 'rounding = "gptq"\nequalise = true\nrestandardise = true\n'
        second = 'prune = "obc"\nrounding = "gptq"\n'
        orders = [('', '"prune", "tune"'), ('', '"prune:0.3", "tune", "prune"'),
                  ('', '"prune:0.3", "tune", "prune", "tune"'), ('', '"prune:0.3", "tune:9", "prune", "tune"'),
                  (tuned, '"prune", "tune", "tune-quantized"'), (tuned, '"prune", "tune-quantized"'),
                  (tuned, '"tune-quantized", "prune"'), (tuned, '"tune-quantized", "prune", "tune-quantized"'),
                  (gptq, '"equalise", "prune", "tune", "round", "restandardise"'),
                  (gptq + tuned, '"equalise", "prune", "round", "tune-quantized", "restandardise"'),
                  ('schedule = "cubic"\n', '"prune", "tune"'), (second, '"prune", "round"'),
                  (second, '"prune", "tune", "round"'),
                  ('schedule = "cubic"\n', '"prune:0.2", "tune", "prune", "tune"'),
                  ('prune = "neurons"\n', '"prune:0.25", "tune", "prune", "tune"')]

        def program(keys, stages, *words):
            order = f'stages = [{stages}]\n' if stages else ''
            self.write('way.toml', TINY.replace('[compress]\n', '[compress]\nbits = 4\n' + keys + order))
            self.ok('compress', 'model.onnx', '--recipe', 'way.toml', '--out', 'p.qprog', *words)
            return self.read('p.qprog')

        programs = [program(*order) for order in orders]
        self.assertEqual(len(set(programs)), len(programs))
        for usual in [0, 4, 8, 10]:
            self.assertEqual(programs[usual], program(orders[usual][0], ''), orders[usual])
        for some in [3, 9, 11]:
            self.assertEqual(programs[some], program(*orders[some], '--threads', 1), orders[some])
        self.write('p.qprog', programs[-1])
        # in two steps as many neurons leave as in one: half of 16 and of 24
        narrow = self.json('inspect', 'p.qprog')
        self.assertEqual(narrow['multiplications'] - of_standardisation(narrow), 9 * 8 + 8 * 12 + 12 * 50)

    def test_stages_refused(self):
        """Orders that only a model or a verb can refuse; those of the recipe alone: recipe_stages_test.cpp."""
        self.write('net.onnx', handmade.network())
        self.ok('import', 'net.onnx', '--latent', 'uniform', '--out', 'noise.onnx')
        self.write('way.toml', TINY.replace('[compress]\n', '[compress]\nstages = ["prune", "tune"]\n'))
        self.refused('compress', 'noise.onnx', '--recipe', 'way.toml', '--out', 'p.qprog',
                     says=['compress.stages: tune', 'leave the stage out'])
        self.refused('compress', 'noise.onnx', '--recipe', 'way.toml', '--sparsity', 0, '--out', 'p.qprog',
                     says='prune at sparsity 0')
        self.refused('study', 'combined', 'way.toml', '--out', 'study', says='compress.stages')
        self.refused('search', 'way.toml', '--class', 'lossless', '--out', 'search', says='compress.stages')

    def test_skip_and_critic(self):
        """A generator with a skip, tuned in integers against a critic: in a run, and by the verbs on events."""
        critic = '[compress]\nquantized_tune_steps = 6\nalpha = 0.1\nrestandardise = true\noccupancy = "voxels"\n'
        self.write('skip.toml', TINY.replace('latent = 8', 'latent = 8\nskip = true').replace('[compress]\n', critic))
        self.copy('events.npz')
        self.ok('run', 'skip.toml', '--out', 'out')
        self.assertRegex(self.ok('inspect', 'out/program.qprog'), r'(?m)^sum +Add 50 \+ 50 -> 50')
        for threads in [1, 2]:
            self.ok('compress', 'out/model.onnx', '--recipe', 'skip.toml', '--data', 'events.npz', '--threads', threads,
                    '--out', f'p{threads}.qprog')
        self.assertEqual(self.read('p1.qprog'), self.read('p2.qprog'))
        self.write('uncounted.toml', (self.folder / 'skip.toml').read_text().replace('occupancy = "voxels"\n', ''))
        self.ok('compress', 'out/model.onnx', '--recipe', 'uncounted.toml', '--data', 'events.npz', '--out', 'q.qprog')
        self.assertNotEqual(self.read('p1.qprog'), self.read('q.qprog'))
        self.refused('compress', 'out/model.onnx', '--recipe', 'skip.toml', '--out', 'p.qprog',
                     says=['compress.alpha 0.1', 'give them with --data'])
        counted = '[compress]\nrestandardise = true\noccupancy = "voxels"\n'
        self.write('count.toml', TINY.replace('[compress]\n', counted))
        self.refused('compress', 'out/model.onnx', '--recipe', 'count.toml', '--out', 'p.qprog',
                     says=['compress.occupancy needs real showers', 'give them with --data'])

    def test_compression_refused(self):
        self.copy('out/model.onnx')
        for way, says in [('prune = "n:m"\npattern = "1:4"', ['1:4 gives sparsity 0.75', 'is 0.5']),
                          ('pattern = "2:4"', 'which is magnitude'),
                          ('fixed_point = "16,8"\ncalibration = "mse"', 'fixes every scale'),
                          ('dead_zone = 0.5', 'set compress.quantized_tune_steps'),
                          ('alpha = 0.5', 'set compress.quantized_tune_steps'),
                          ('occupancy = "layers"', 'set compress.restandardise = true')]:
            self.write('way.toml', TINY.replace('[compress]\n', '[compress]\n' + way + '\n'))
            self.refused('compress', 'model.onnx', '--recipe', 'way.toml', '--out', 'p.qprog', says=says)

    def test_energies(self):
        self.copy('out/program.qprog')
        words = ['sample', 'program.qprog', '--events', 40, '--out', 'e.npz', '--energies']
        self.ok(*words, 'fixed:10')
        self.assertEqual(set(read_npz(self.read('e.npz'))['incident_energies'][1]), {10000.0})
        self.ok(*words, 'log-uniform:5:20')
        drawn = read_npz(self.read('e.npz'))['incident_energies'][1]
        self.assertTrue(all(5000 <= e <= 20000 for e in drawn) and max(drawn) > 10000 > min(drawn))

    def test_events_from_files(self):
        """Real showers: an .npz, and a folder of .npy files of another shape with the same voxels."""
        arrays = read_npz((tiny_chain() / 'events.npz').read_bytes())
        (count, _), showers = arrays['showers']
        energies = arrays['incident_energies'][1]
        (self.folder / 'folder').mkdir()
        doubles = struct.pack('<%dd' % len(energies), *energies)
        self.write('folder/showers.npy', handmade.npy((count, 10, 5), showers))
        self.write('folder/incident_energies.npy', handmade.npy((count,), descr='<f8', data=doubles))
        self.copy('events.npz'), self.copy('tiny.toml')
        for source, out in [('events.npz', 'a.onnx'), ('folder', 'b.onnx')]:
            self.ok('train', 'tiny.toml', '--set', 'data.source=' + source, '--out', out)
        self.assertEqual(self.read('a.onnx'), self.read('b.onnx'))
