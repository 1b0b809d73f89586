import type { DiffID, Digest } from '../../registry/oci/digest.ts'
import type { Store } from '../../registry/store/store.ts'
import type { Entry } from './entry.ts'
import { blobBytes, layerFileBytes, type Named } from './images.ts'
import { grouped, type StoredStep } from './steps.ts'

/** Every step; the blobs of a layer that no image has are counted with the step of that layer that was used last, and added to `counted`. */
export function stepEntries(store: Store, steps: readonly StoredStep[], named: Named, counted: Set<Digest>): Entry[] {
  return [...grouped(steps, ({ record }) => record.diffID)].flatMap(([diffID, group]) => {
    const shared = named.diffIDs.has(diffID)
    const layerBytes = shared ? 0 : bytesOfLayer(store, diffID, named, counted)
    const latest = group.reduce((a, b) => (b.lastUsed > a.lastUsed ? b : a))
    return group.map((step) => entryOf(step, diffID, { shared, layerBytes: step === latest ? layerBytes : 0 }))
  })
}

function bytesOfLayer(store: Store, diffID: DiffID, named: Named, counted: Set<Digest>): number {
  const digests = [...new Set(store.layers.all(diffID).map(({ descriptor }) => descriptor.digest))]
  const own = digests.filter((digest) => !named.digests.has(digest) && !counted.has(digest))
  for (const digest of own) counted.add(digest)
  return blobBytes(store, own) + layerFileBytes(store, diffID)
}

function entryOf(
  { key, path, bytes, lastUsed, record }: StoredStep,
  diffID: DiffID,
  layer: { shared: boolean; layerBytes: number },
): Entry {
  return {
    kind: 'step',
    id: key,
    description: record.traits?.title ?? String(record.parts.operation ?? 'step'),
    bytes: bytes + layer.layerBytes,
    layerBytes: layer.layerBytes,
    lastUsed,
    reclaimable: !layer.shared,
    shared: layer.shared,
    diffID,
    files: [path],
    folders: [],
  }
}
