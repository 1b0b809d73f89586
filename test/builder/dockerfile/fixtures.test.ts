import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { checkDockerfile } from '../../../builder/dockerfile/check.ts'
import { excerpt } from '../../../builder/dockerfile/excerpt.ts'
import { runForm } from '../../../builder/dockerfile/heredoc.ts'
import type { Instruction } from '../../../builder/dockerfile/instruction.ts'
import { parseDockerfile } from '../../../builder/dockerfile/parse.ts'
import { type SourceRange, TsbuildError } from '../../../registry/oci/error.ts'

const FOLDER = new URL('../../../../fixtures/dockerfiles/', import.meta.url)

/** A folder is a case: `Dockerfile` and what becomes of it. */
describe('fixtures/dockerfiles', () => {
  for (const name of readdirSync(FOLDER).sort())
    it(name, () => {
      const text = readFileSync(new URL(`${name}/Dockerfile`, FOLDER))
      const expected: unknown = JSON.parse(readFileSync(new URL(`${name}/expected.json`, FOLDER), 'utf8'))
      assert.deepEqual(JSON.parse(JSON.stringify(outcome(text))), expected)
    })
})

function outcome(text: Uint8Array): unknown {
  try {
    const parsed = checkDockerfile(parseDockerfile(text, 'Dockerfile'))
    const { syntax, escape: escapeChar, check } = parsed.directives
    return {
      ...(syntax || check || escapeChar === '`' ? { directives: { syntax, escape: escapeChar, check } } : {}),
      ...(parsed.warnings.length > 0 ? { warnings: parsed.warnings.map(({ rule, at }) => `${rule} ${place(at)}`) } : {}),
      instructions: parsed.instructions.map(described),
    }
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error
    const { code, message, hint, at } = error
    return { error: { code, message, hint }, excerpt: at && excerpt(text, at).split('\n') }
  }
}

/** An instruction with its lines, and without what is empty or only there for messages. */
function described(instruction: Instruction): object {
  const { at, source, flags, kind, ...rest } = instruction
  const fields = Object.entries(rest).filter(
    ([, value]) => value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0),
  )
  const inner = instruction.kind === 'onbuild' ? { instruction: described(instruction.instruction) } : {}
  const runs = instruction.kind === 'run' && instruction.heredocs.length > 0 ? { runs: runForm(instruction) } : {}
  return { line: place(at), kind, ...Object.fromEntries(fields), ...inner, ...runs }
}

function place({ startLine, endLine }: SourceRange): string {
  return startLine === endLine ? String(startLine) : `${startLine}-${endLine}`
}
