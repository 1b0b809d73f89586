import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { instructionLines, symbolRanges } from '../../../builder/dockerfile/symbols.ts'
import { hasCode } from '../../../registry/oci/error.ts'

const FOLDER = new URL('../../../../fixtures/dockerfiles/', import.meta.url)

/** Fixtures that dockerfile-ast 0.7.1 reads otherwise, and why Docker's own rules are on our side. */
const DISAGREEMENTS: Readonly<Record<string, string>> = {
  continuations: 'an escape that is itself escaped at the end of a line: it goes on, Docker does not',
  'heredoc-copy': 'a quoted heredoc name with a space: it takes the first half',
  'heredoc-not': 'an escaped <<: it sees a heredoc',
  'heredoc-space': 'a space between << and the name: its issue 120; Docker takes it',
  'heredoc-run-pipes': 'a number before <<: it sees no heredoc',
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

/** A second opinion: dockerfile-ast raises no errors, so only fixtures that parse are compared. */
describe('the parser against dockerfile-ast', () => {
  for (const name of readdirSync(FOLDER).sort()) {
    const text = readFileSync(new URL(`${name}/Dockerfile`, FOLDER), 'utf8')
    const ours = instructionsOf(text)
    if (ours === undefined) continue
    it(`${name}: ${name in DISAGREEMENTS ? `differs: ${DISAGREEMENTS[name]}` : 'the same instructions at the same lines'}`, async () => {
      const theirs = (await instructionLines(text)).map(({ keyword, startLine }) => `${startLine} ${keyword}`)
      if (name in DISAGREEMENTS) assert.notDeepEqual(theirs, ours)
      else assert.deepEqual(theirs, ours)
    })
  }
})

function instructionsOf(text: string): string[] | undefined {
  try {
    return parseDockerfile(text, 'D').instructions.map(({ at, kind }) => `${at.startLine} ${kind.toUpperCase()}`)
  } catch (error) {
    if (hasCode(error, 'DOCKERFILE_SYNTAX') || hasCode(error, 'DOCKERFILE_UNSUPPORTED')) return undefined
    throw error
  }
}
