# Recipes, networks, programs and boards that are wrong in one way each, and the sentence that each gets.
# SPDX-License-Identifier: MIT
import os, re

import handmade
from harness import CommandTest, TINY, tiny_chain
from handmade import block, model, network, node, number, tensor, transposed, value


class BadRecipe(CommandTest):
    def test_good(self):
        self.write('r.toml', TINY)
        self.ok('train', 'r.toml', '--out', 'm.onnx')

    def test_recipes(self):
        for name, says, text in [
                ('unknown key', ['r.toml:3:', 'evnets', 'data.events'], TINY.replace('events =', 'evnets =', 1)),
                ('unknown table', ['r.toml:2:', 'dada', 'data'], TINY.replace('[data]', '[dada]')),
                ('text for a number', ['r.toml:3:', 'data.events', 'integer'], TINY.replace('= 2000', '= "2000"')),
                ('real for a whole number', ['r.toml:3:', 'data.events'], TINY.replace('= 2000', '= 2000.5')),
                ('number for a text', ['r.toml:1:', 'name'], TINY.replace('"tiny"', '3')),
                ('truth for a number', ['r.toml:3:'], TINY.replace('= 2000', '= true')),
                ('number for a list', ['r.toml:7:', 'hidden'], TINY.replace('[16, 24]', '16')),
                ('texts in a list of numbers', ['hidden'], TINY.replace('[16, 24]', '["16"]')),
                ('empty list', ['hidden', '0 items'], TINY.replace('[16, 24]', '[]')),
                ('out of range', ['sparsity', '1.5'], TINY.replace('= 0.5', '= 1.5')),
                ('negative', ['r.toml:3:', '-2'], TINY.replace('= 2000', '= -2')),
                ('zero steps', ['train.steps', '0'], TINY.replace('steps = 40', 'steps = 0')),
                ('huge', ['r.toml:3:'], TINY.replace('= 2000', '= 99999999999999999999')),
                ('too many events', ['data.events', '3000000000'], TINY.replace('= 2000', '= 3000000000')),
                ('not a number', ['r.toml:14:', 'nan'], TINY.replace('= 0.5', '= nan')),
                ('twice', ['r.toml:4:', 'events'], TINY.replace('events = 2000', 'events = 2000\nevents = 2000')),
                ('table twice', 'data', TINY + '[data]\n'),
                ('no value', ['r.toml:3:'], TINY.replace('= 2000', '=')),
                ('no end of a text', ['r.toml:1:'], TINY.replace('"tiny"', '"tiny')),
                ('no end of a list', ['r.toml:'], TINY.replace('[16, 24]', '[16, 24')),
                ('nonsense', ['r.toml:1:'], 'hello world\n'),
                ('bytes', ['r.toml:1:'], b'\x00\xff\xfe\x01'),
                ('name of no identifier', ['name', 'my shower'], TINY.replace('"tiny"', '"my shower"')),
                ('name that climbs', ['name'], TINY.replace('"tiny"', '"../../tiny"')),
                ('reserved name', ['name'], TINY.replace('"tiny"', '"int"')),
                ('no bounded slope', ['train.loss', 'wasserstein', 'spectral_norm'],
                 TINY.replace('steps = 40', 'steps = 40\nloss = "wasserstein"')),
                ('energies reversed', ['minimum_gev', '50', '10'],
                 TINY.replace('[data]', '[data]\nminimum_gev = 50\nmaximum_gev = 10')),
                ('energy that overflows', ['maximum_gev', 'counts'],
                 TINY + '[generate]\nenergy_unit_mev = 1e-9\n'),
                ('particle', ['electron', 'proton'], TINY.replace('[data]', '[data]\nparticle = "proton"')),
                ('geometry', ['rings-10x6'], TINY.replace('[data]', '[data]\ngeometry = "rings-10x6"')),
                ('source', ['missing.npz'], TINY.replace('[data]', '[data]\nsource = "missing.npz"'))]:
            with self.subTest(name):
                self.write('r.toml', text)
                self.refused('train', 'r.toml', '--out', 'm.onnx', says=says)

    def test_settings(self):
        self.write('r.toml', TINY)
        for setting, says in [('data.evnets=3', 'data.events'), ('events=many', ''), ('data.events', 'KEY=VALUE'),
                              ('=3', 'KEY=VALUE'), ('data.events=many', 'many'), ('data=3', 'data'),
                              ('model.hidden=[1,', ''), ('seed=-1', 'seed'), ('compress.bits=1', '2')]:
            with self.subTest(setting):
                self.refused('train', 'r.toml', '--out', 'm.onnx', '--set', setting, says=['--set', says])
                self.refused('run', 'r.toml', '--out', 'o', '--set', setting, says=['--set', says])
        for targets, says in [('host,pdp11', 'pdp11'), ('host,host', 'twice')]:
            self.refused('run', 'r.toml', '--out', 'o', '--set', 'generate.targets=' + targets, says=says)
        self.refused('run', 'r.toml', '--out', 'o', '--seed', 2**64 - 1, says=['seed', str(2**64 - 1)])


class BadNetwork(CommandTest):
    def bad(self, says, content, *more):
        self.write('net.onnx', content)
        self.refused('import', 'net.onnx', '--out', 'm.onnx', *more, says=['net.onnx', *says])
        self.refused('inspect', 'net.onnx', says=['net.onnx', *says])

    def test_good(self):
        self.write('net.onnx', network())
        self.ok('import', 'net.onnx', '--out', 'm.onnx')

    def test_networks(self):
        conv = [node('Conv', ['x', 'w'], ['y'], 'second')]
        cycle = [node('Gemm', ['q', 'w', 'b'], ['h'], 'first', transposed()), node('Relu', ['h'], ['q'], 'act'),
                 node('Relu', ['q'], ['y'], 'last')]
        own = [node('Relu', ['h'], ['h'], 'loop'), node('Relu', ['h'], ['y'], 'act')]
        foreign = [node('Relu', ['x'], ['y'], 'odd', domain='com.example')]
        twice = [node('Relu', ['x'], ['y'], 'one'), node('Tanh', ['x'], ['y'], 'two')]
        dangling = [node('Relu', ['nowhere'], ['y'], 'act')]
        for name, says, content in [
                ('unsupported layer', ["'second'", 'Conv', 'Gemm'], network(nodes=conv)),
                ('cyclic', ['own result'], network(nodes=cycle)),
                ('reads itself', ["'loop'", 'own result'], network(nodes=own)),
                ('foreign layer', ["'odd'", 'com.example'], network(nodes=foreign)),
                ('a value made twice', ["'y'"], network(nodes=twice)),
                ('a value never made', ["'nowhere'"], network(nodes=dangling)),
                ('width', ["'first'", '3', '4'], network(width=4)),
                ('opset too new', ['opset', '99'], network(opset=99)),
                ('opset too old', ['opset', '3'], network(opset=3)),
                ('dimensions that overflow', ["'w'", '4294967296'], network(tensor('w', (2**32, 2**32), [0.0] * 6))),
                ('product that wraps to 6', ["'w'"], network(tensor('w', (2**63 + 1, 6), [0.0] * 6))),
                ('negative dimension', ["'w'", '-2'], network(tensor('w', (-2, -3), [0.0] * 6))),
                ('zero dimension', ["'w'", '0'], network(tensor('w', (0, 3), []))),
                ('rank 3', ["'w'", 'rank'], network(tensor('w', (1, 2, 3), [0.0] * 6))),
                ('too few weights', ["'w'", '6', '5'], network(tensor('w', (2, 3), [0.0] * 5))),
                ('NaN', ["'w'", 'nan', 'finite'], network(tensor('w', (2, 3), [0.0] * 5 + [float('nan')]))),
                ('integers', ["'w'"], network(tensor('w', (2, 3), [1] * 6, data_type=7))),
                ('empty file', [], b''),
                ('no graph', [], number(1, 8)),
                ('text', [], b'hello, I am no network\n'),
                ('huge columns', ["'x'", '4611686018427387904'], network(width=2**62)),
                ('no inputs', [], model([], [], [], [value('y', 'N', 2)]))]:
            with self.subTest(name):
                self.bad(says, content)

    def test_truncated_anywhere(self):
        good = network()
        for size in range(0, len(good), 7):
            with self.subTest(size):
                self.bad([], good[:size])

    def test_control_characters(self):
        self.bad([], network(nodes=[node('Relu\n\x1b[31m', ['x'], ['y'], 'a\nb')]))
        self.write('line\nbreak.onnx', b'')
        self.refused('inspect', 'line\nbreak.onnx')

    def test_external_data(self):
        weights = handmade.struct.pack('<6f', 0.5, -1.0, 2.0, 0.25, 1.5, -0.5)
        self.write('secret.bin', weights)
        self.write('models/inside.bin', weights)
        os.symlink('../secret.bin', self.folder / 'models/link.bin')
        (self.folder / 'models/folder.bin').mkdir()

        def load(**external):
            self.write('models/net.onnx', network(tensor('w', (2, 3), external=external)))
            return ['import', 'models/net.onnx', '--out', 'm.onnx']

        self.ok(*load(location='inside.bin'))
        self.ok('inspect', 'm.onnx')
        (self.folder / 'm.onnx').unlink()
        for name, external in [('climbs', {'location': '../secret.bin'}),
                               ('hides its climb', {'location': 'x/../../secret.bin'}),
                               ('absolute', {'location': str(self.folder / 'secret.bin')}),
                               ('by a link', {'location': 'link.bin'}), ('missing', {'location': 'none.bin'}),
                               ('a folder', {'location': 'folder.bin'}), ('no name', {'location': ''}),
                               ('nothing', {}), ('device', {'location': '/dev/zero'}),
                               ('wide', {'location': 'inside.bin', 'length': '48'}),
                               ('negative', {'location': 'inside.bin', 'offset': '-4'}),
                               ('behind', {'location': 'inside.bin', 'offset': '8'}),
                               ('far behind', {'location': 'inside.bin', 'offset': str(2**64 - 8), 'length': '24'})]:
            with self.subTest(name):
                self.refused(*load(**external), says=['models/net.onnx', "'w'"])

    def test_rows(self):
        self.write('net.onnx', network())
        words = ['import', 'net.onnx', '--out', 'm.onnx', '--data']
        for name, says, content in [('width', '3', handmade.npy((4, 2), [1.0] * 8)),
                                    ('rank', '3', handmade.npy((3,), [1.0] * 3)),
                                    ('no rows', '', handmade.npy((0, 3), [])),
                                    ('not finite', '', handmade.npy((1, 3), [float('nan')] * 3)),
                                    ('npz', '', handmade.events()), ('empty', '', b'')]:
            with self.subTest(name):
                self.write('rows.npy', content)
                self.refused(*words, 'rows.npy', says=['rows.npy', says])
                self.refused('compress', 'net.onnx', '--out', 'p.qprog', '--data', 'rows.npy', says=['rows.npy', says])
        self.refused(*words, 'missing.npy', says='missing.npy')
        self.refused('compress', 'net.onnx', '--out', 'p.qprog', says='--data')
        self.refused('sample', 'net.onnx', '--events', 3, '--out', 'e.npz', says=[])
        self.copy('out/model.onnx')
        self.refused('import', 'model.onnx', '--out', 'm.onnx', '--data', 'rows.npy', says=[])


class BadProgram(CommandTest):
    def setUp(self):
        super().setUp()
        self.good = (tiny_chain() / 'out/program.qprog').read_text()

    def verbs(self, name):
        return [['inspect', name], ['sample', name, '--events', 3, '--out', 'e.npz'],
                ['generate', name, '--target', 'host', '--out', 'code']]

    def test_programs(self):
        good = self.good
        for name, says, text in [
                ('newer', ['version 3', 'version 2'], good.replace('quench-program 2', 'quench-program 3', 1)),
                ('older', ['version 1', 'version 2'], good.replace('quench-program 2', 'quench-program 1', 1)),
                ('much newer', [], good.replace('quench-program 2', 'quench-program ' + '9' * 30, 1)),
                ('empty', [], ''), ('text', ['quench-program'], 'hello\n'),
                ('bytes', [], b'\x00\x01\x02\xff'),
                ('unknown layer', ['Linaer', 'p.qprog'], good.replace(' Linear ', ' Linaer ', 1)),
                ('unknown value', ['nowhere'], good.replace('inputs 2 event energy', 'inputs 2 event nowhere', 1)),
                ('behind the end', ['end'], good + 'more\n'),
                ('no end', ['truncated'], good[:good.rindex('end')]),
                ('length', [], good.replace('length 50', 'length 51', 1)),
                ('huge length', [], good.replace('length 50', 'length 2147483647')),
                ('many values', [], re.sub(r'values \d+', 'values 999999999999', good, count=1)),
                ('no number', [], good.replace('bits 8', 'bits x', 1)),
                ('scale', [], re.sub(r'scale \S+', 'scale nan', good)),
                ('name', [], good.replace('name tiny', 'name ../../evil', 1)),
                ('line', [], good.replace('value latent_out', 'value latent\x1b[31m', 1))]:
            with self.subTest(name):
                self.write('p.qprog', text)
                for words in self.verbs('p.qprog'):
                    self.refused(*words, says=['p.qprog', *says])

    def test_truncated_anywhere(self):
        for size in range(0, len(self.good) - 4, 2503):
            with self.subTest(size):
                self.write('p.qprog', self.good[:size])
                self.refused('inspect', 'p.qprog', says='p.qprog')

    def test_all_weights_pruned(self):
        self.copy('out/model.onnx')
        for scope in ['layer', 'global']:
            for more in [['--tune-steps', 0], []]:
                line = self.refused('compress', 'model.onnx', '--sparsity', 0.9999, '--scope', scope, *more, '--out',
                                    'p.qprog', says=['0.9999', 'layer'])
                self.assertRegex(line, r'all (144|384|1200) weights of layer (hidden1|hidden2|numbers)')

    def test_wrong_kind_of_file(self):
        self.copy('out/model.onnx'), self.copy('out/program.qprog'), self.copy('tiny.toml')
        self.write('swapped.onnx', self.read('program.qprog')), self.write('swapped.qprog', self.read('model.onnx'))
        self.write('swapped.npz', self.read('model.onnx')), self.write('events.onnx', handmade.events())
        for name in ['swapped.onnx', 'swapped.qprog', 'swapped.npz', 'events.onnx', 'tiny.toml', 'missing.onnx',
                     'missing.qprog', 'missing.npz', 'missing']:
            with self.subTest(name):
                self.refused('inspect', name, says=name)
        for name in ['folder', 'folder.onnx', 'folder.qprog', 'folder.npz']:
            (self.folder / name).mkdir()
            with self.subTest(name):
                self.refused('inspect', name, says=name)
                self.refused('sample', name, '--events', 3, '--out', 'e.npz', says=name)
        self.refused('compress', 'program.qprog', '--out', 'p.qprog', says='program.qprog')
        self.refused('generate', 'model.onnx', '--target', 'host', '--out', 'code', says='model.onnx')
        self.refused('train', 'model.onnx', '--out', 'm.onnx', says='model.onnx')
        self.refused('compress', 'model.onnx', '--recipe', 'missing.toml', '--out', 'p.qprog', says='missing.toml')

    def test_names_of_shipped_files(self):
        """A program whose file would replace a kernel or a main."""
        for name in ['noise', 'crc', 'load', 'model', 'main']:
            self.write('p.qprog', self.good.replace('name tiny', 'name ' + name, 1))
            for target in ['host', 'cortex-m4', 'vitis-hls']:
                with self.subTest(f'{name} {target}'):
                    self.refused('generate', 'p.qprog', '--target', target, '--out', 'code', says=[target, name])
        self.write('r.toml', TINY.replace('"tiny"', '"noise"'))
        self.refused('run', 'r.toml', '--out', 'o', says=['noise', 'another name'])

    def test_boards(self):
        self.copy('out/program.qprog')
        words = ['generate', 'program.qprog', '--out', 'code', '--target']
        self.write('good.board', '# mine\nbase = cortex-m4\nflash_bytes = 262144\nram_bytes = 65536\n')
        self.ok(*words, 'good.board')
        for target in ['pdp11', 'missing.board', '.', 'code', 'HOST']:
            with self.subTest(target):
                self.refused(*words, target, says=[target, 'cortex-m4'])
        for name, says, text in [
                ('too little flash', ['flash', '1000', 'too few; layer', 'alone takes'],
                 'base = cortex-m4\nflash_bytes = 1000\n'),
                ('too little RAM', ['RAM', '16'], 'base = cortex-m4\nram_bytes = 16\n'),
                ('unknown base', ['bad.board:1', 'pdp11', 'cortex-m4'], 'base = pdp11\n'),
                ('no base', ['bad.board', 'base'], 'flash_bytes = 100000\n'),
                ('empty', ['bad.board', 'base'], ''),
                ('unknown key', ['bad.board:2', 'flash'], 'base = host\nflash = 3\n'),
                ('no number', ['bad.board:2', 'lots'], 'base = host\nram_bytes = lots\n'),
                ('negative', ['bad.board:2', '-5'], 'base = host\nram_bytes = -5\n'),
                ('negative and long', ['bad.board:2'], 'base = host\nram_bytes = -' + '9' * 19 + '\n'),
                ('letter and long', ['bad.board:2'], 'base = host\nram_bytes = x' + '1' * 25 + '\n'),
                ('zero', ['bad.board:2'], 'base = host\nram_bytes = 0\n'),
                ('overflow', ['bad.board:2', '9' * 30], 'base = host\nram_bytes = ' + '9' * 30 + '\n'),
                ('no value', ['bad.board:2'], 'base = host\nram_bytes\n'),
                ('two bases', ['bad.board:2', 'base'], 'base = host\nbase = cortex-m4\n'),
                ('limit before its base', ['bad.board:1'], 'flash_bytes = 1000\nbase = cortex-m4\n'),
                ('a limit twice', ['bad.board:3', 'ram_bytes'], 'base = host\nram_bytes = 90000\nram_bytes = 80000\n'),
                ('bytes', ['bad.board:1'], b'\x00\xff\x1b\n')]:
            with self.subTest(name):
                self.write('bad.board', text)
                self.refused(*words, 'bad.board', says=says)
        self.refused('generate', 'program.qprog', '--out', 'code', '--target', 'host', '--encoding', 'zip',
                     says=['zip', 'bitmap'])
