import { TsbuildError } from '../../registry/oci/error.ts'
import type { Instruction, ParsedDockerfile } from '../dockerfile/instruction.ts'
import { suggest } from '../dockerfile/suggest.ts'
import type { WantedImage } from './platforms.ts'

/** An image that cannot be had may be a stage whose name is mistyped: the hint says so before what it said. */
export function hintAtStage(error: unknown, wanted: Iterable<WantedImage>, { instructions }: ParsedDockerfile): unknown {
  if (!(error instanceof TsbuildError) || error.at === undefined) return error
  const { startLine } = error.at
  const image = [...wanted].find(({ at }) => at.startLine === startLine)?.reference ?? baseAt(startLine, instructions)
  const names = instructions.flatMap((instruction) => (instruction.kind === 'from' ? (instruction.stageName?.toLowerCase() ?? []) : []))
  const near = image === undefined ? undefined : suggest(image, names)
  if (near === undefined) return error
  const hint = [`did you mean the stage ${near}?`, error.hint].filter((part) => part !== undefined).join(' Else ')
  return new TsbuildError(error.code, error.message, { hint, cause: error.cause, at: error.at })
}

/** What the FROM of a line names, which may be no reference at all. */
function baseAt(line: number, instructions: readonly Instruction[]): string | undefined {
  for (const instruction of instructions) if (instruction.kind === 'from' && instruction.at.startLine === line) return instruction.image
  return undefined
}
