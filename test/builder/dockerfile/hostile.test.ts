import assert from 'node:assert/strict'
import { expandWord } from '../../../builder/dockerfile/expand.ts'
import { MAX_DOCKERFILE_BYTES } from '../../../builder/dockerfile/lines.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { hasCode, type TsbuildError } from '../../../registry/oci/error.ts'
import { WorkCounter } from '../work.ts'

/** A file that repeats something `n` times. */
type Shape = readonly [what: string, text: (n: number) => string]

const SHAPES: readonly Shape[] = [
  ['instructions', (n) => `FROM a\n${'COPY --chown=1:2 a b c/\n'.repeat(n)}`],
  ['stages', (n) => Array.from({ length: n }, (_, i) => `FROM a AS s${i}\nCOPY --from=s${i - 1} a b\n`).join('')],
  ['continuations', (n) => `FROM a\nRUN true ${'\\\n && echo x '.repeat(n)}`],
  ['blank lines in a continuation', (n) => `FROM a\nRUN true \\\n${'\n'.repeat(n)}x`],
  ['flags', (n) => `FROM a\nRUN ${'--mount=type=cache \\\n'.repeat(n)} true`],
  ['lines of a heredoc', (n) => `FROM a\nRUN <<EOF\n${'echo x\n'.repeat(n)}EOF\n`],
  ['heredocs', (n) => `FROM a\nCOPY ${'<<E '.repeat(n)} /x\n${'E\n'.repeat(n)}`],
  ['heredocs without an end', (n) => `FROM a\nRUN ${'<<E '.repeat(n)}\n${'x\n'.repeat(n)}`],
  ['ONBUILD', (n) => `FROM a\n${'ONBUILD '.repeat(n)}`],
  ['blanks', (n) => `FROM a\nRUN a${' '.repeat(n)}b`],
  ['blank lines', (n) => `FROM a\n${'\n'.repeat(n)}RUN a`],
  ['comments', (n) => `${'# a\n'.repeat(n)}FROM a`],
  ['open brackets', (n) => `FROM a\nRUN ${'['.repeat(n)}${']'.repeat(n)}`],
  ['open parentheses', (n) => `FROM a\nRUN <<E ${'(('.repeat(n)}\nE`],
  ['quotes', (n) => `FROM a\nENV a=${'""'.repeat(n)}`],
  ['escapes', (n) => `FROM a\nENV a=${'\\\\'.repeat(n)}x`],
  ['pairs', (n) => `FROM a\nENV ${'a=b '.repeat(n)}`],
  ['arguments', (n) => `ARG ${'a=$a '.repeat(n)}\nFROM a`],
  ['ports', (n) => `FROM a\nEXPOSE ${'1-2/tcp '.repeat(n)}`],
  ['unknown flags', (n) => `FROM a\nRUN --${'x'.repeat(n)} y`],
  ['letters of an unknown instruction', (n) => `FROM a\n${'R'.repeat(n)} y`],
]

describe('parseDockerfile of a hostile file', () => {
  const work = workCounter()
  for (const [what, text] of SHAPES)
    it(`does twice the work for twice the ${what}`, async () => {
      const [once, twice] = [await work('parse', text(2_000)), await work('parse', text(4_000))]
      assert.ok(once > 10 && twice <= 2.2 * once, `${once} -> ${twice}`)
    })

  it('reads 10,000 lines and 100,000 instructions, each at its line', () => {
    for (const count of [10_000, 100_000]) {
      const { instructions } = parseDockerfile(`FROM a\n${'RUN echo x\n'.repeat(count - 1)}`, 'D')
      assert.equal(instructions.length, count)
      assert.equal(instructions.at(-1)?.at.startLine, count)
    }
  })

  for (const [what, source, message] of [
    ['a line of 65,536 bytes', `FROM a\n#${'x'.repeat(65_535)}`, 'dockerfile line greater than max allowed size of 65535'],
    ['a line of 65,535 bytes that are 65,537', `FROM a\n#${'x'.repeat(65_532)}€`, 'dockerfile line greater than max allowed size of 65535'],
    ['100 MB in one line', Buffer.alloc(100 << 20, 'x'), `the Dockerfile is larger than ${MAX_DOCKERFILE_BYTES} bytes`],
    ['100 MB of lines', Buffer.alloc(100 << 20, 'USER x\n'), `the Dockerfile is larger than ${MAX_DOCKERFILE_BYTES} bytes`],
    ['16 MB in one line', Buffer.alloc(16 << 20, 'x'), 'dockerfile line greater than max allowed size of 65535'],
    ['ONBUILD ONBUILD', `FROM a\n${'ONBUILD '.repeat(8_000)}RUN x`, "chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['a NUL byte', 'FROM a\nRUN \0', 'the Dockerfile holds a NUL byte'],
    ['bytes that are no UTF-8', Buffer.from('FROM a\nRUN \xff', 'latin1'), 'the Dockerfile is not valid UTF-8'],
  ] as const)
    it(`refuses ${what}`, () => assert.equal(String(outcome(source)).toLowerCase(), message.toLowerCase()))
})

describe('expandWord of a hostile word', () => {
  const work = workCounter()
  const env = new Map([['a', 'x'.repeat(1000)]])
  const expanded = (word: string): number | string => {
    try {
      return expandWord(word, { env, escape: '\\' }).text.length
    } catch (error) {
      if (hasCode(error, 'DOCKERFILE_VARIABLE')) return (error as TsbuildError).code
      throw error
    }
  }

  for (const [what, word, result] of [
    ['60,000 open braces', '${a:-'.repeat(60_000), 'DOCKERFILE_VARIABLE'],
    ['101 levels', `${'${b:-'.repeat(101)}x${'}'.repeat(101)}`, 'DOCKERFILE_VARIABLE'],
    ['100 levels', `${'${b:-'.repeat(100)}x${'}'.repeat(100)}`, 1],
    ['a value that grows beyond a megabyte', '$a'.repeat(1100), 'DOCKERFILE_VARIABLE'],
    ['a megabyte', '$a'.repeat(1000), 1_000_000],
    ['60,000 dollar signs', '$'.repeat(60_000), 0],
    ['patterns of stars', `\${a##${'*x'.repeat(500)}}`, 0],
  ] as const)
    it(`ends ${what}`, () => assert.equal(expanded(word), result))

  for (const [what, word] of [
    ['variables', (n: number) => '$b '.repeat(n)],
    ['braces side by side', (n: number) => '${b:-x}'.repeat(n)],
    ['quotes', (n: number) => `"'"'"'`.repeat(n)],
    ['escapes', (n: number) => '\\a'.repeat(n)],
  ] as const)
    it(`does twice the work for twice the ${what}`, async () => {
      const [once, twice] = [await work('expand', word(2_000)), await work('expand', word(4_000))]
      assert.ok(once > 10 && twice <= 2.2 * once, `${once} -> ${twice}`)
    })
})

/** One for the tests of a `describe`. */
function workCounter(): WorkCounter['of'] {
  let counter: WorkCounter | undefined
  before(() => {
    counter = new WorkCounter()
  })
  after(() => counter?.[Symbol.asyncDispose]())
  return (job, text) => counter?.of(job, text) ?? assert.fail('not started')
}

/** The message of what is thrown; what is no error of ours is thrown on. */
function outcome(source: string | Uint8Array): string | undefined {
  try {
    parseDockerfile(source, 'D')
    return undefined
  } catch (error) {
    if (hasCode(error, 'DOCKERFILE_SYNTAX') || hasCode(error, 'DOCKERFILE_UNSUPPORTED')) return (error as TsbuildError).message
    throw error
  }
}
