import { statSync } from 'node:fs'
import type { DiffID, Digest } from '../../registry/oci/digest.ts'
import { diskSize, type StoredFile } from '../../registry/store/cache-files.ts'
import type { Store } from '../../registry/store/store.ts'
import type { Entry } from './entry.ts'
import { explanations } from './explanations.ts'
import { layerFileBytes, type Named, namedImages, sum } from './images.ts'
import { fileEntry, internalEntries, sourceEntries } from './source-entries.ts'
import { stepEntries } from './step-entries.ts'
import { type StoredStep, storedSteps } from './steps.ts'
import { type TreeSizes, treeEntries } from './trees.ts'

/**
 * All that is in a store, each byte once but for what is small and never goes (names, locks, index). Changes nothing. What others do meanwhile may be
 * missed: only who has the store to itself may remove anything by it.
 */
export async function takeInventory(store: Store, sizes: TreeSizes): Promise<Entry[]> {
  const { root } = store
  const named = await namedImages(store)
  const { steps, damaged } = storedSteps(root)
  const counted = new Set<Digest>()
  const titles = new Map(steps.map(({ record }) => [record.diffID, record.traits?.title]))
  const live = { has: (diffID: DiffID) => named.diffIDs.has(diffID) || titles.has(diffID), titleOf: (diffID: DiffID) => titles.get(diffID) }
  return [
    ...named.entries,
    ...stepEntries(store, steps, named, counted),
    ...(await treeEntries(root, live, sizes)),
    ...sourceEntries(store, named, counted),
    ...explanationEntries(root, steps, named),
    ...internalEntries(root),
    ...damaged.map((file) => fileEntry('leftover', file, 'a record that cannot be read')),
    ...(await deadBlobs(store, new Set([...named.digests, ...counted]))),
    ...deadLayers(store, live.has),
  ]
}

/** Those that live are one entry: they go with what they explain. */
function explanationEntries(root: string, steps: readonly StoredStep[], { digests }: Named): Entry[] {
  const { live, dead } = explanations(root, { steps, named: digests })
  const kept = live.length === 0 ? [] : [explanationEntry(live)]
  return [...kept, ...dead.map((file) => fileEntry('leftover', file, 'explains what is no longer there'))]
}

function explanationEntry(files: readonly StoredFile[]): Entry {
  return {
    kind: 'explain',
    id: 'explain',
    description: 'what steps were made from; it goes with them',
    bytes: sum(files, ({ stat }) => diskSize(stat)),
    lastUsed: files.reduce((latest, { stat }) => Math.max(latest, stat.mtimeMs), 0),
    reclaimable: false,
    shared: false,
    files: [],
    folders: [],
  }
}

async function deadBlobs(store: Store, live: ReadonlySet<Digest>): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const digest of store.blobs.list()) {
    const path = store.blobs.path(digest)
    const stat = live.has(digest) ? undefined : statSync(path, { throwIfNoEntry: false })
    // The mtime of a blob is no time: durable.ts.
    if (stat !== undefined) entries.push({ ...leftover(digest, 'blob'), bytes: diskSize(stat), lastUsed: stat.ctimeMs })
  }
  return entries
}

/** Tables of contents and the like of layers that neither an image nor a step has. */
function deadLayers(store: Store, isLive: (diffID: DiffID) => boolean): Entry[] {
  const dead = new Set([...store.tocs.list(), ...store.layers.list()].filter((diffID) => !isLive(diffID)))
  return [...dead].map((diffID) => ({ ...leftover(diffID, 'what was known of a layer'), bytes: layerFileBytes(store, diffID) }))
}

function leftover(id: string, description: string): Entry {
  return { kind: 'leftover', id, description, bytes: 0, lastUsed: 0, reclaimable: true, shared: false, files: [], folders: [] }
}
