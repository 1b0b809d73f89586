import { setTimeout as sleep } from 'node:timers/promises'
import type { Descriptor } from '../oci/descriptor.ts'
import { hasCode } from '../oci/error.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Ingest } from '../store/ingest.ts'
import { openBlob } from './blobs.ts'
import type { RegistryClient, Repository } from './client.ts'
import { isTransient, pauseAfter } from './retry.ts'
import { type Meter, meterOf, type Report } from './transfer.ts'

/** Interruptions in a row that brought less than this are counted against the tries; more is progress, and the count starts again. */
const PROGRESS_BYTES = 1 << 20

export interface DownloadDeps {
  readonly client: RegistryClient
  readonly blobs: Pick<Blobs, 'stat' | 'ingest'>
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

/**
 * Brings a blob into the store, verified, from where an earlier attempt of any process stopped. Waits while another process brings the same one.
 * Throws BLOB_MISMATCH when the registry has other bytes under this digest, and what requests throw.
 */
export async function downloadBlob(at: Repository, blob: Descriptor, deps: DownloadDeps): Promise<void> {
  const { signal } = deps
  const meter = meterOf(deps.report, blob)
  await using ingest = await deps.blobs.ingest(blob, signal === undefined ? {} : { signal })
  if (ingest.done) return meter.end('exists')
  const resumed = ingest.offset > 0
  await receive(at, blob, { ...deps, ingest, meter })
  try {
    await ingest.commit()
  } catch (error) {
    // The part that was there from before may be what is wrong; the store has dropped it.
    if (!resumed || !hasCode(error, 'BLOB_MISMATCH')) throw error
    await receive(at, blob, { ...deps, ingest, meter })
    await ingest.commit()
  }
  meter.end()
}

interface Receiving extends DownloadDeps {
  readonly ingest: Ingest
  readonly meter: Meter
}

async function receive(at: Repository, blob: Descriptor, deps: Receiving): Promise<void> {
  const { client, ingest, signal } = deps
  const tries = client.retry.tries ?? 5
  let failed = 0
  while (ingest.offset < blob.size) {
    const before = ingest.offset
    try {
      await receiveOnce(at, blob, deps)
      if (ingest.offset === before) failed += 1
    } catch (error) {
      failed = ingest.offset - before >= PROGRESS_BYTES ? 1 : failed + 1
      if (!isTransient(error) || failed >= tries) throw error
      await sleep(pauseAfter(failed, client.retry), undefined, { signal })
    }
    // A body that ends early without an error brings the loop here: what is missing is asked for, but not for ever.
    if (failed >= tries) return
  }
}

async function receiveOnce(at: Repository, blob: Descriptor, { client, ingest, meter, signal }: Receiving): Promise<void> {
  const opened = await openBlob(client, at, { blob, offset: ingest.offset, signal })
  if (opened.start < ingest.offset) await ingest.restart()
  for await (const chunk of opened.body) {
    await ingest.write(chunk)
    meter.at(ingest.offset)
  }
}
