import { statSync } from 'node:fs'
import type { DiffID, Digest } from '../../registry/oci/digest.ts'
import { diskSize, filesBelow } from '../../registry/store/cache-files.ts'
import { diffIDsOf, graphOf } from '../../registry/store/graph.ts'
import { fileNameOf } from '../../registry/store/place.ts'
import type { Store } from '../../registry/store/store.ts'
import type { Entry } from './entry.ts'

/** What the names of a store lead to. */
export interface Named {
  readonly digests: ReadonlySet<Digest>
  readonly diffIDs: ReadonlySet<DiffID>
  readonly entries: readonly Entry[]
}

/** Every name with the bytes that no name before it leads to. An image that cannot be read is counted as far as it can be. */
export async function namedImages(store: Store): Promise<Named> {
  const digests = new Set<Digest>()
  const diffIDs = new Set<DiffID>()
  const entries: Entry[] = []
  for (const { name, descriptor } of await store.names.list()) {
    const found = await leadingTo(store, descriptor, digests)
    const newLayers = found.diffIDs.filter((diffID) => !diffIDs.has(diffID))
    for (const diffID of newLayers) diffIDs.add(diffID)
    entries.push({
      kind: 'image',
      id: name,
      description: found.isDamaged ? `${descriptor.digest}, which is damaged: tsbuild store check` : descriptor.digest,
      bytes: blobBytes(store, found.digests) + sum(newLayers, (diffID) => layerFileBytes(store, diffID)),
      lastUsed: (await store.names.since(name)) ?? 0,
      reclaimable: false,
      shared: false,
      files: [],
      folders: [],
    })
  }
  return { digests, diffIDs, entries }
}

async function leadingTo(store: Store, descriptor: Parameters<typeof graphOf>[1], seen: Set<Digest>) {
  const before = new Set(seen)
  try {
    const { present } = await graphOf(store.blobs, descriptor, seen)
    return { digests: present.map(({ digest }) => digest), diffIDs: await diffIDsOf(store.blobs, present), isDamaged: false }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'TsbuildError') throw error
    return { digests: [...seen].filter((digest) => !before.has(digest)), diffIDs: [], isDamaged: true }
  }
}

/** What blobs take on the disk; those that are not there take nothing. */
export function blobBytes(store: Store, digests: readonly Digest[]): number {
  return sum(digests, (digest) => fileBytes(store.blobs.path(digest)))
}

/** What is known of a layer beside its blobs: its table of contents, and which blobs hold it. */
export function layerFileBytes({ root }: Store, diffID: DiffID): number {
  const name = fileNameOf(diffID)
  return fileBytes(`${root}/toc/${name}`) + sum(filesBelow(`${root}/layers/${name}`), ({ stat }) => diskSize(stat))
}

function fileBytes(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 0 : diskSize(stat)
}

export function sum<T>(items: readonly T[], bytesIn: (item: T) => number): number {
  return items.reduce((total, item) => total + bytesIn(item), 0)
}
