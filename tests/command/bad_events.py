# Event files and arrays that are wrong in one way each, and the sentence that each gets.
# SPDX-License-Identifier: MIT
import struct, zipfile

import handmade
from harness import CommandTest, TINY
from handmade import events, npy, npz, showers

ENERGIES = [1000.0, 2000.0, 3000.0, 4000.0]
NAN, INF = float('nan'), float('inf')


class BadEvents(CommandTest):
    def evaluate(self, name, geometry='rings-10x5'):
        return ['evaluate', '--reference', name, '--candidate', 'good.npz', '--geometry', geometry]

    def setUp(self):
        super().setUp()
        self.write('good.npz', events())

    def bad(self, says, content, name='bad.npz'):
        self.write(name, content)
        return self.refused(*self.evaluate(name), says=[name] + ([says] if isinstance(says, str) else list(says)))

    def test_good(self):
        """What is refused below is refused for its one fault."""
        self.ok(*self.evaluate('good.npz'))

    def test_npz_container(self):
        good = events()
        for name, says, content in [
                ('deflated', ['deflated', 'numpy.savez'], events(method=zipfile.ZIP_DEFLATED)),
                ('bzip2', ['method 12'], events(method=zipfile.ZIP_BZIP2)),
                ('empty file', '0 bytes', b''),
                ('one byte', '1 bytes', b'P'),
                ('text', 'is not a .npz', b'energy,1,2,3\n'),
                ('garbage behind', 'garbage', good + b'abcdefgh'),
                ('garbage before', '', b'abcdefgh' + good),
                ('flipped bit', 'CRC', good[:300] + bytes([good[300] ^ 8]) + good[301:]),
                ('two showers', ['two arrays', 'showers'],
                 npz([('showers', npy((4, 50), showers()))] * 2 + [('incident_energies', npy((4, 1), ENERGIES))])),
                ('no showers', 'showers', npz([('incident_energies', npy((4, 1), ENERGIES))])),
                ('no energies', 'incident_energies', npz([('showers', npy((4, 50), showers()))])),
                ('no arrays', 'none', npz([])),
                ('HDF5', ['HDF5', 'numpy.savez'], b'\x89HDF\r\n\x1a\n' + bytes(100)),
                ('one array', ['folder', '.npz'], npy((4, 50), showers()))]:
            with self.subTest(name):
                self.bad(says, content)

    def test_truncated_anywhere(self):
        good = events()
        for size in list(range(0, len(good), 61)) + [len(good) - 1, len(good) - 22, len(good) - 23]:
            with self.subTest(size):
                self.bad([], good[:size])

    def test_npy_header(self):
        for name, says, array in [
                ('big-endian', ['showers', 'big-endian', '>f4'],
                 npy((4, 50), descr='>f4', data=struct.pack('>200f', *showers()))),
                ('Fortran order', ['Fortran', 'ascontiguousarray'], npy((4, 50), showers(), fortran='True')),
                ('text', ['<U8', 'not supported'], npy((4, 50), descr='<U8', data=bytes(6400))),
                ('complex', ['<c8'], npy((4, 50), descr='<c8', data=bytes(1600))),
                ('half', ['<f2'], npy((4, 50), descr='<f2', data=bytes(400))),
                ('fields', 'structured', npy((4, 50), header="{'descr': [('a', '<f4')], 'fortran_order': False, "
                                             "'shape': (4, 50), }", data=bytes(800))),
                ('short', ['800', '400'], npy((4, 50), data=bytes(400))),
                ('long', 'garbage', npy((4, 50), data=bytes(804))),
                ('negative', 'negative', npy((4, 50), header="{'descr': '<f4', 'fortran_order': False, 'shape': "
                                             "(-4, 50), }", data=bytes(800))),
                ('huge', '', npy((2**40, 2**40), data=bytes(800))),
                ('overflowing', '63 bits', npy((2**64, 50), data=bytes(800))),
                ('wrapping to 800 bytes', '', npy((2**62 + 1, 4, 50), data=bytes(800))),
                ('no shape', 'shape', npy((), header="{'descr': '<f4', 'fortran_order': False, }", data=bytes(800))),
                ('code', 'header', npy((), header="__import__('os').system('touch executed')", data=bytes(800))),
                ('no magic', 'numpy.save', b'hello' * 200),
                ('version 9', '9.0', npy((4, 50), showers()).replace(b'\x01\x00', b'\x09\x00', 1)),
                ('empty', '0 bytes', b'')]:
            with self.subTest(name):
                self.bad(says, events(shower_npy=array))
        self.assertFalse((self.folder / 'executed').exists())

    def test_pickle_is_never_executed(self):
        pickle = b"cos\nsystem\n(S'touch executed'\ntR."  # would run when unpickled
        array = npy((4, 50), descr='|O', data=pickle)
        self.bad(['pickled', 'never executed', 'float32'], events(shower_npy=array))
        self.bad('', pickle)
        self.bad('', events(shower_npy=pickle))
        self.write('folder/showers.npy', array)
        self.write('folder/incident_energies.npy', npy((4, 1), ENERGIES))
        self.refused(*self.evaluate('folder'), says=['folder/showers.npy', 'pickled'])
        self.write('rows.npy', array)
        self.write('net.onnx', handmade.network())
        self.refused('import', 'net.onnx', '--data', 'rows.npy', '--out', 'm.onnx', says=['rows.npy', 'pickled'])
        self.assertFalse((self.folder / 'executed').exists())

    def test_values(self):
        for name, says, change in [('NaN', ['event 2', 'voxel 17', 'nan'], {117: NAN}),
                                   ('infinite', ['event 0', 'voxel 0', 'inf'], {0: INF}),
                                   ('negative', ['event 3', 'voxel 49', '-0.5'], {199: -0.5}),
                                   ('all zero', ['event 1', 'all 50 voxels'], {i: 0.0 for i in range(50, 100)})]:
            with self.subTest(name):
                self.bad(says, events(npy((4, 50), showers(change=change))))
        for name, value in [('NaN', NAN), ('infinite', INF), ('negative', -1000.0), ('zero', 0.0)]:
            with self.subTest('incident ' + name):
                energies = ENERGIES[:2] + [value, 4000.0]
                self.bad(['event 2', 'incident energy'], events(energy_npy=npy((4, 1), energies)))
        huge = struct.pack('<200d', *[1e300] * 200)  # finite as float64, not as float32
        self.bad(['event 0', 'voxel 0'], events(npy((4, 50), descr='<f8', data=huge)))

    def test_shapes(self):
        for name, says, shower, energy in [
                ('49 voxels', ['49', '50', 'rings-10x5'], npy((4, 49), showers(4, 49)), None),
                ('one row', ['(200,)'], npy((200,), showers()), None),
                ('no events', '0 events', npy((0, 50), []), npy((0, 1), [])),
                ('no voxels', '0', npy((4, 0), []), None),
                ('3 energies', ['4 showers', '3 incident'], None, npy((3, 1), ENERGIES[:3])),
                ('2 energies an event', ['(4, 2)'], None, npy((4, 2), ENERGIES * 2)),
                ('one number', ['()'], None, npy((), ENERGIES[:1]))]:
            with self.subTest(name):
                self.bad(says, events(shower, energy))

    def test_another_geometry(self):
        for geometry, voxels in [('ds2', '6480'), ('ds1-photons', '368'), ('grid-12x9x9', '972'), ('grid-5x5x3', '75')]:
            with self.subTest(geometry):
                self.refused(*self.evaluate('good.npz', geometry), says=['good.npz', geometry, '50', voxels])
        self.ok(*self.evaluate('good.npz', 'grid-2x5x5'))

    def test_another_geometry_of_as_many_voxels(self):
        """What quench writes says where its voxels are."""
        self.ok('simulate', '--geometry', 'grid-10x5x1', '--events', 20, '--out', 'grid.npz')
        self.ok('evaluate', '--reference', 'grid.npz', '--candidate', 'grid.npz', '--geometry', 'grid-10x5x1')
        self.refused(*self.evaluate('grid.npz'), says=['grid.npz: voxel 0', 'rings-10x5', 'belongs to the file'])

    def test_geometry_names_and_files(self):
        for name in ['rings', 'grid-1x2', 'grid-0x2x3', 'grid-1x2x3x4', 'grid-99999999999x1x1', 'grid-1000x1000x1000',
                     'grid-x', 'missing.txt', '/']:
            with self.subTest(name):
                self.refused(*self.evaluate('good.npz', name), says=[name])
        for name, says, text in [
                ('no statement', 'geo.txt: line 2', 'name mine\nlayers 3\n'), ('empty', 'geo.txt', ''),
                ('falling', ['line 1', 'increase'], 'layer r=0,10,5\n'), ('no number', "'x'", 'layer r=0,x\n'),
                ('two kinds', 'line 1', 'layer r=0,5 x=0,1 y=0,1\n'), ('a key', 'q', 'layer r=0,5 q=3\n'),
                ('too many', 'line 1', 'layer r=0,5 repeat=100000\n'), ('negative', '-1', 'threshold_mev -1\n'),
                ('bytes', 'line 1', '\x01\x02\n')]:
            with self.subTest(name):
                self.write('geo.txt', text)
                self.refused(*self.evaluate('good.npz', 'geo.txt'), says=says)

    def test_folder_of_arrays(self):
        self.refused(*self.evaluate('folder'), says=['folder', 'No such file'])
        (self.folder / 'folder').mkdir()
        self.refused(*self.evaluate('folder'), says=['folder', 'showers.npy'])
        self.write('folder/showers.npy', npy((4, 50), showers()))
        self.refused(*self.evaluate('folder'), says=['folder', 'incident_energies.npy'])
        self.write('folder/incident_energies.npy', npy((4, 1), ENERGIES))
        self.ok(*self.evaluate('folder'))
        (self.folder / 'folder/showers.npy').unlink()
        (self.folder / 'folder/showers.npy').mkdir()
        self.refused(*self.evaluate('folder'), says=['showers.npy', 'folder'])

    def test_every_verb_that_reads_events(self):
        """Each refuses the same file, and leaves its output as it was."""
        self.copy('out/model.onnx'), self.copy('out/program.qprog')
        self.write('r.toml', TINY)
        self.write('bad.npz', events(npy((4, 50), showers(change={60: NAN}))))
        self.write('broken.npz', events()[:-30])
        for old in [False, True]:
            with self.subTest(old=old):
                for name in ['m.onnx', 'p.qprog', 'e.npz'] if old else []:
                    self.write(name, 'what stood here before')
                for bad in ['bad.npz', 'broken.npz', 'missing.npz']:
                    self.refused('train', 'r.toml', '--set', 'data.source=' + bad, '--out', 'm.onnx', says=bad)
                    self.refused('compress', 'model.onnx', '--data', bad, '--out', 'p.qprog', says=bad)
                    self.refused('evaluate', '--reference', bad, '--candidate', 'good.npz', '--geometry', 'rings-10x5',
                                 says=bad)
                    self.refused('evaluate', '--reference', 'good.npz', '--candidate', bad, '--geometry', 'rings-10x5',
                                 '--json', says=bad)
                    self.refused('evaluate', '--reference', 'good.npz', '--candidate', 'good.npz', '--baseline', bad,
                                 '--geometry', 'rings-10x5', says=bad)
                    self.refused('run', 'r.toml', '--set', 'data.source=' + bad, '--out', 'o', says=bad, stages=1,
                                 writes=['o'])
                self.refused('inspect', 'broken.npz', says='broken.npz')
                self.refused('sample', 'program.qprog', '--events', 3, '--energies', 'broken.npz', '--out', 'e.npz',
                             says='broken.npz')

    def test_energies_for_samples(self):
        self.copy('out/program.qprog')
        words = ['sample', 'program.qprog', '--events', 4, '--out', 'e.npz', '--energies']
        for spec in ['fixed:', 'fixed:0', 'fixed:-1', 'fixed:nan', 'fixed:1e7', 'fixed:1GeV', 'fixed:inf',
                     'log-uniform:1', 'log-uniform:5:1', 'log-uniform:0:1', 'log-uniform:1:2:3', 'log-uniform::']:
            with self.subTest(spec):
                self.refused(*words, spec, says=['--energies', spec])
        self.refused(*words, 'missing.npz', says='missing.npz')
        self.ok(*words, 'good.npz')
        before = self.read('e.npz')
        self.refused(*words, 'good.npz', '--first', 1, says=['4', 'good.npz'])
        for name, values in [('NaN', [1000.0, NAN, 1.0, 1.0]), ('negative', [1000.0, 1.0, -5.0, 1.0]),
                             ('zero', [1000.0, 1.0, 0.0, 1.0]), ('too large', [1000.0, 1e30, 1.0, 1.0]),
                             ('infinite', [1000.0, INF, 1.0, 1.0])]:
            with self.subTest(name):
                self.write('bad.npz', events(energy_npy=npy((4, 1), values)))
                self.refused(*words, 'bad.npz', says=[])
        self.assertEqual(self.read('e.npz'), before)
        self.copy('out/model.onnx')
        self.write('bad.npz', events(energy_npy=npy((4, 1), [1000.0, NAN, -3.0, 1.0])))
        self.refused('sample', 'model.onnx', '--events', 4, '--out', 'e.npz', '--energies', 'bad.npz', says='bad.npz')

    def test_too_few(self):
        self.write('r.toml', TINY.replace('[data]', '[data]\nsource = "good.npz"'))
        self.write('one.npz', events(npy((1, 50), showers(1)), npy((1, 1), ENERGIES[:1])))
        self.refused('train', 'r.toml', '--set', 'data.source=one.npz', '--out', 'm.onnx', says=['one.npz', '1 events'])
        self.refused('train', 'r.toml', '--set', 'data.geometry=ds2', '--out', 'm.onnx', says=['good.npz', 'ds2', '50'])
