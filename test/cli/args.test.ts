import assert from 'node:assert/strict'
import { parseArgs } from '../../cli/args.ts'
import { buildFlags, UNSUPPORTED_BUILD_FLAGS } from '../../cli/build-flags.ts'
import type { CommandSpec } from '../../cli/command-spec.ts'

const spec = {
  path: ['build'],
  summary: 'Builds.',
  operands: [{ name: '<context>', help: 'folder' }],
  flags: buildFlags,
  unsupported: UNSUPPORTED_BUILD_FLAGS,
} satisfies CommandSpec<typeof buildFlags>

function parse(...words: string[]) {
  const parsed = parseArgs(spec, words)
  assert.equal(parsed.kind, 'run')
  return parsed.kind === 'run' ? parsed : assert.fail()
}

describe('parseArgs', () => {
  it('takes flags before and after the operand, repeated ones in order', () => {
    const { options, operands } = parse('-t', 'a', '.', '--tag=b', '-tc')
    assert.deepEqual([options.tag, operands], [['a', 'b', 'c'], ['.']])
  })
  for (const [words, want] of [
    [[], undefined],
    [['--no-cache'], 'all'],
    [['--no-cache=true'], 'true'],
    [['--no-cache=false'], 'false'],
    [['--no-cache=steps'], 'steps'],
  ] as const) {
    it(`reads ${words.join(' ') || 'nothing'} as no-cache ${want}`, () => assert.equal(parse(...words, '.').options['no-cache'], want))
  }
  for (const [words, want] of [
    [[], undefined],
    [['--pull'], 'always'],
    [['--pull=never'], 'never'],
  ] as const) {
    it(`reads ${words.join(' ') || 'nothing'} as pull ${want} and leaves the context alone`, () => {
      const { options, operands } = parse(...words, 'ctx')
      assert.deepEqual([options.pull, operands], [want, ['ctx']])
    })
  }
  it('names the flag that was probably meant', () => {
    assert.throws(() => parse('--targt', 'x', '.'), { code: 'USAGE', message: /unknown option '--targt'/, hint: /--target/ })
  })
  for (const [words, tags, quiet] of [
    [['-t=x', '-q'], ['x'], true],
    [['-t=x=y', '-q=true'], ['x=y'], true],
    [['-t', '-q=false', '-q=0'], ['-q=false'], false],
    [['-t', '--squash'], ['--squash'], false],
  ] as const) {
    it(`reads ${words.join(' ')} as Docker does`, () => {
      const { options, operands } = parse(...words, '.')
      assert.deepEqual([options.tag, options.quiet, operands], [tags, quiet, ['.']])
    })
  }
  for (const words of [['--memory', '1g'], ['--memory=1g'], ['--squash'], ['--isolation=chroot'], ['--cgroup-parent=a']]) {
    const name = words[0]?.split('=')[0]
    it(`says that ${words.join(' ')} is not supported yet`, () =>
      assert.throws(() => parse(...words, '.'), { code: 'USAGE', message: `${name} is not supported yet` }))
  }
  it('neither shows nor suggests what is not supported', () => {
    assert.throws(
      () => parse('--squas', 'x', '.'),
      ({ hint }) => !hint.includes('--squash'),
    )
    const parsed = parseArgs(spec, ['--help'])
    assert.doesNotMatch(parsed.kind === 'help' ? parsed.text : '--squash', /--(squash|memory|load|provenance)/)
  })
  it('takes no name of Object for a flag', () => assert.throws(() => parse('--constructor=x', '.'), { code: 'USAGE' }))
  it('says which operand is missing', () => assert.throws(() => parse('-t', 'a'), { code: 'USAGE', message: /context/ }))
  it('refuses one operand too many', () => assert.throws(() => parse('a', 'b'), { code: 'USAGE' }))
  it('refuses a boolean that is neither true nor false', () =>
    assert.throws(() => parse('--rm=maybe', '.'), { code: 'USAGE', message: /--rm/ }))
  it('answers --help with the flags', () => {
    const parsed = parseArgs(spec, ['--help'])
    assert.match(parsed.kind === 'help' ? parsed.text : '', /--build-arg <name\[=value\]>/)
  })
  it('leaves the words after the first operand alone where they are a command', () => {
    const run = {
      ...spec,
      path: ['run'],
      operands: [
        { name: '<image>', help: '' },
        { name: '[command...]', help: '' },
      ],
      passThrough: true,
    }
    const parsed = parseArgs(run, ['-t', 'x', 'image', 'ls', '--rm=false', '-l'])
    assert.deepEqual(parsed.kind === 'run' && parsed.operands, ['image', 'ls', '--rm=false', '-l'])
  })
})
