import { TsbuildError } from '../../registry/oci/error.ts'
import type { FromInstruction, Instruction } from '../dockerfile/instruction.ts'
import { didYouMean } from '../dockerfile/suggest.ts'

/** A stage as the file has it, before anything is expanded. */
export interface Draft {
  readonly index: number
  readonly from: FromInstruction
  readonly instructions: readonly Instruction[]
}

/** All stages of a file, and those of each name. */
export interface Drafts {
  readonly all: readonly Draft[]
  /** Ascending; a later stage of a name hides the earlier ones from what follows it. */
  readonly byName: ReadonlyMap<string, readonly Draft[]>
}

export function draftStages(instructions: readonly Instruction[]): Drafts {
  const all: (Draft & { instructions: Instruction[] })[] = []
  const byName = new Map<string, Draft[]>()
  for (const instruction of instructions) {
    if (instruction.kind !== 'from') {
      all.at(-1)?.instructions.push(instruction)
      continue
    }
    const draft = { index: all.length, from: instruction, instructions: [] }
    all.push(draft)
    const named = byName.get(instruction.stageName ?? '')
    if (named !== undefined) named.push(draft)
    else if (instruction.stageName !== undefined) byName.set(instruction.stageName, [draft])
  }
  return { all, byName }
}

/** The nearest stage of that name before stage `index`. */
export function findBefore({ byName }: Drafts, name: string, index: number): Draft | undefined {
  const named = byName.get(name) ?? []
  let low = 0
  for (let high = named.length; low < high; ) {
    const middle = (low + high) >> 1
    if ((named[middle]?.index ?? 0) < index) low = middle + 1
    else high = middle
  }
  return named[low - 1]
}

/** The last stage of that name in any case, the last of all without one; numbers are no names here. Throws DOCKERFILE_STAGE. */
export function findTarget({ all, byName }: Drafts, target: string | undefined): Draft {
  const found = target === undefined ? all.at(-1) : byName.get(target.toLowerCase())?.at(-1)
  if (found !== undefined) return found
  const names = [...byName.keys()]
  const listed = names.length === 0 ? 'no stage has a name: write FROM ... AS name' : `there are ${names.slice(0, 10).join(', ')}`
  throw new TsbuildError('DOCKERFILE_STAGE', `target stage ${JSON.stringify(target)} could not be found`, {
    hint: didYouMean(target ?? '', names) ?? listed,
  })
}
