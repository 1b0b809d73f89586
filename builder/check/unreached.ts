import type { FromInstruction, ParsedDockerfile } from '../dockerfile/instruction.ts'
import type { Stage } from '../plan/stages.ts'

/**
 * Which named stages a build of the last stage leaves out, in one line; undefined when there is none. Who names a target leaves others out on purpose, and
 * needs no line.
 */
export function unreachedNote({ instructions, file }: ParsedDockerfile, stages: readonly Stage[]): string | undefined {
  const reached = reachedFrom(stages)
  const left = instructions.filter((from) => from.kind === 'from').filter((from) => !reached.has(from))
  if (left.length === 0) return undefined
  const named = left.map(({ stageName, image, at }) => `${stageName ?? `FROM ${image}`} (${file}:${at.startLine})`)
  const listed =
    named.length > MAX_LISTED ? `${named.slice(0, MAX_LISTED).join(', ')} and ${named.length - MAX_LISTED} more` : named.join(', ')
  return `not built, since the last stage needs nothing of ${left.length === 1 ? 'it' : 'them'}: ${listed}`
}

const MAX_LISTED = 5

/** The FROMs that the last of `stages` needs, its own among them. */
function reachedFrom(stages: readonly Stage[]): Set<FromInstruction> {
  const wanted = new Set([stages.at(-1)?.index])
  const reached = new Set<FromInstruction>()
  for (const { index, from, dependencies } of [...stages].reverse()) {
    if (!wanted.has(index)) continue
    reached.add(from)
    for (const dependency of dependencies) wanted.add(dependency)
  }
  return reached
}
