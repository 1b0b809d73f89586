import { type Digest, hexOf } from '../registry/oci/digest.ts'
import type { MissCause } from '../registry/oci/event.ts'
import type { StepCache, StepRecord } from './cache.ts'
import { identityOf, viewOf } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import type { Explainer } from './explain/explain.ts'
import { IMPORTED, knownLayer } from './layer.ts'
import { located } from './located.ts'
import { makeLayer } from './make-layer.ts'
import { type KeyInputs, type KeyParts, keyOf, keyParts } from './plan/cache-key.ts'
import type { CopyOperation, Operation, Step } from './plan/graph.ts'
import { roughTaking } from './rough-key.ts'
import type { Slot } from './schedule.ts'
import type { ImportedCache } from './shared-cache/import.ts'
import { LayersTree } from './sources/layers.ts'
import type { SourceTree } from './sources/tree.ts'
import { type Chosen, choose } from './steps/copy.ts'
import { shownBy } from './steps/mounts.ts'
import type { StepNetwork } from './steps/run.ts'
import type { FileList } from './steps/select.ts'

/** What the operations of one build share. */
export interface Performance {
  readonly deps: BuildDeps
  readonly cache: StepCache
  readonly context: SourceTree
  /** Files of a named context. */
  readonly named: (name: string) => Promise<SourceTree>
  readonly network: StepNetwork
  /** Steps that others have done; undefined without --cache-from. */
  readonly imported: ImportedCache | undefined
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
  /** Under which its record is kept; none for a base image, which has no record. */
  readonly keys: readonly Digest[]
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
  if (operation.kind === 'source') return { layers: operation.image?.layers ?? [], keys: [], created: undefined }
  const { emit, now } = build.deps
  const step = String(operation.id)
  emit({ kind: 'started', step, name: operation.name, time: now(), inputs: operation.inputs.map(String) })
  try {
    const { result, isCached } = await performStep(operation, inputs, build, running)
    emit({ kind: 'finished', step, status: isCached ? 'cached' : 'done', time: now(), layer: result.layers.at(-1)?.blob })
    return result
  } catch (error) {
    const isCanceled = running.signal.aborted // then the error is that of another step
    const detail = !isCanceled && error instanceof Error ? error.message : undefined
    emit({ kind: 'finished', step, status: isCanceled ? 'canceled' : 'failed', time: now(), detail })
    throw located(error, operation.at)
  }
}

async function performStep(operation: Step, inputs: readonly StepResult[], build: Performance, running: Running) {
  const { deps } = build
  const trees = inputs.map(({ layers }) => layers)
  const parent = trees[0] ?? []
  const partsOf = (taken: Pick<KeyInputs, 'content' | 'shown'>) =>
    keyParts(operation, { parent: identityOf(parent), idKind: deps.idKind(), ...taken })
  const rough = roughTaking(operation, trees)
  const known = rough && (await find(keyOf(partsOf(rough)), operation, parent, build))
  if (typeof known === 'object') return { result: known, isCached: true }
  const taken = await takenBy(operation, inputs, build, running.signal)
  const hit = await find(keyOf(partsOf(taken.key)), operation, parent, build)
  if (typeof hit === 'object') return { result: await alsoUnder(rough && partsOf(rough), hit, build), isCached: true }
  if (operation.kind === 'run') await deps.snapshots() // from here on it is known which ids there are
  const parts = partsOf(taken.key)
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
    const layer = await makeLayer(operation, trees, taken.chosen, build, running)
    const made = { cause, milliseconds: deps.now() - began }
    const record: StepRecord = {
      diffID: layer.diffID,
      created: isoTime(deps.now()),
      parts,
      producer: build.producer,
      made,
      traits: wanted.traits,
    }
    await build.cache.put(key, record)
    await explainer.keep(key, wanted)
    return { result: await alsoUnder(rough && partsOf(rough), resultOf(key, parent, layer, record), build), isCached: false }
  } finally {
    await lock.release()
  }
}

/** Keeps the record under the rough key, too. */
async function alsoUnder(rough: KeyParts | undefined, result: StepResult, { cache }: Performance): Promise<StepResult> {
  const [own] = result.keys
  const record = rough && own && (await cache.find(own))
  if (rough === undefined || record === undefined) return result
  const key = keyOf(rough)
  await cache.put(key, record)
  return { ...result, keys: [...result.keys, key] }
}

/** What a step takes besides its parent: for its key, for explaining it, and what a COPY chose. */
async function takenBy(
  operation: Step,
  inputs: readonly StepResult[],
  build: Performance,
  signal: AbortSignal,
): Promise<{ key: Pick<KeyInputs, 'content' | 'shown'>; lists: readonly FileList[]; chosen: Chosen | undefined }> {
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

/** What was made under this key, here or by others, or why that does not count. */
async function find(
  key: Digest,
  operation: Step,
  parent: readonly LayerRef[],
  build: Performance,
): Promise<StepResult | 'unknown' | 'pruned'> {
  const { cache, deps, imported } = build
  const record = await cache.find(key)
  const isForced = build.ignoresCache(operation)
  if (isForced && (record === undefined || Date.parse(record.created) < build.began)) return 'unknown'
  const layer = record === undefined ? undefined : await knownLayer(record.diffID, deps)
  if (record !== undefined && layer !== undefined) {
    cache.used(key, deps.now())
    return resultOf(key, parent, layer, record)
  }
  const shared = imported?.find(key)
  if (shared === undefined) return record === undefined ? 'unknown' : 'pruned'
  await shared.claim()
  if (record === undefined) await cache.put(key, shared.record)
  await deps.store.layers.add(shared.record.diffID, IMPORTED, shared.blob)
  return resultOf(key, parent, { diffID: shared.record.diffID, blob: shared.blob }, shared.record)
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
  return { layers: [...parent, layer], keys: [key], created: record.created }
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
