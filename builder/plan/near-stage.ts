import { TsbuildError } from '../../registry/oci/error.ts'
import type { ParsedDockerfile } from '../dockerfile/instruction.ts'
import { suggest } from '../dockerfile/suggest.ts'
import type { WantedImage } from './platforms.ts'

/** An image that cannot be had may be a stage whose name is mistyped: the hint says so before what it said. */
export function hintAtStage(error: unknown, wanted: Iterable<WantedImage>, { instructions }: ParsedDockerfile): unknown {
  if (!(error instanceof TsbuildError) || error.at === undefined) return error
  const image = [...wanted].find(({ at }) => at.startLine === error.at?.startLine)
  const names = instructions.flatMap((instruction) => (instruction.kind === 'from' ? (instruction.stageName?.toLowerCase() ?? []) : []))
  const near = image === undefined ? undefined : suggest(image.reference, names)
  if (near === undefined) return error
  const hint = [`did you mean the stage ${near}?`, error.hint].filter((part) => part !== undefined).join(' Else ')
  return new TsbuildError(error.code, error.message, { hint, cause: error.cause, at: error.at })
}
