import type { SourceRange } from '../../registry/oci/error.ts'
import type { FromInstruction, ParsedDockerfile } from '../dockerfile/instruction.ts'
import { descriptionOf } from './rules/names.ts'

/** A stage as something to build. */
export interface Target {
  readonly name: string | undefined
  readonly description: string | undefined
  /** Built without --target. */
  readonly isDefault: boolean
  /** As written. */
  readonly base: string
  readonly platform: string | undefined
  readonly at: SourceRange
}

/** All stages of a file, in order. */
export function targetsOf({ instructions }: ParsedDockerfile): Target[] {
  const stages = instructions.filter((instruction) => instruction.kind === 'from')
  return stages.map((from, index) => ({
    name: from.stageName,
    description: stageDescription(from),
    isDefault: index === stages.length - 1,
    base: from.image,
    platform: from.platform,
    at: from.at,
  }))
}

export function stageDescription({ stageName, comments }: FromInstruction): string | undefined {
  return stageName === undefined ? undefined : descriptionOf(stageName, comments)
}
