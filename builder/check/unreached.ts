import type { ParsedDockerfile } from '../dockerfile/instruction.ts'
import type { Stage } from '../plan/stages.ts'

/**
 * Which named stages a build of the last stage leaves out, in one line; undefined when there is none. Who names a target leaves others out on purpose, and
 * needs no line.
 */
export function unreachedNote({ instructions, file }: ParsedDockerfile, stages: readonly Pick<Stage, 'from'>[]): string | undefined {
  const reached = new Set(stages.map(({ from }) => from))
  const left = instructions.filter((from) => from.kind === 'from').filter((from) => !reached.has(from))
  if (left.length === 0) return undefined
  const named = left.map(({ stageName, image, at }) => `${stageName ?? `FROM ${image}`} (${file}:${at.startLine})`)
  const listed =
    named.length > MAX_LISTED ? `${named.slice(0, MAX_LISTED).join(', ')} and ${named.length - MAX_LISTED} more` : named.join(', ')
  return `not built, since the last stage needs nothing of ${left.length === 1 ? 'it' : 'them'}: ${listed}`
}

const MAX_LISTED = 5
