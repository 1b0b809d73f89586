import assert from 'node:assert/strict'
import fc from 'fast-check'
import { checkDockerfile } from '../../../builder/dockerfile/check.ts'
import { excerpt } from '../../../builder/dockerfile/excerpt.ts'
import { runForm } from '../../../builder/dockerfile/heredoc.ts'
import { parseDockerfile, parseTrigger } from '../../../builder/dockerfile/parse.ts'
import { TsbuildError } from '../../../registry/oci/error.ts'

describe('parseDockerfile', () => {
  it('gives an instruction its source on one line, and its flags their columns', () => {
    const [, run] = parseDockerfile('FROM a\nRUN --network=none \\\n   --security=sandbox x \\\n  y\n', 'D').instructions
    assert.equal(run?.source, 'RUN --network=none    --security=sandbox x   y')
    assert.deepEqual(run?.at, { file: 'D', startLine: 2, endLine: 4 })
    assert.deepEqual(run?.flags[1]?.at, { file: 'D', startLine: 3, endLine: 3, startColumn: 4, endColumn: 22 })
  })

  for (const [what, source, message, line] of [
    ['nothing', '', 'the Dockerfile cannot be empty', 1],
    ['nothing but a byte-order mark', '\ufeff', 'the Dockerfile cannot be empty', 1],
    ['a line of 65536 bytes', `FROM a\nRUN ${'é'.repeat(32766)}`, 'dockerfile line greater than max allowed size of 65535', 2],
    ['bytes that are no UTF-8', Buffer.from('FROM a\nRUN \xff\n', 'latin1'), 'the Dockerfile is not valid UTF-8', 2],
    ['UTF-16', Buffer.from('FROM a\n', 'utf16le'), 'the Dockerfile holds a NUL byte', 1],
    ['a file above 16 MiB', Buffer.alloc(16 * 1024 * 1024 + 1, 'a'), 'the Dockerfile is larger than 16777216 bytes', 1],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.throws(
        () => parseDockerfile(source, 'D'),
        (error: unknown) =>
          error instanceof TsbuildError && error.code === 'DOCKERFILE_SYNTAX' && error.message === message && error.at?.startLine === line,
      )
    })

  it('takes a line of 65535 bytes', () => {
    assert.equal(parseDockerfile(`FROM a\nRUN ${'é'.repeat(32765)}x`, 'D').instructions.length, 2)
  })

  for (const [syntax, accepted] of [
    ['docker/dockerfile:1', true],
    ['docker/dockerfile', true],
    ['docker.io/docker/dockerfile:1.7-labs', true],
    ['docker/dockerfile-upstream:master', true],
    ['docker/dockerfile@sha256:00', true],
    ['dockerfile.v0', true],
    ['docker/dockerfile:1 extra words', true],
    ['docker/dockerfile-other:1', false],
    ['example.com/docker/dockerfile:1', false],
  ] as const)
    it(`${accepted ? 'takes' : 'refuses'} # syntax=${syntax}`, () => {
      const parse = () => parseDockerfile(`# syntax=${syntax}\nFROM a`, 'D')
      if (accepted) assert.equal(parse().instructions.length, 1)
      else assert.throws(parse, { code: 'DOCKERFILE_UNSUPPORTED' })
    })

  it('lets an option stand in for the syntax directive', () => {
    assert.equal(parseDockerfile('# syntax=other\nFROM a', 'D', { syntax: 'dockerfile.v0' }).instructions.length, 1)
    assert.throws(() => parseDockerfile('FROM a', 'D', { syntax: 'other' }), { code: 'DOCKERFILE_UNSUPPORTED' })
  })

  for (const [where, source] of [
    ['after #!', '#!/usr/bin/env x\n# syntax=other\nFROM a'],
    ['in // comments', '// syntax=other\nwhatever'],
    ['in JSON', '{"syntax": "other"}'],
  ] as const)
    it(`sees a foreign syntax ${where}`, () => assert.throws(() => parseDockerfile(source, 'D'), { code: 'DOCKERFILE_UNSUPPORTED' }))

  it('throws nothing but TsbuildError with a place, whatever it reads', () => {
    const word = fc.constantFrom(
      ...[
        'FROM',
        'a',
        ' AS ',
        'b',
        'RUN',
        'COPY',
        'ADD',
        '--from=',
        '--link',
        '--',
        '<<EOF',
        '<<-"E"',
        'EOF',
        'E',
        '<<',
        '3',
        '[',
        ']',
        '"',
        "'",
        ',',
        '$',
        '{',
      ],
      ...[
        '\\',
        '`',
        '#',
        '# escape=`',
        '\n',
        '\r\n',
        ' ',
        '\t',
        '=',
        'ONBUILD ',
        'ENV ',
        'HEALTHCHECK ',
        'CMD ',
        'NONE',
        'EXPOSE 80',
        '((',
        '))',
        '\u00a0',
        'é',
        '\ud800',
        '𝕏',
      ],
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const text = words.join('')
        try {
          for (const instruction of checkDockerfile(parseDockerfile(text, 'D')).instructions)
            if (instruction.kind === 'run') runForm(instruction)
        } catch (error) {
          assert.ok(error instanceof TsbuildError, String(error))
          assert.ok(error.at !== undefined && error.at.startLine >= 1 && error.at.startLine <= error.at.endLine)
          excerpt(text, error.at)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('throws nothing but TsbuildError on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          parseDockerfile(bytes, 'D')
        } catch (error) {
          assert.ok(error instanceof TsbuildError, String(error))
        }
      }),
    )
  })
})

describe('parseTrigger', () => {
  const at = { file: 'D', startLine: 7, endLine: 7 }

  it('reads what ONBUILD stored, heredoc and all, at the place of the FROM', () => {
    const [, onbuild] = parseDockerfile('FROM a\nONBUILD RUN <<EOF\nmake\nEOF\n', 'D').instructions
    const trigger = parseTrigger(onbuild?.kind === 'onbuild' ? onbuild.trigger : '', at)
    assert.deepEqual(trigger.kind === 'run' && runForm(trigger), { kind: 'shell', text: 'make\n' })
    assert.deepEqual(trigger.at, at)
  })

  it('refuses more than one instruction, and points at the FROM', () => {
    assert.throws(() => parseTrigger('RUN a\nRUN b', at), { code: 'DOCKERFILE_SYNTAX', at })
    assert.throws(() => parseTrigger('RUM a', at), { code: 'DOCKERFILE_SYNTAX', hint: 'did you mean RUN?', at })
  })
})
