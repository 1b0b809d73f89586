import type { Descriptor } from '../oci/descriptor.ts'
import { TsbuildError } from '../oci/error.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Origins } from '../store/origins.ts'
import { inParallel } from '../store/parallel.ts'
import type { RegistryClient } from './client.ts'
import { downloadBlob } from './download.ts'
import type { Report } from './transfer.ts'

export interface FetchDeps {
  readonly client: () => Promise<RegistryClient>
  readonly store: { readonly blobs: Pick<Blobs, 'stat' | 'ingest'>; readonly origins: Origins }
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

/**
 * Brings blobs into the store that are known to lie in a registry: an image that was never unpacked here may lack its layers. Those that are here cost a
 * stat. Throws BLOB_MISSING for one that is known nowhere, and what the last registry said.
 */
export async function fetchAbsent(blobs: readonly Descriptor[], deps: FetchDeps): Promise<void> {
  const absent: Descriptor[] = []
  for (const blob of blobs) if ((await deps.store.blobs.stat(blob.digest))?.size !== blob.size) absent.push(blob)
  await inParallel(absent, 4, (blob) => fetchOne(blob, deps))
}

async function fetchOne(blob: Descriptor, { client, store, report, signal }: FetchDeps): Promise<void> {
  let failure: unknown = new TsbuildError('BLOB_MISSING', `${blob.digest} is not in the store, and no registry is known to have it`, {
    hint: 'pull or build the image again',
  })
  for (const origin of await store.origins.of(blob.digest)) {
    try {
      return await downloadBlob(origin, blob, { client: await client(), blobs: store.blobs, report, signal })
    } catch (error) {
      signal?.throwIfAborted()
      failure = error
    }
  }
  throw failure
}
