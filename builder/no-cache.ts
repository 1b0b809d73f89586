import type { ProgressEvent } from '../registry/oci/event.ts'
import type { ParsedDockerfile } from './dockerfile/instruction.ts'
import { didYouMean } from './dockerfile/suggest.ts'
import { draftStages } from './plan/drafts.ts'
import type { Operation } from './plan/graph.ts'

/** What is done although it was done before: every step, or those of the stages of these names, in any case. */
export type NoCache = 'all' | readonly string[]

export function ignoresCache(noCache: NoCache): (operation: Operation) => boolean {
  if (noCache === 'all') return () => true
  const stages = new Set(noCache.map((name) => name.toLowerCase()))
  return ({ stage }) => stage !== undefined && stages.has(stage)
}

/** A warning for each name that no stage of the file has. */
export function unknownStages(noCache: NoCache, { instructions }: ParsedDockerfile): ProgressEvent[] {
  if (noCache === 'all' || noCache.length === 0) return []
  const known = [...draftStages(instructions).byName.keys()]
  const unknown = noCache.filter((name) => !known.includes(name.toLowerCase()))
  return unknown.map((name) => {
    const hint = didYouMean(name, known)
    const message = `--no-cache-filter ${name}: no stage has that name`
    return { kind: 'warning', code: 'UnknownStage', message, ...(hint && { hint }) }
  })
}
