import { type Digest, hexOf } from '../registry/oci/digest.ts'
import type { MissCause } from '../registry/oci/event.ts'
import type { StepCache, StepRecord } from './cache.ts'
import { identityOf, viewOf } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import type { Explainer } from './explain/explain.ts'
import { knownLayer } from './layer.ts'
import { located } from './located.ts'
import { makeLayer } from './make-layer.ts'
import { keyOf, keyParts } from './plan/cache-key.ts'
import type { CopyOperation, Operation, Step } from './plan/graph.ts'
import type { Slot } from './schedule.ts'
import { LayersTree } from './sources/layers.ts'
import type { SourceTree } from './sources/tree.ts'
import { choose } from './steps/copy.ts'
import { shownBy } from './steps/mounts.ts'
import type { StepNetwork } from './steps/run.ts'

/** What the operations of one build share. */
export interface Performance {
  readonly deps: BuildDeps
  readonly cache: StepCache
  readonly context: SourceTree
  /** Files of a named context. */
  readonly named: (name: string) => Promise<SourceTree>
  readonly network: StepNetwork
  /** Of the first step that has to be done. */
  readonly explainer: () => Promise<Explainer>
  /** Whether an operation takes nothing for done but what was made since this build began. */
  readonly ignoresCache: (operation: Operation) => boolean
  /** Milliseconds since the epoch. */
  readonly began: number
  readonly producer: string
  /** Names of cache mounts that this build has emptied, for operations that ignore the cache; undefined when it keeps them. */
  readonly emptied: Set<string> | undefined
}

/** The file system after an operation; `created` is when its own layer was made, undefined for one that makes none. */
export interface StepResult {
  readonly layers: readonly LayerRef[]
  /** Undefined for what has no key: a base image. */
  readonly key: Digest | undefined
  readonly created: string | undefined
}

/** What a step in progress has of the scheduler. */
export interface Running {
  readonly signal: AbortSignal
  readonly slot: Slot
}

const FORCED: MissCause = { part: 'forced' }
const PRUNED: MissCause = { part: 'pruned' }

/** Does one operation, or finds that it was done before: by key, under a lock that keeps two processes from doing it twice. */
export async function perform(
  operation: Operation,
  inputs: readonly StepResult[],
  build: Performance,
  running: Running,
): Promise<StepResult> {
  if (operation.kind === 'source') return { layers: operation.image?.layers ?? [], key: undefined, created: undefined }
  const { emit, now } = build.deps
  const step = String(operation.id)
  emit({ kind: 'started', step, name: operation.name, time: now(), inputs: operation.inputs.map(String) })
  try {
    const { result, isCached } = await performStep(operation, inputs, build, running)
    emit({ kind: 'finished', step, status: isCached ? 'cached' : 'done', time: now(), layer: result.layers.at(-1)?.blob })
    return result
  } catch (error) {
    const status = running.signal.aborted ? 'canceled' : 'failed'
    emit({ kind: 'finished', step, status, time: now(), detail: error instanceof Error ? error.message : undefined })
    throw located(error, operation.at)
  }
}

async function performStep(operation: Step, inputs: readonly StepResult[], build: Performance, running: Running) {
  const { deps } = build
  const trees = inputs.map(({ layers }) => layers)
  const taken = await takenBy(operation, inputs, build, running.signal)
  const parent = trees[0] ?? []
  const partsNow = () => keyParts(operation, { parent: identityOf(parent), idKind: deps.idKind(), ...taken.key })
  const hit = await find(keyOf(partsNow()), operation, parent, build)
  if (typeof hit === 'object') return { result: hit, isCached: true }
  if (operation.kind === 'run') await deps.snapshots() // from here on it is known which ids there are
  const parts = partsNow()
  const key = keyOf(parts)
  const lock = await lockStep(`step-${hexOf(key)}`, operation, deps, running)
  try {
    const found = await find(key, operation, parent, build) // done by whoever held the lock before
    if (typeof found === 'object') return { result: found, isCached: true }
    const explainer = await build.explainer()
    const wanted = explainer.wanted(operation, parts, taken.lists)
    const cause = build.ignoresCache(operation) ? FORCED : found === 'pruned' ? PRUNED : await explainer.cause(wanted)
    deps.emit({ kind: 'missed', step: String(operation.id), cause })
    const began = deps.now()
    const { diffID, blob } = await makeLayer(operation, trees, taken.chosen, build, running)
    const now = deps.now()
    const made = { cause, milliseconds: now - began }
    const record: StepRecord = { diffID, created: isoTime(now), parts, producer: build.producer, made, traits: wanted.traits }
    await build.cache.put(key, record)
    await explainer.keep(key, wanted)
    return { result: resultOf(key, parent, { diffID, blob }, record), isCached: false }
  } finally {
    await lock.release()
  }
}

/** What a step takes besides its parent: for its key, for explaining it, and what a COPY chose. */
async function takenBy(operation: Step, inputs: readonly StepResult[], build: Performance, signal: AbortSignal) {
  const { deps } = build
  switch (operation.kind) {
    case 'copy': {
      const chosen = await choose(operation, await sourceOf(operation, inputs, build, signal), deps, signal)
      return { key: { content: chosen.content }, lists: [chosen.files], chosen }
    }
    case 'run': {
      const trees = inputs.map(({ layers }) => layers)
      const { digests, files } = await shownBy(operation, trees, deps, signal)
      return { key: { shown: digests }, lists: files, chosen: undefined }
    }
    case 'mkdir':
      return { key: {}, lists: [], chosen: undefined }
  }
}

/** What was made under this key, or why that does not count. */
async function find(
  key: Digest,
  operation: Step,
  parent: readonly LayerRef[],
  build: Performance,
): Promise<StepResult | 'unknown' | 'pruned'> {
  const record = await build.cache.find(key)
  if (record === undefined || (Date.parse(record.created) < build.began && build.ignoresCache(operation))) return 'unknown'
  const layer = await knownLayer(record.diffID, build.deps)
  if (layer === undefined) return 'pruned'
  build.cache.used(key, build.deps.now())
  return resultOf(key, parent, layer, record)
}

/** Waits without a job slot while somebody else does the same step. */
async function lockStep(key: string, operation: Operation, deps: BuildDeps, running: Running) {
  const free = await deps.store.lock(key, { wait: false })
  if (free !== undefined) return free
  deps.emit({
    kind: 'log',
    step: String(operation.id),
    stream: 'stderr',
    bytes: Buffer.from('waiting for the same step, which is being done already\n'),
  })
  const lock = await running.slot.yielding(() => deps.store.lock(key, { wait: true, signal: running.signal }))
  if (lock === undefined) throw new Error('a lock that waits is always got')
  return lock
}

async function sourceOf(
  operation: CopyOperation,
  inputs: readonly StepResult[],
  build: Performance,
  signal: AbortSignal,
): Promise<SourceTree> {
  if (operation.from === 'context') return build.context
  if (typeof operation.from === 'object') return build.named(operation.from.context)
  return new LayersTree(await viewOf(inputs[1]?.layers ?? [], build.deps, signal), operation.fromLabel)
}

function resultOf(key: Digest, parent: readonly LayerRef[], layer: LayerRef, record: StepRecord): StepResult {
  return { layers: [...parent, layer], key, created: record.created }
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
