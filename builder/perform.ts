import { bytesOfText } from '../native/wire.ts'
import { type ChainID, chainIDOf, nextChainID } from '../registry/oci/chain-id.ts'
import { type Digest, hexOf } from '../registry/oci/digest.ts'
import type { StepCache, StepRecord } from './cache.ts'
import { identityOf, layerFiles, viewOf } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import { knownLayer, newLayerFiles, packLayer, sealedLayer } from './layer.ts'
import { located } from './located.ts'
import { keyOf, keyParts } from './plan/cache-key.ts'
import type { CopyOperation, MkdirOperation, Operation, RunOperation } from './plan/graph.ts'
import type { Slot } from './schedule.ts'
import { LayersTree } from './sources/layers.ts'
import { resolveIn, type SourceTree } from './sources/tree.ts'
import { type Chosen, choose, copyEntries, findArchives, packSources } from './steps/copy.ts'
import { openMounts, shownBy } from './steps/mounts.ts'
import { Placement } from './steps/place.ts'
import { runStep, type StepNetwork } from './steps/run.ts'
import { readUserFiles } from './steps/user-files.ts'
import { chownOwner, stepUser } from './steps/users.ts'

/** What the operations of one build share. */
export interface Performance {
  readonly deps: BuildDeps
  readonly cache: StepCache
  readonly context: SourceTree
  /** Files of a named context. */
  readonly named: (name: string) => Promise<SourceTree>
  readonly network: StepNetwork
  /** Milliseconds since the epoch: with --no-cache only what was made since the build began is taken for done. */
  readonly since: number | undefined
  readonly producer: string
  /** Names of cache mounts that this build has emptied; undefined when it keeps them. */
  readonly emptied: Set<string> | undefined
}

/** The file system after an operation; `created` is when its own layer was made, undefined for one that makes none. */
export interface StepResult {
  readonly layers: readonly LayerRef[]
  readonly created: string | undefined
}

interface Running {
  readonly signal: AbortSignal
  readonly slot: Slot
}

/** Does one operation, or finds that it was done before: by key, under a lock that keeps two processes from doing it twice. */
export async function perform(
  operation: Operation,
  inputs: readonly StepResult[],
  build: Performance,
  running: Running,
): Promise<StepResult> {
  if (operation.kind === 'source') return { layers: operation.image?.layers ?? [], created: undefined }
  const { emit, now } = build.deps
  const step = String(operation.id)
  emit({ kind: 'started', step, name: operation.name, time: now() })
  try {
    const { result, isCached } = await performStep(operation, inputs, build, running)
    emit({ kind: 'finished', step, status: isCached ? 'cached' : 'done', time: now() })
    return result
  } catch (error) {
    const status = running.signal.aborted ? 'canceled' : 'failed'
    emit({ kind: 'finished', step, status, time: now(), detail: error instanceof Error ? error.message : undefined })
    throw located(error, operation.at)
  }
}

async function performStep(
  operation: Exclude<Operation, { kind: 'source' }>,
  inputs: readonly StepResult[],
  build: Performance,
  running: Running,
) {
  const { deps, cache } = build
  const parent = inputs[0]?.layers ?? []
  const chosen =
    operation.kind === 'copy'
      ? await choose(operation, await sourceOf(operation, inputs, build, running.signal), deps, running.signal)
      : undefined
  const trees = inputs.map(({ layers }) => layers)
  const shown = operation.kind === 'run' ? await shownBy(operation, trees, deps, running.signal) : []
  const partsNow = () => keyParts(operation, { parent: identityOf(parent), content: chosen?.content, idKind: deps.idKind(), shown })
  const find = async (key: Digest) => {
    const record = await cache.find(key)
    if (record !== undefined && build.since !== undefined && Date.parse(record.created) < build.since) return undefined
    const layer = record === undefined ? undefined : await knownLayer(record.diffID, deps)
    return record === undefined || layer === undefined ? undefined : resultOf(parent, layer, record)
  }
  const hit = await find(keyOf(partsNow()))
  if (hit !== undefined) return { result: hit, isCached: true }
  if (operation.kind === 'run') await deps.snapshots() // from here on it is known which ids there are
  const parts = partsNow()
  const key = keyOf(parts)
  const lock = await lockStep(`step-${hexOf(key)}`, operation, deps, running)
  try {
    const made = await find(key) // by whoever held the lock before
    if (made !== undefined) return { result: made, isCached: true }
    const layer = await makeLayer(operation, trees, chosen, build, running)
    const record: StepRecord = { diffID: layer.diffID, created: isoTime(deps.now()), parts, producer: build.producer }
    await cache.put(key, record)
    return { result: resultOf(parent, layer, record), isCached: false }
  } finally {
    await lock.release()
  }
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

async function makeLayer(
  operation: Exclude<Operation, { kind: 'source' }>,
  inputs: readonly (readonly LayerRef[])[],
  chosen: Chosen | undefined,
  build: Performance,
  running: Running,
): Promise<LayerRef> {
  const parent = inputs[0] ?? []
  const { signal } = running
  switch (operation.kind) {
    case 'copy':
      if (chosen === undefined) throw new Error('a COPY has chosen its files by now')
      return copyLayer(operation, parent, chosen, build, signal)
    case 'mkdir':
      return mkdirLayer(operation, parent, build, signal)
    case 'run':
      return runLayer(operation, inputs, build, running)
  }
}

async function copyLayer(
  operation: CopyOperation,
  parent: readonly LayerRef[],
  chosen: Chosen,
  build: Performance,
  signal: AbortSignal,
): Promise<LayerRef> {
  const view = await viewOf(operation.link ? [] : parent, build.deps, signal)
  const target = new LayersTree(view, 'the image')
  const found = await findArchives(operation, chosen, build.deps, signal)
  const entries = await copyEntries(operation, found, target, () => readUserFiles(view, signal))
  return packLayer(entries, packSources(found), build.deps, signal)
}

async function mkdirLayer(
  operation: MkdirOperation,
  parent: readonly LayerRef[],
  build: Performance,
  signal: AbortSignal,
): Promise<LayerRef> {
  const view = await viewOf(parent, build.deps, signal)
  const target = new LayersTree(view, 'the image')
  const path = bytesOfText(operation.path)
  const isThere = (await target.at(await resolveIn(target, path))) !== undefined // and keeps its owner, so that the user need not exist
  const owner = operation.user === '' || isThere ? undefined : chownOwner(operation.user, await readUserFiles(view, signal))
  const placement = new Placement(target, { owner, chmod: undefined, time: { seconds: operation.time, nanoseconds: 0 } })
  await placement.directory(path)
  return packLayer(placement.entries(), { roots: [], blobs: [] }, build.deps, signal)
}

async function runLayer(
  operation: RunOperation,
  inputs: readonly (readonly LayerRef[])[],
  build: Performance,
  running: Running,
): Promise<LayerRef> {
  const { deps, network, emptied } = build
  const { signal } = running
  const parent = inputs[0] ?? []
  const snapshots = await deps.snapshots()
  // Before the view: unpacking a base makes the tables of contents that the view needs in the same pass.
  await using active = await snapshots.begin(layerFiles(parent, deps), signal)
  const view = await viewOf(parent, deps, signal)
  const user = stepUser(operation.user, await readUserFiles(view, signal))
  {
    await using open = await openMounts(operation, inputs, { deps, signal, slot: running.slot, emptied })
    await runStep(operation, active, { step: String(operation.id), user, network, emit: deps.emit, settled: deps.settled, signal, open })
  }
  const files = await newLayerFiles(deps)
  const { codec, level } = deps.compression
  const sealed = await active.seal({ ...files, codec, level, threads: 0 }, signal)
  const layer = await sealedLayer(sealed, files, deps, signal)
  if (sealed.kind === 'layer') await active.keep(chainWith(parent, layer))
  return layer
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

function chainWith(parent: readonly LayerRef[], layer: LayerRef): ChainID {
  return nextChainID(chainIDOf(parent.map(({ diffID }) => diffID)), layer.diffID)
}

function resultOf(parent: readonly LayerRef[], layer: LayerRef, record: StepRecord): StepResult {
  return { layers: [...parent, layer], created: record.created }
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
