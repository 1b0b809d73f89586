import type { BuildDeps } from '../builder/deps.ts'
import type { Descriptor } from '../registry/oci/descriptor.ts'
import { asStep, type Emit } from '../registry/oci/event.ts'
import { codecOf } from '../registry/oci/media-type.ts'
import type { RegistryClient } from '../registry/remote/client.ts'
import { graphOf } from '../registry/store/graph.ts'
import type { Store } from '../registry/store/store.ts'
import type { Workspace } from './wire.ts'

interface Sources {
  readonly store: Store
  readonly client: () => Promise<RegistryClient>
  readonly emit: Emit
  readonly now: () => number
}

/** `BuildDeps.fetchAbsent`, a step of the progress where there is anything to fetch. */
export function fetcher({ store, client, emit, now }: Sources): BuildDeps['fetchAbsent'] {
  let count = 0
  return async (blobs, signal) => {
    const stats = await Promise.all(blobs.map(({ digest }) => store.blobs.stat(digest)))
    const absent = blobs.filter(({ size }, index) => stats[index]?.size !== size)
    if (absent.length === 0) return
    count += 1
    const step = `fetch ${count}`
    await asStep({ id: step, name: `[internal] fetch ${absent.length} layers`, emit, now }, async () => {
      const { fetchAbsent } = await import('../registry/remote/fetch-absent.ts')
      await fetchAbsent(absent, { client, store, report: { step, emit }, signal })
    })
  }
}

/** Brings all of an image into the store, where it lacks layers: for what reads it whole. Throws BLOB_MISSING. */
export async function fetchWhole(root: Descriptor, { store, buildDeps }: Workspace, signal: AbortSignal): Promise<void> {
  const { missing } = await graphOf(store.blobs, root)
  const layers = missing.filter(({ mediaType }) => codecOf(mediaType) !== undefined)
  if (layers.length > 0) await buildDeps.fetchAbsent(layers, signal)
}
