import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { keywordOf } from '../../../builder/check/rules/casing.ts'
import { takeFlags } from '../../../builder/dockerfile/flags.ts'
import type { Instruction } from '../../../builder/dockerfile/instruction.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { otherReading, symbolRanges } from '../../../builder/dockerfile/symbols.ts'
import { splitBlanks } from '../../../builder/dockerfile/words.ts'
import { hasCode } from '../../../registry/oci/error.ts'
import { dockerfiles } from './corpus.ts'

const FOLDER = new URL('../../../../fixtures/dockerfiles/', import.meta.url)

/** Fixtures that dockerfile-ast 0.7.1 reads otherwise, and why Docker's own rules are on our side. */
const DISAGREEMENTS: Readonly<Record<string, string>> = {
  continuations: 'an escape that is itself escaped at the end of a line: it goes on, Docker does not',
  'directive-unknown': 'a directive that Docker does not know: it goes on looking for others, for Docker it is a comment, which ends them',
  'env-and-label': 'an escaped escape: it takes both away, Docker leaves that to expansion',
  flags: 'a bare -- and a quoted blank in a flag: it goes on with flags after the one and ends the flag at the other',
  'flags-nobody-looks-at': 'flags of an instruction that has none: they are words to it, Docker drops them',
  'flags-quoted': 'a quoted blank in a flag: it ends the flag there',
  'heredoc-copy': 'a quoted heredoc name with a space: it takes the first half',
  'heredoc-not': 'an escaped <<: it sees a heredoc',
  'heredoc-space': 'a space between << and the name: its issue 120; Docker takes it',
  'heredoc-run-pipes': 'a number before <<: it sees no heredoc',
  'heredocs-many': 'a number before << and a space behind it, as in the two above',
  'json-forms': 'escapes inside JSON strings: it takes them away before anybody can read the JSON',
}

describe('symbolRanges', () => {
  it('finds keywords, flags, images, stages and variables with their columns', async () => {
    const symbols = await symbolRanges('# escape=\\\nFROM a:1 AS b\nRUN --mount=type=cache echo $X\n', 'D')
    assert.deepEqual(
      symbols.map(({ kind, name, at }) => `${kind} ${name} ${at.startLine}:${at.startColumn}-${at.endColumn}`),
      [
        'directive escape 1:3-9',
        'keyword FROM 2:1-5',
        'image a:1 2:6-9',
        'stage b 2:13-14',
        'keyword RUN 3:1-4',
        'flag mount 3:5-23',
        'variable X 3:29-31',
      ],
    )
  })
})

/** A second opinion: dockerfile-ast raises no errors, so only what parses is compared. Bodies of heredocs are words to it, and are left out. */
describe('the parser against dockerfile-ast', () => {
  for (const name of readdirSync(FOLDER).sort()) {
    const text = readFileSync(new URL(`${name}/Dockerfile`, FOLDER), 'utf8')
    const ours = instructionsOf(text)
    if (ours === undefined) continue
    it(`${name}: ${name in DISAGREEMENTS ? `differs: ${DISAGREEMENTS[name]}` : 'the same instructions, lines and words'}`, async () => {
      const { own, other } = await bothReadings(text, ours)
      if (name in DISAGREEMENTS) assert.notDeepEqual(other, own)
      else assert.deepEqual(other, own)
    })
  }

  it('lists no disagreement that is none', () => {
    const names = readdirSync(FOLDER)
    for (const name of Object.keys(DISAGREEMENTS)) assert.ok(names.includes(name), name)
  })

  it('agrees on a thousand generated Dockerfiles: instructions, lines and words', () =>
    fc.assert(
      fc.asyncProperty(dockerfiles, async (text) => {
        const { own, other } = await bothReadings(text, parseDockerfile(text, 'D').instructions)
        assert.deepEqual(other, own)
      }),
      { seed: 20_240_917, numRuns: 1_000 },
    ))
})

async function bothReadings(text: string, ours: readonly Instruction[]): Promise<{ own: string[]; other: string[] }> {
  const others = await otherReading(text)
  const own = ours.map(({ at, kind, source }) => reading(kind.toUpperCase(), at, wordsOf(source)))
  const other = others.map((one, index) => {
    const mine = ours[index]
    const words = mine !== undefined && hasHeredoc(mine) ? one.words.slice(0, wordsOf(mine.source).length) : one.words
    return reading(one.keyword, one, words)
  })
  return { own, other }
}

function reading(keyword: string, { startLine, endLine }: { startLine: number; endLine: number }, words: readonly string[]): string {
  return `${startLine}-${endLine} ${keyword} ${words.join('|')}`
}

/** Without keyword and flags. */
function wordsOf(source: string): string[] {
  const flags = takeFlags(
    { text: source, startLine: 1, endLine: 1, pieces: [], comments: [], emptyContinuation: false },
    keywordOf({ source }).length,
    '\\',
    'D',
  )
  return splitBlanks(source, flags.rest).map(({ text }) => text)
}

function hasHeredoc(instruction: Instruction): boolean {
  if (instruction.kind === 'onbuild') return hasHeredoc(instruction.instruction)
  return 'heredocs' in instruction && instruction.heredocs.length > 0
}

function instructionsOf(text: string): readonly Instruction[] | undefined {
  try {
    return parseDockerfile(text, 'D').instructions
  } catch (error) {
    if (hasCode(error, 'DOCKERFILE_SYNTAX') || hasCode(error, 'DOCKERFILE_UNSUPPORTED')) return undefined
    throw error
  }
}
