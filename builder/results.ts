import type { Descriptor } from '../registry/oci/descriptor.ts'
import type { Platform } from '../registry/oci/platform.ts'
import type { StepCache } from './cache.ts'
import { identityOf } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import { type ImageParts, writeImage, writeIndex } from './image.ts'
import type { StepResult } from './perform.ts'
import { keyOf } from './plan/cache-key.ts'
import type { Operation } from './plan/graph.ts'
import type { PlatformTarget } from './prepare.ts'
import { rewriteTimes } from './rewrite.ts'
import type { SharedStep } from './shared-cache/format.ts'
import { cacheName } from './steps/caches.ts'

/** The image of one platform. */
export interface PlatformImage {
  /** That was asked for. */
  readonly platform: Platform
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly LayerRef[]
  /** SOURCE_DATE_EPOCH, seconds: no time in config and history is later. */
  readonly epoch: number | undefined
}

/** A step that was done or found. */
export interface BuiltStep extends SharedStep {
  readonly operation: number
  /** Its layer is one of an image. */
  readonly isInImage: boolean
  /** Of `roughTaking`: it is about other layers than those of the image. */
  readonly isRough: boolean
}

/** What images are made of, besides the plan. */
interface Materials {
  readonly results: ReadonlyMap<number, StepResult>
  readonly labels: ReadonlyMap<string, string>
  readonly operations: readonly Operation[]
  readonly steps: () => Promise<readonly BuiltStep[]>
  readonly inlineCache: boolean
  readonly rewriteTimestamps: boolean
  readonly producer: string
  readonly signal: AbortSignal
}

/** Writes the image of one platform. */
export async function writeTarget(target: PlatformTarget, materials: Materials, cache: StepCache, deps: BuildDeps): Promise<PlatformImage> {
  const { wanted: platform, epoch } = target
  const { producer, signal } = materials
  const parts = imageParts(target, materials, materials.inlineCache ? await inlineCache(target, materials) : undefined)
  const isRewritten = materials.rewriteTimestamps && epoch !== undefined
  const final = isRewritten ? await rewriteTimes(parts, epoch, deps, cache, producer, signal) : parts
  return { platform, ...(await writeImage(final, deps.store.blobs)), layers: final.layers, epoch }
}

/** One image is itself the result, several are listed in an index. */
export async function rootOf(images: readonly PlatformImage[], { store }: BuildDeps): Promise<Descriptor> {
  const [only, ...others] = images
  return only !== undefined && others.length === 0 ? only.manifest : writeIndex(images, store.blobs)
}

async function inlineCache(target: PlatformTarget, { operations, steps }: Materials): Promise<Readonly<Record<string, unknown>>> {
  const { inlineRecords } = await import('./shared-cache/format.ts')
  const own = chainOf(operations, target.last)
  return inlineRecords((await steps()).filter(({ operation, isRough }) => own.has(operation) && !isRough))
}

function imageParts(target: PlatformTarget, { results, labels: given }: Materials, inline: ImageParts['inline']): ImageParts {
  const history = target.history.map(({ createdBy, operation }) => {
    const created = operation === undefined ? undefined : results.get(operation)?.created
    return { createdBy, layer: created === undefined ? undefined : { created } }
  })
  const labels = { ...target.config.Labels, ...Object.fromEntries(given) }
  const config = Object.keys(labels).length === 0 ? target.config : { ...target.config, Labels: labels }
  const layers = results.get(target.last)?.layers ?? []
  const { base, author, platform, epoch } = target
  return { base, config, author, platform, layers, history, epoch, inline }
}

/** In the order of the plan; those that lead from a base to an image are in it. */
export async function builtSteps(
  operations: readonly Operation[],
  targets: readonly PlatformTarget[],
  results: ReadonlyMap<number, StepResult>,
  cache: StepCache,
): Promise<BuiltStep[]> {
  const inImage = new Set(targets.flatMap(({ last }) => [...chainOf(operations, last)]))
  const steps: BuiltStep[] = []
  for (const { id } of operations) {
    const { keys = [], layers } = results.get(id) ?? {}
    const blob = layers?.at(-1)?.blob
    for (const key of keys) {
      const record = await cache.find(key)
      const isRough = record !== undefined && keyOf(record.parts) !== key
      if (record !== undefined && blob !== undefined) steps.push({ key, record, blob, operation: id, isInImage: inImage.has(id), isRough })
    }
  }
  return steps
}

/** Names of the cache mounts that steps have (`cacheName`). */
export function cacheMountsOf(operations: readonly Operation[], results: ReadonlyMap<number, StepResult>): string[] {
  const names = operations.flatMap((operation) => {
    if (operation.kind !== 'run') return []
    const identity = (input: number) => identityOf(results.get(operation.inputs[input] ?? -1)?.layers ?? [])
    return operation.mounts.flatMap((mount) =>
      mount.kind === 'cache' ? cacheName(mount, mount.seed === undefined ? '' : identity(mount.seed)) : [],
    )
  })
  return [...new Set(names)]
}

/** The operations whose layers are those of `last`. */
function chainOf(operations: readonly Operation[], last: number): Set<number> {
  const chain = new Set<number>()
  for (let id: number | undefined = last; id !== undefined; id = operations[id]?.inputs[0]) chain.add(id)
  return chain
}

/** Everything that `last` needs, in the order of the plan. */
export function neededBy(operations: readonly Operation[], last: number): Operation[] {
  const needed = new Set([last])
  return operations
    .slice(0, last + 1)
    .reverse()
    .filter(({ id, inputs }) => {
      if (needed.has(id)) for (const input of inputs) needed.add(input)
      return needed.has(id)
    })
    .reverse()
}
