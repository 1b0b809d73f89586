import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Instruction } from '../../../builder/dockerfile/instruction.ts'
import { splitLines } from '../../../builder/dockerfile/lines.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { type SourceRange, TsbuildError } from '../../../registry/oci/error.ts'
import { prepared } from '../check/checking.ts'
import { dockerfiles, nearDockerfiles } from './corpus.ts'

/** The same cases in every run. */
const SEED = 20_240_917

describe('the parser on random input', function () {
  this.timeout(120_000)

  it('throws nothing but TsbuildError on any bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void accepted(bytes)),
      { seed: SEED, numRuns: 5_000 },
    ))

  it('gives all that it takes a place in the file, in order', () => {
    let taken = 0
    const check = (text: string) => {
      const instructions = accepted(text)
      if (instructions === undefined) return
      taken++
      arePlaced(instructions, text)
    }
    fc.assert(fc.property(nearDockerfiles, check), { seed: SEED, numRuns: 10_000 })
    assert.ok(taken > 1_000, `${taken} of 10,000 were taken`)
  })

  it('takes every Dockerfile of the corpus', () =>
    fc.assert(
      fc.property(dockerfiles, (text) => arePlaced(parseDockerfile(text, 'D').instructions, text)),
      { seed: SEED, numRuns: 3_000 },
    ))
})

describe('build checks on random input', function () {
  this.timeout(120_000)

  it('throw nothing but TsbuildError, and point into the file', () =>
    fc.assert(
      fc.asyncProperty(fc.oneof(nearDockerfiles, dockerfiles), async (text) => {
        const { report, outcome } = await prepared(text, { allStages: true, ignore: 'a\n*.txt' }).catch(onlyOurs)
        if ('error' in outcome) onlyOurs(outcome.error)
        const lines = report.length === 0 ? [] : splitLines(text, 'D')
        for (const { at } of report) if (at !== undefined) isInside(at, lines.length)
      }),
      { seed: SEED, numRuns: 2_000 },
    ))
})

const NOTHING = { report: [], outcome: {} }

function onlyOurs(error: unknown): typeof NOTHING {
  if (error instanceof TsbuildError) return NOTHING
  throw error
}

function accepted(source: string | Uint8Array): readonly Instruction[] | undefined {
  try {
    return parseDockerfile(source, 'D').instructions
  } catch (error) {
    assert.ok(error instanceof TsbuildError, String(error))
    assert.match(error.message, /^[^\n]+$/)
    const lines = Buffer.from(source).toString('latin1').split('\n').length
    if (error.at !== undefined) isInside(error.at, lines)
    return undefined
  }
}

function isInside({ startLine, endLine }: SourceRange, lines: number): void {
  assert.ok(startLine >= 1 && startLine <= endLine && endLine <= lines, `${startLine}-${endLine} of ${lines}`)
}

/** Instructions follow each other without overlap, and flags stand in their instruction, at columns that are there. */
function arePlaced(instructions: readonly Instruction[], text: string): void {
  const lines = splitLines(text, 'D')
  let last = 0
  for (const { at, flags, source } of instructions) {
    isInside(at, lines.length)
    assert.ok(at.startLine > last, `line ${at.startLine} after ${last}`)
    last = at.endLine
    // The lines before the keyword hold an escape alone.
    const first = lines.slice(at.startLine - 1, at.endLine).find(({ text: line }) => !/^\s*(?:[\\`]\s*|#.*)?$/.test(line))
    assert.ok(first?.text.trimStart().startsWith(source.slice(0, 1)), JSON.stringify([source, first]))
    for (const flag of flags) areColumns(flag.at, at, lines)
  }
}

function areColumns(flag: SourceRange, { startLine, endLine }: SourceRange, lines: ReturnType<typeof splitLines>): void {
  assert.ok(startLine <= flag.startLine && flag.endLine <= endLine)
  const [start, end] = [lines[flag.startLine - 1]?.text ?? '', lines[flag.endLine - 1]?.text ?? '']
  assert.ok(start.startsWith('--', (flag.startColumn ?? 0) - 1), JSON.stringify([start, flag]))
  assert.ok((flag.endColumn ?? 0) > 1 && (flag.endColumn ?? 0) <= end.length + 1)
}
