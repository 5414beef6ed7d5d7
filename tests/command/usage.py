# Help, versions, exit codes, and wrong usage of every verb.
# SPDX-License-Identifier: MIT
import re, resource, subprocess

import harness
from harness import CommandTest, call, verbs

EXPECTED = ['run', 'simulate', 'train', 'compress', 'sample', 'evaluate', 'generate', 'import', 'inspect', 'targets']
COMPLETE = {  # a complete command of every verb; the files need not exist
    'run': ['r.toml', '--out', 'o'], 'simulate': ['--events', 3, '--out', 'e.npz'], 'train': ['r.toml', '--out', 'o'],
    'compress': ['m.onnx', '--out', 'p.qprog'], 'sample': ['m.onnx', '--events', 3, '--out', 'e.npz'],
    'evaluate': ['--reference', 'a.npz', '--candidate', 'b.npz', '--geometry', 'ds2'],
    'generate': ['p.qprog', '--target', 'host', '--out', 'o'], 'import': ['f.onnx', '--out', 'm.onnx'],
    'inspect': ['f.npz'], 'study': ['pruning', 'r.toml', '--out', 'o'], 'targets': [],
    'search': ['r.toml', '--out', 'o']}


class Usage(CommandTest):
    def test_verbs(self):
        for verb in EXPECTED:
            self.assertIn(verb, verbs())

    def test_version(self):
        self.assertRegex(self.ok('--version'), r'\Aquench \d+\.\d+\.\d+\n\Z')

    def test_overview(self):
        self.assertTrue(self.ok('--help').startswith('usage: quench VERB'))
        self.assertEqual(self.ok('--help'), self.ok('-h'))
        self.misused(verb='VERB', says='no verb')

    def test_help_of_every_verb(self):
        for verb in verbs():
            with self.subTest(verb):
                text = self.ok(verb, '--help')
                usage = text.split('\n')[0]
                self.assertTrue(usage.startswith('usage: quench ' + verb), usage)
                for option in re.findall(r'--[a-z-]+', usage):  # every option is explained below
                    self.assertRegex(text, r'(?m)^  %s\b' % option)
                self.assertEqual(text, self.ok(verb, '-h', '--nonsense'))

    def test_unknown_verb(self):
        self.assertIn('did you mean train?', self.misused('trian', verb='VERB', says='"trian"'))
        self.misused('', verb='VERB')
        self.misused('zzzzzzzzz', verb='VERB', says='zzzzzzzzz')
        self.misused('--threads', '3', verb='VERB')

    def test_unknown_option(self):
        for verb in verbs():
            with self.subTest(verb):
                words = COMPLETE.get(verb)
                self.assertIsNotNone(words, 'add a complete command of the verb to COMPLETE')
                self.misused(verb, *words, '--hepl', verb=verb, says=['--hepl', 'did you mean --help?'])
                self.misused(verb, *words, '--nonsense=3', verb=verb, says='--nonsense')
                self.misused(verb, *words, 'onetoomany', verb=verb, says=['onetoomany', 'too many'])

    def test_missing_and_repeated(self):
        for verb in verbs():
            usage = self.ok(verb, '--help').split('\n')[0]
            for option, _, several in re.findall(r' (?<!\[)(--[a-z-]+) ([A-Z][\w.]*)( \.\.\.)?',
                                                 re.sub(r'\[.*?\]', '', usage)):
                with self.subTest(verb + ' ' + option):
                    words = list(COMPLETE[verb])
                    place = words.index(option)
                    self.misused(verb, *words[:place], *words[place + 2:], verb=verb, says=[option, 'missing'])
                    if not several:
                        self.misused(verb, *words, option, 'again', verb=verb, says=[option, 'twice'])
                    self.misused(verb, *words[:place], *words[place + 2:], option, verb=verb, says=[option, 'value'])
                    self.misused(verb, *words[:place], *words[place + 2:], option + '=', verb=verb,
                                 says=[option, 'empty'])
            if re.match(r'usage: quench \w+ [A-Z]', usage):
                self.misused(verb, *COMPLETE[verb][1:], verb=verb, says='missing')

    def test_threads(self):
        for name in ['tiny.toml', 'events.npz', 'out/model.onnx', 'out/program.qprog']:
            self.copy(name)
        words = {'run': ['tiny.toml', '--out', 'o'], 'simulate': COMPLETE['simulate'],
                 'train': ['tiny.toml', '--out', 'm.onnx'], 'compress': ['model.onnx', '--out', 'p.qprog'],
                 'sample': ['program.qprog', '--events', 3, '--out', 'e.npz'],
                 'evaluate': ['--reference', 'events.npz', '--candidate', 'events.npz', '--geometry', 'rings-10x5']}
        for verb, complete in words.items():
            for wrong in ['0', '-1', '1025', '99999999999999999999', '1.5', 'two', '0x2', '+1', ' 1', '1 ']:
                with self.subTest(verb + ' ' + wrong):
                    self.misused(verb, *complete, '--threads', wrong, verb=verb,
                                 says=[f'{verb}: --threads {wrong}:', 'from 1 to 1024'])

    def test_numbers(self):
        def simulate(*words):
            return ['simulate', '--out', 'e.npz', *words]

        for option, wrong in [('--events', '0'), ('--events', '-5'), ('--events', '1e3'), ('--events', '9' * 20),
                              ('--events', '9' * 400), ('--events', ''), ('--events', 'nan')]:
            with self.subTest(option + ' ' + wrong):
                self.misused(*simulate(f'{option}={wrong}'), verb='simulate', says=option)
        for option, wrong in [('--seed', '-1'), ('--seed', str(2**64)), ('--seed', '1.0'), ('--first', '-1'),
                              ('--first', str(2**64)), ('--minimum-gev', 'inf'), ('--minimum-gev', 'nan'),
                              ('--maximum-gev', '1e400'), ('--maximum-gev', '-3'), ('--particle', 'proton')]:
            with self.subTest(option + ' ' + wrong):
                self.misused(*simulate('--events', 3, f'{option}={wrong}'), verb='simulate',
                             says=['simulate: ' + option, wrong])
        self.refused(*simulate('--events', 3, '--minimum-gev', 5, '--maximum-gev', 2), says=['5', '2', 'GeV'])
        self.assertIn('electron', self.misused(*simulate('--events', 3, '--particle', 'electorn'), verb='simulate'))
        self.ok(*simulate('--events', 1, '--seed', 2**64 - 1))

    def test_last_event_number(self):
        """--first K with N events: up to the last number that there is, and not one further."""
        for last, verb, words in [(2**63 - 1, 'simulate', []), (2**64 - 1, 'sample', ['model.onnx']),
                                  (2**64 - 1, 'sample', ['program.qprog'])]:
            with self.subTest(' '.join([verb, *words])):
                for name in words:
                    self.copy('out/' + name)
                self.ok(verb, *words, '--events', 3, '--first', last - 2, '--out', 'e.npz')
                for first in {last - 1, last, 2**63, 2**64 - 2, 2**64 - 1} - ({2**63} if last == 2**64 - 1 else set()):
                    self.refused(verb, *words, '--events', 3, '--first', first, '--out', 'e.npz',
                                 says=['--first', str(first), '3', str(last)])

    def test_options_of_compress(self):
        self.copy('out/model.onnx')
        for option, wrong, limit in [('--bits', '99', '16'), ('--activation-bits', '1', '2'), ('--sparsity', '1', '1'),
                                     ('--sparsity', '-0.1', '0'), ('--sparsity', 'nan', ''),
                                     ('--scope', 'all', 'global'),
                                     ('--scales', 'fre', 'free'), ('--granularity', 'x', 'tensor'),
                                     ('--multiplier', 'x', 'shift'), ('--tune-steps', '-1', '0'),
                                     ('--bits', '8.5', ''), ('--bits', '9' * 30, '')]:
            with self.subTest(option + ' ' + wrong):
                line = self.refused('compress', 'model.onnx', '--out', 'p.qprog', option, wrong, says=[option, limit])
                self.assertNotIn('--set', line)

    def test_machine_without_memory_or_threads(self):
        def little():
            resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20, 600 * 2**20))

        if subprocess.run([harness.QUENCH, '--version'], preexec_fn=little, capture_output=True).returncode != 0:
            self.skipTest('this build cannot start with 600 MB of addresses (a sanitizer)')
        self.refused('simulate', '--events', 100000000, '--out', 'e.npz', says='memory', preexec_fn=little)
        self.copy('out/program.qprog')
        self.refused('sample', 'program.qprog', '--events', 100000000, '--out', 'e.npz', says='memory',
                     preexec_fn=little)
        # fewer threads than asked for can be had: the result is the same, or their stacks leave no memory
        words = ['simulate', '--events', 20000, '--out', 'e.npz', '--threads']
        self.ok(*words, 1)
        before = self.read('e.npz')
        if call(self.folder, *words, 1024, preexec_fn=little).returncode != 0:
            self.refused(*words, 1024, says='memory', preexec_fn=little)
        self.assertEqual(self.read('e.npz'), before)

    def test_closed_output(self):
        with open('/dev/full', 'w') as full:
            for words in [['--help'], ['targets'], ['targets', '--json'], ['--version']]:
                answer = subprocess.run([harness.QUENCH, *words], stdout=full, stderr=subprocess.PIPE, encoding='utf-8')
                self.assertEqual(answer.returncode, 1, words)
                self.assertRegex(answer.stderr, r'\Aquench: standard output .*\n\Z')

    def test_dash_dash_and_equals(self):
        self.write('--help', 'no recipe')
        self.refused('train', '--out', 'm.onnx', '--', '--help', says='--help:1:')
        self.ok('simulate', '--events=3', '--out=e.npz')
        self.ok('simulate', '--out', 'f.npz', '--events', 3)
        self.assertEqual(self.read('e.npz'), self.read('f.npz'))
        self.assertEqual(call(self.folder, 'inspect', '--', 'e.npz').returncode, 0)
