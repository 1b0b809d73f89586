import { TsbuildError } from '../../registry/oci/error.ts'
import { isBuiltInSyntax, readDirectives } from './directives.ts'
import type { Instruction, ParsedDockerfile, Warning } from './instruction.ts'
import { splitLines } from './lines.ts'
import { type LineCursor, readLogicalLine } from './logical-line.ts'
import { readInstruction } from './read/instruction.ts'
import { readStatement } from './read/statement.ts'
import { unsupported } from './unsupported.ts'

export interface ParseOptions {
  /** Stands in for the `# syntax=` directive (build argument BUILDKIT_SYNTAX). */
  readonly syntax?: string | undefined
}

/**
 * A Dockerfile's bytes or text -> its instructions, the whole language, nothing expanded. `file` is the name that errors show. Takes time linear in the
 * text. Throws DOCKERFILE_SYNTAX with the place of the first mistake (`checkDockerfile` finds the rest), and DOCKERFILE_UNSUPPORTED for a foreign
 * frontend, whose language may be any other.
 */
export function parseDockerfile(source: string | Uint8Array, file: string, options: ParseOptions = {}): ParsedDockerfile {
  const lines = splitLines(source, file)
  const { directives, count } = readDirectives(lines, file)
  const syntax = options.syntax ?? directives.syntax
  if (syntax !== undefined && !isBuiltInSyntax(syntax))
    throw unsupported(
      `a frontend other than docker/dockerfile (syntax=${syntax})`,
      directives.syntaxAt ?? { file, startLine: 1, endLine: 1 },
    )
  const cursor: LineCursor = { lines, index: count }
  const instructions: Instruction[] = []
  const warnings: Warning[] = []
  for (let line = readLogicalLine(cursor, directives.escape); line !== undefined; line = readLogicalLine(cursor, directives.escape)) {
    if (line.emptyContinuation) warnings.push(emptyContinuation(file, line.endLine))
    const statement = readStatement(line, 0, cursor, { file, escape: directives.escape })
    if (statement !== undefined) instructions.push(readInstruction(statement))
  }
  if (instructions.length === 0)
    throw new TsbuildError('DOCKERFILE_SYNTAX', 'file with no instructions', {
      at: { file, startLine: lines.length, endLine: lines.length },
      hint: 'begin with FROM',
    })
  return { file, directives, instructions, warnings }
}

/**
 * Reads an ONBUILD trigger out of an image config. Errors point at `at`, the FROM that brings it in, and so does the instruction; throws
 * DOCKERFILE_SYNTAX.
 */
export function parseTrigger(trigger: string, at: Instruction['at']): Instruction {
  try {
    const parsed = parseDockerfile(trigger, at.file)
    const [instruction] = parsed.instructions
    if (instruction === undefined || parsed.instructions.length > 1) throw new TsbuildError('DOCKERFILE_SYNTAX', 'is not one instruction')
    if (instruction.kind === 'from') throw new TsbuildError('DOCKERFILE_SYNTAX', 'FROM cannot be a trigger')
    return { ...instruction, source: `ONBUILD ${instruction.source}`, at, flags: instruction.flags.map((flag) => ({ ...flag, at })) }
  } catch (cause) {
    if (!(cause instanceof TsbuildError)) throw cause
    const shown = JSON.stringify(trigger.slice(0, 200))
    throw new TsbuildError('DOCKERFILE_SYNTAX', `ONBUILD trigger of the base image ${shown}: ${cause.message}`, {
      cause,
      at,
      hint: cause.hint,
    })
  }
}

function emptyContinuation(file: string, line: number): Warning {
  return { rule: 'NoEmptyContinuation', message: 'Empty continuation line', at: { file, startLine: line, endLine: line } }
}
