# Training that is killed, interrupted and continued: the bytes of an uninterrupted run, or a refusal that says why.
# SPDX-License-Identifier: MIT
import random, signal, time

import harness
from harness import CommandTest, TINY, step_of

STEPS = 400
RECIPE = TINY.replace('steps = 40', f'steps = {STEPS}').replace('checkpoint_every = 10', 'checkpoint_every = 20')


class Interruption(CommandTest):
    def setUp(self):
        super().setUp()
        self.write('r.toml', RECIPE)

    def test_killed(self):
        self.ok('train', 'r.toml', '--out', 'whole.onnx')
        chance = random.Random()
        resume, steps = [], []
        for _ in range(40):
            process = self.start('train', 'r.toml', '--out', 'm.onnx', *resume)
            self.wait_for_new('m.onnx.checkpoint', process)
            time.sleep(chance.random() * 0.02)
            process.send_signal(signal.SIGKILL)
            if process.wait() == 0:
                break
            self.assertFalse((self.folder / 'm.onnx').exists())
            if (self.folder / 'm.onnx.checkpoint').exists():
                resume = ['--resume']
                steps.append(step_of(self.read('m.onnx.checkpoint')))
            if len(steps) == 6:
                break
        self.assertGreater(len(steps), 1, 'it was never killed in between')
        self.assertEqual(steps, sorted(steps))  # never back
        self.ok('train', 'r.toml', '--out', 'm.onnx', '--resume')
        self.assertEqual(self.read('m.onnx'), self.read('whole.onnx'), f'killed behind steps {steps}')
        self.assertEqual(self.read('m.onnx.checkpoint'), self.read('whole.onnx.checkpoint'))
        self.ok('train', 'r.toml', '--out', 'm.onnx', '--resume', '--threads', 1)  # of a finished training: the same
        self.assertEqual(self.read('m.onnx'), self.read('whole.onnx'))

    def test_asked_to_stop(self):
        self.ok('train', 'r.toml', '--out', 'whole.onnx')
        for which in [signal.SIGINT, signal.SIGTERM]:
            with self.subTest(which.name):
                process = self.start('train', 'r.toml', '--out', 'm.onnx')
                self.wait_for_new('m.onnx.checkpoint', process)
                process.send_signal(which)
                out, told = process.communicate(timeout=harness.LIMIT)
                self.assertEqual((process.returncode, out), (1, ''), told)
                self.assertRegex(told, r'\A(memory: .*\n)?quench: ')
                self.assertRegex(told, rf'(?m)^quench: .*interrupted after \d+ of {STEPS} steps; .*--resume\n\Z')
                step = step_of(self.read('m.onnx.checkpoint'))
                self.assertIn(f'after {step} of', told)
                self.assertFalse((self.folder / 'm.onnx').exists())
                self.ok('train', 'r.toml', '--out', 'm.onnx', '--resume')
                self.assertEqual(self.read('m.onnx'), self.read('whole.onnx'))
                (self.folder / 'm.onnx').unlink(), (self.folder / 'm.onnx.checkpoint').unlink()

    def test_run(self):
        """quench run: stopped while it trains, and continued."""
        self.ok('run', 'r.toml', '--out', 'whole')
        process = self.start('run', 'r.toml', '--out', 'parts')
        self.wait_for_new('parts/model.checkpoint', process)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=harness.LIMIT)[1]
        self.assertEqual(process.returncode, 1, told)
        self.assertRegex(told.split('\n')[-2], r'\Aquench: .*interrupted .*--resume\Z')
        self.assertFalse((self.folder / 'parts/model.onnx').exists())
        self.ok('run', 'r.toml', '--out', 'parts', '--resume')
        self.same_files('whole', 'parts', but=['report.html', 'report.json'])

    def test_later_stages(self):
        """Ctrl-C after the training: tuning stops, and the next stage does not begin."""
        self.write('r.toml', TINY.replace('tune_steps = 20', 'tune_steps = 1000000'))
        process = self.start('run', 'r.toml', '--out', 'out')
        self.wait_for_new('out/model.onnx', process)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=harness.LIMIT)[1]
        self.assertEqual(process.returncode, 1, told)
        self.assertRegex(told.split('\n')[-2], r'\Aquench: .*interrupted .*again')
        self.assertFalse((self.folder / 'out/program.qprog').exists())

    def test_other_recipe(self):
        self.ok('train', 'r.toml', '--out', 'm.onnx', '--set', 'train.steps=40')
        for change in ['train.steps=60', 'train.learning_rate=0.001', 'model.hidden=[16,32]', 'data.events=1999',
                       'data.maximum_gev=50', 'model.batch_norm=false', 'train.batch=63', 'data.particle=photon',
                       'train.loss=hinge', 'train.spectral_norm=true', 'train.critic_steps=2']:
            with self.subTest(change):
                self.refused('train', 'r.toml', '--out', 'm.onnx', '--resume', '--set', 'train.steps=40', '--set',
                             change, says=['m.onnx.checkpoint', 'another recipe'])
        self.refused('train', 'r.toml', '--out', 'm.onnx', '--resume', '--set', 'train.steps=40', '--seed', 2,
                     says=['m.onnx.checkpoint', 'another recipe', 'seed'])
        # what does not change the training may change
        self.ok('train', 'r.toml', '--out', 'm.onnx', '--resume', '--set', 'train.steps=40', '--set',
                'compress.sparsity=0.7')

    def test_damaged_checkpoint(self):
        self.refused('train', 'r.toml', '--out', 'm.onnx', '--resume', says=['no checkpoint', 'm.onnx.checkpoint'])
        self.refused('run', 'r.toml', '--out', 'o', '--resume', says='no checkpoint', stages=2, writes=['o'])
        words = ['train', 'r.toml', '--set', 'train.steps=40', '--out', 'm.onnx']
        self.ok(*words)
        good = self.read('m.onnx.checkpoint')
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:]
        for name, bad in [('truncated', good[:middle]), ('one byte short', good[:-1]), ('one word short', good[:-4]),
                          ('header alone', good[:32]), ('longer', good + b'\0'), ('flipped', flipped), ('empty', b''),
                          ('two bytes', good[:2]), ('text', b'hello, this is no checkpoint')]:
            with self.subTest(name):
                self.write('m.onnx.checkpoint', bad)
                self.refused(*words, '--resume', says='m.onnx.checkpoint')
        self.write('m.onnx.checkpoint', good)
        self.ok(*words, '--resume')
        (self.folder / 'm.onnx.checkpoint').unlink()
        (self.folder / 'm.onnx.checkpoint').mkdir()
        self.refused(*words, '--resume', says='m.onnx.checkpoint')
        self.refused(*words, says='m.onnx.checkpoint')
