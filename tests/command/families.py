# Flows and autoencoders through the whole chain, as GANs are in chain.py.
# SPDX-License-Identifier: MIT
import json, signal

from handmade import npy
from harness import CommandTest, TINY, call, step_of, tree

FLOW = TINY.replace('[model]\nlatent = 8', '[model]\nfamily = "flow"\nbatch_norm = false\nlatent = 50') + '''
[flow]
couplings = 2
hidden = [16]
[distill]
steps = 30
batch = 64
'''


class Flow(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('flow.toml', FLOW)

    def test_run(self):
        answer = call(self.folder, 'run', 'flow.toml', '--out', 'out')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertRegex(answer.stderr, r'(?m)^memory: [\d.]+ \w+ for [\d ]+ weights')
        self.assertRegex(answer.stdout, r'(?m)^flow \(teacher\) +400 v 400 ')
        out = tree(self.folder / 'out')
        for name in ['model.onnx', 'model.flow.onnx', 'model.density.onnx', 'program.qprog', 'generate/host/tiny.cpp']:
            self.assertGreater(len(out[name]), 100, name)
        lines = [line['name'] for plot in json.loads(out['report.json'])['plots'] for line in plot['lines']]
        self.assertIn('training events', lines)
        # The flow samples as any model does, and so does its program.
        self.ok('sample', 'out/model.flow.onnx', '--events', 10, '--out', 'flow.npz')
        self.ok('compress', 'out/model.flow.onnx', '--sparsity', 0.5, '--tune-steps', 5, '--out', 'f.qprog')
        self.ok('sample', 'f.qprog', '--events', 10, '--out', 'integers.npz')
        self.assertIn('undone to within', self.ok('inspect', 'f.qprog'))

    def test_integers_alone(self):
        self.ok('run', 'flow.toml', '--set', 'distill.steps=0', '--set', 'compress.quantized_tune_steps=5', '--set',
                'flow.act_norm=true', '--out', 'out')
        out = tree(self.folder / 'out')
        self.assertNotIn('model.flow.onnx', out)
        self.assertIn('coupling.h', ' '.join(out))
        # The density of standardised numbers and an energy ends in a score.
        rows = [0.1 * (k % 7 - 3) for k in range(50)] + [20000.0] + [0.3 * (k % 5 - 2) for k in range(50)] + [40000.0]
        self.write('rows.npy', npy((2, 51), rows))
        self.ok('compress', 'out/model.density.onnx', '--sparsity', 0, '--data', 'rows.npy', '--out', 's.qprog')
        self.assertRegex(self.ok('inspect', 's.qprog'), r'(?m)^log_density +Linear \d+ -> 1,')

    def test_two_steps_and_splines(self):
        self.ok('train', 'flow.toml', '--set', 'flow.two_step=true', '--set', 'flow.coupling=spline', '--set',
                'flow.act_norm=true', '--set', 'train.validation_events=200', '--set', 'train.evaluate_every=10',
                '--out', 'm.onnx')
        self.ok('inspect', 'm.density.onnx')

    def test_what_cannot_be(self):
        self.refused('run', 'flow.toml', '--set', 'distill.steps=0', '--set', 'flow.coupling=spline', '--out', 'out',
                     says=['spline couplings run in float only'])
        self.refused('train', 'flow.toml', '--set', 'model.latent=8', '--out', 'm.onnx',
                     says=['model.latent is 8', 'model.latent = 50'])
        self.refused('train', 'flow.toml', '--set', 'flow.coupling=bent', '--out', 'm.onnx', says='affine')
        self.refused('train', 'flow.toml', '--set', 'train.validation_events=1999', '--out', 'm.onnx', stages=1,
                     says=['2000 events, 1999 of them for validation'])

    def test_killed(self):
        self.write('flow.toml', FLOW.replace('steps = 40', 'steps = 200'))
        self.ok('train', 'flow.toml', '--out', 'whole.onnx')
        process = self.start('train', 'flow.toml', '--out', 'm.onnx')
        self.wait_for_new('m.onnx.checkpoint', process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertLess(0, step_of(self.read('m.onnx.checkpoint')))
        self.ok('train', 'flow.toml', '--out', 'm.onnx', '--resume')
        for name in ['.onnx', '.density.onnx', '.flow.onnx', '.onnx.checkpoint']:
            self.assertEqual(self.read('m' + name), self.read('whole' + name), name)


VAE = TINY.replace('[model]\n', '[model]\nfamily = "vae"\n') + '''
[vae]
encoder_hidden = [16]
heads = "softmax"
'''


class SoftmaxHeads(CommandTest):
    """A decoder that shares the energy by softmaxes, through the whole chain."""

    def setUp(self):
        super().setUp()
        self.write('vae.toml', VAE)

    def test_run(self):
        answer = call(self.folder, 'run', 'vae.toml', '--set', 'train.validation_events=300', '--set',
                      'train.evaluate_every=10', '--out', 'out')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        out = tree(self.folder / 'out')
        for name in ['model.onnx', 'program.qprog', 'generate/host/tiny.cpp', 'generate/cortex-m4/tiny.cpp']:
            self.assertGreater(len(out[name]), 100, name)
        program = out['program.qprog'].decode()
        self.assertEqual(program.count(' ShareSplit '), 2)
        self.assertNotIn(' Spread ', program)
        self.assertIn('latent code length 8 ', program.replace('latent_out', 'latent'))
        plots = {plot['y']: plot['lines'] for plot in json.loads(out['report.json'])['plots']}
        self.assertEqual([line['x'] for line in plots['mean S, 300 showers kept aside']],
                         [[10, 20, 30, 40]] * 2)
        # Asked for by its option, tuning is refused where a model has no core to tune.
        self.ok('compress', 'out/model.onnx', '--tune-steps', 5, '--out', 'tuned.qprog')

    def test_killed(self):
        self.write('vae.toml', VAE.replace('steps = 40', 'steps = 400'))
        self.ok('train', 'vae.toml', '--out', 'whole.onnx')
        process = self.start('train', 'vae.toml', '--out', 'm.onnx')
        self.wait_for_new('m.onnx.checkpoint', process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertLess(0, step_of(self.read('m.onnx.checkpoint')))
        self.ok('train', 'vae.toml', '--out', 'm.onnx', '--resume')
        for name in ['.onnx', '.onnx.checkpoint']:
            self.assertEqual(self.read('m' + name), self.read('whole' + name), name)

    def test_what_cannot_be(self):
        self.refused('train', 'vae.toml', '--set', 'vae.heads=soft', '--out', 'm.onnx', says=['normal', 'softmax'])
        self.refused('train', 'vae.toml', '--set', 'vae.quanta=0', '--out', 'm.onnx', says=['vae.quanta'])


class Validation(CommandTest):
    """Physics while a GAN trains: the best averaged generator, its curve in the report."""

    def test_run(self):
        self.write('tiny.toml', TINY)
        answer = call(self.folder, 'run', 'tiny.toml', '--set', 'train.validation_events=300', '--set',
                      'train.evaluate_every=10', '--out', 'out')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        plots = {plot['y']: plot['lines'] for plot in json.loads(tree(self.folder / 'out')['report.json'])['plots']}
        lines = {line['name']: line for line in plots['mean S, 300 showers kept aside']}
        self.assertEqual(set(lines), {'averaged generator', 'statistical floor'})
        self.assertEqual(lines['averaged generator']['x'], [10, 20, 30, 40])
        self.assertLess(max(lines['statistical floor']['y']), min(lines['averaged generator']['y']))
        self.assertIn('least-squares loss', plots)


class Teacher(CommandTest):
    """Students of a generator that exists: of its outputs alone, and beside the critic's loss."""

    def setUp(self):
        super().setUp()
        self.write('tiny.toml', TINY)
        self.ok('train', 'tiny.toml', '--out', 'teacher.onnx')

    def student(self, *settings):
        arguments = [part for setting in ('distill.teacher=teacher.onnx', 'model.hidden=[8]') + settings
                     for part in ('--set', setting)]
        return call(self.folder, 'train', 'tiny.toml', *arguments, '--out', 'student.onnx')

    def test_students(self):
        for settings in [('distill.steps=30',), ('distill.steps=30', 'distill.feature_weight=0.5'),
                         ('distill.steps=30', 'distill.feature_weight=0.5', 'model.skip=true'), ('distill.alpha=0.5',)]:
            answer = self.student(*settings)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.ok('sample', 'student.onnx', '--events', 5, '--out', 'student.npz')
        self.assertIn('MSE(a/T, b/T) = MSE(a, b)', self.student('distill.steps=30', 'distill.temperature=4').stderr)

    def test_what_cannot_be(self):
        def says(text, *settings):
            answer = self.student(*settings)
            self.assertEqual(answer.returncode, 1, answer.stderr)
            self.assertIn(text, answer.stderr)
        says('nothing to teach in 0 steps')
        says('is for model.family = "gan" or "vae"', 'model.family=flow', 'distill.steps=9')
        says('needs a critic, which model.family = "vae" has not', 'model.family=vae', 'distill.alpha=0.5')
        says("the teacher's latent input is 8 wide, the student's 9", 'model.latent=9', 'distill.steps=9')
        says('makes showers of 50 voxels (rings-10x5)', 'data.geometry=grid-2x2x2', 'distill.steps=9')
        self.refused('train', 'tiny.toml', '--set', 'distill.alpha=0.5', '--out', 'm.onnx', says='name the teacher')
        answer = call(self.folder, 'train', 'tiny.toml', '--set', 'distill.feature_weight=0.5', '--out', 'm.onnx')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn('note: this generator has no teacher (distill.teacher)', answer.stderr)

    def test_budget(self):
        # 8 latents and the energy in, 50 numbers out: 9 w + 2 w w + 100 w weights, half of which stay, and 3 w + 50
        # biases of widths w and 2 w are 4 (w w + 57.5 w + 50) bits, 2 900 at w = 10 and 3 214 at w = 11. 21 fits
        # beside 10 before 11 does.
        wide = ('distill.steps=20', 'model.hidden=[40,80]', 'compress.bits=4')
        answer = self.student(*wide, 'distill.budget_bits=3200')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn('quench: note: distill.budget_bits 3200: the student\'s hidden layers are [10, 21], 3024 bits',
                      answer.stderr)
        self.assertRegex(self.ok('inspect', 'student.onnx'), r'(?m)^hidden2 +Linear +10 +21 ')
        beside = self.student('distill.alpha=0.5', *wide[1:], 'distill.budget_bits=3200')
        self.assertIn('hidden layers are [10, 21]', beside.stderr)
        # Widths of 1: 30 weights that stay and 52 biases are 328 bits.
        answer = self.student(*wide, 'distill.budget_bits=300')
        self.assertEqual(answer.returncode, 1)
        self.assertIn('distill.budget_bits 300 cannot be met: hidden layers of width 1 make a student of 328 bits (50 '
                      'outputs, 4 bits a weight, sparsity 0.5), 28 too many', answer.stderr)
        self.refused('train', 'tiny.toml', '--set', 'distill.budget_bits=3200', '--out', 'm.onnx',
                     says=['distill.budget_bits 3200', 'distill.teacher'])
        self.write('flow.toml', FLOW)
        answer = call(self.folder, 'train', 'flow.toml', '--set', 'distill.budget_bits=20000', '--out', 'm.onnx')
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn('the student\'s hidden layers are [', answer.stderr)
        self.refused('train', 'flow.toml', '--set', 'distill.budget_bits=200', '--out', 'm.onnx', says='too many')


class SoftmaxTeacher(CommandTest):
    """Smaller decoders that learn another's softmaxes."""

    def setUp(self):
        super().setUp()
        self.write('vae.toml', VAE)
        self.ok('train', 'vae.toml', '--out', 'teacher.onnx')

    def settings(self, *more):
        return [part for setting in ('distill.teacher=teacher.onnx', 'model.hidden=[6]', 'distill.steps=30') + more
                for part in ('--set', setting)]

    def student(self, name, *more):
        answer = call(self.folder, 'train', 'vae.toml', *self.settings(*more), '--out', name)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertNotIn('changes nothing', answer.stderr)
        return self.read(name)

    def test_students(self):
        student = self.student('student.onnx')
        self.assertRegex(self.ok('inspect', 'student.onnx'), r'(?m)^heads +Linear +6 +61 ')
        self.assertNotEqual(self.student('hot.onnx', 'distill.temperature=4'), student)
        self.assertEqual(self.student('gan.onnx', 'model.family=gan'), student)
        self.student('features.onnx', 'distill.feature_weight=0.5')
        self.student('skip.onnx', 'model.family=gan', 'model.skip=true')
        # Half of 9 w + 61 w weights and w + 61 biases, 8 bits each: 36 w + 61 of them.
        self.student('small.onnx', 'distill.budget_bits=1100')
        self.assertRegex(self.ok('inspect', 'small.onnx'), r'(?m)^heads +Linear +2 +61 ')

    def test_run(self):
        self.ok('run', 'vae.toml', *self.settings('distill.temperature=2'), '--out', 'out')
        self.assertEqual(tree(self.folder / 'out')['program.qprog'].decode().count(' ShareSplit '), 2)

    def test_killed(self):
        settings = 'distill.steps=800', 'distill.batch=64', 'distill.temperature=2'
        self.student('whole.onnx', *settings)
        words = ['train', 'vae.toml', *self.settings(*settings), '--out', 'm.onnx']
        process = self.start(*words)
        self.wait_for_new('m.onnx.checkpoint.distillation', process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.ok(*words, '--resume')
        self.assertEqual(self.read('m.onnx'), self.read('whole.onnx'))

    def test_what_cannot_be(self):
        self.refused('train', 'vae.toml', *self.settings('model.family=gan', 'distill.alpha=0.5', 'distill.steps=0'),
                     '--out', 'm.onnx', says=['logits of softmaxes', 'set distill.alpha = 1'])
        self.refused('train', 'vae.toml', *self.settings('data.geometry=grid-2x5x5'), '--out', 'm.onnx',
                     says=['makes showers of rings-10x5, the data are of grid-2x5x5'])
        self.refused('train', 'vae.toml', *self.settings('model.latent=9'), '--out', 'm.onnx',
                     says=["the teacher's latent input is 8 wide, the student's 9"])
