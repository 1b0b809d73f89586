import type { StepCache } from './cache.ts'
import { identityOf } from './chain.ts'
import type { StepResult } from './perform.ts'
import { keyOf } from './plan/cache-key.ts'
import type { BuildPlan } from './plan/plan.ts'
import type { SharedStep } from './shared-cache/format.ts'
import { cacheName } from './steps/caches.ts'

/** A step that was done or found. */
export interface BuiltStep extends SharedStep {
  /** Its layer is one of the image. */
  readonly isInImage: boolean
  /** Of `roughTaking`: it is about other layers than those of the image. */
  readonly isRough: boolean
}

/** In the order of the plan; those that lead from the base to the image are in it. */
export async function builtSteps(plan: BuildPlan, results: ReadonlyMap<number, StepResult>, cache: StepCache): Promise<BuiltStep[]> {
  const inImage = new Set<number>()
  for (let id: number | undefined = plan.target.last; id !== undefined; id = plan.operations[id]?.inputs[0]) inImage.add(id)
  const steps: BuiltStep[] = []
  for (const { id } of plan.operations) {
    const { keys = [], layers } = results.get(id) ?? {}
    const blob = layers?.at(-1)?.blob
    for (const key of keys) {
      const record = await cache.find(key)
      const isRough = record !== undefined && keyOf(record.parts) !== key
      if (record !== undefined && blob !== undefined) steps.push({ key, record, blob, isInImage: inImage.has(id), isRough })
    }
  }
  return steps
}

/** Names of the cache mounts that steps have (`cacheName`). */
export function cacheMountsOf({ operations }: BuildPlan, results: ReadonlyMap<number, StepResult>): string[] {
  const names = operations.flatMap((operation) => {
    if (operation.kind !== 'run') return []
    const identity = (input: number) => identityOf(results.get(operation.inputs[input] ?? -1)?.layers ?? [])
    return operation.mounts.flatMap((mount) =>
      mount.kind === 'cache' ? cacheName(mount, mount.seed === undefined ? '' : identity(mount.seed)) : [],
    )
  })
  return [...new Set(names)]
}
