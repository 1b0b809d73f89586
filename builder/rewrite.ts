import type { PackEntry } from '../native/requests/layers.ts'
import { bytesOfText } from '../native/wire.ts'
import type { TocEntry } from '../registry/store/toc.ts'
import type { StepCache } from './cache.ts'
import { layerFiles } from './chain.ts'
import type { BuildDeps, LayerRef } from './deps.ts'
import type { ImageParts } from './image.ts'
import { knownLayer, packLayer } from './layer.ts'
import { keyOf } from './plan/cache-key.ts'
import { packEntryOf } from './toc-entry.ts'

/**
 * The image with its own layers derived anew: every file later than `epoch` (seconds) is dated back to it. The base's layers stay. What was derived before
 * is found again, since (DiffID, epoch) always gives the same DiffID. BuildKit calls this rewrite-timestamp.
 */
export async function rewriteTimes(
  parts: ImageParts,
  epoch: number,
  deps: BuildDeps,
  cache: StepCache,
  producer: string,
  signal: AbortSignal,
): Promise<ImageParts> {
  const below = parts.base?.rootfs.diff_ids ?? []
  const layers: LayerRef[] = []
  for (const [index, layer] of parts.layers.entries()) {
    layers.push(below[index] === layer.diffID ? layer : await rewrite(layer, epoch, { deps, cache, producer, signal }))
  }
  return { ...parts, layers }
}

interface Context {
  readonly deps: BuildDeps
  readonly cache: StepCache
  readonly producer: string
  readonly signal: AbortSignal
}

async function rewrite(layer: LayerRef, epoch: number, { deps, cache, producer, signal }: Context): Promise<LayerRef> {
  const parts = { operation: 'rewrite-timestamp', layer: layer.diffID, epoch: String(epoch) }
  const key = keyOf(parts)
  const record = await cache.find(key)
  const known = record === undefined ? undefined : await knownLayer(record.diffID, deps)
  if (known !== undefined) return known
  const [file] = await layerFiles([layer], deps, signal)
  if (file === undefined) throw new Error('one layer has one file')
  await deps.store.tocs.ensure(file, signal)
  const entries = deps.store.tocs.read(layer.diffID)?.entries ?? []
  const blob = { path: bytesOfText(file.path), codec: file.codec }
  const rewritten = await packLayer(
    entries.map((entry) => packEntry(entry, epoch)),
    { roots: [], blobs: [blob] },
    deps,
    signal,
  )
  await cache.put(key, { diffID: rewritten.diffID, created: new Date(epoch * 1000).toISOString(), parts, producer })
  return rewritten
}

/** The same entry, dated back. */
function packEntry(entry: TocEntry, epoch: number): PackEntry {
  const mtime = entry.mtime.seconds >= epoch ? { seconds: epoch, nanoseconds: 0 } : entry.mtime
  return { ...packEntryOf(entry, 0), mtime }
}
