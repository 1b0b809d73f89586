import { setTimeout as sleep } from 'node:timers/promises'
import type { Descriptor } from '../oci/descriptor.ts'
import type { TsbuildError } from '../oci/error.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Origin } from '../store/origins.ts'
import type { Place } from '../store/place.ts'
import { hasBlob } from './blobs.ts'
import type { RegistryClient, Repository } from './client.ts'
import { headerOf } from './manifests.ts'
import { leadsTo } from './redirect.ts'
import { isTransient, pauseAfter, RETRIED, retryAfter } from './retry.ts'
import { type Meter, meterOf, type Report } from './transfer.ts'
import type { HttpBody, HttpResponse } from './transport.ts'
import { askUpload, callMount, callUpload, locationOf, receivedOf, type Session, type UploadTarget, uploadError } from './upload-call.ts'
import { openSavedUpload, type SavedUpload } from './upload-session.ts'

/** Blobs up to this size go in one request; larger ones in chunks, so that a broken push has at most one chunk to send again. */
const WHOLE_BYTES = 16 << 20
const CHUNK_BYTES = 8 << 20
const MIN_CHUNK_BYTES = 64 << 10
const MAX_MOUNTS = 2

export interface UploadDeps {
  readonly client: RegistryClient
  readonly store: Place & { readonly blobs: Pick<Blobs, 'open'> }
  readonly report: Report
  /** Brings the blob into the store, where only its content helps. */
  readonly fetch: (blob: Descriptor) => Promise<void>
  /** Bytes in one PATCH, and what larger blobs are cut into; default 8 MiB. The registry may ask for more, and 413 makes it less. */
  readonly chunkBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Sees to it that a repository has a blob: it is there, or is mounted from one of `origins`, or is sent, going on where an earlier push stopped.
 * Throws UPLOAD_FAILED and what requests throw. distribution-spec v1.1, "Pushing blobs".
 */
export async function uploadBlob(at: Repository, blob: Descriptor, origins: readonly Origin[], deps: UploadDeps): Promise<void> {
  const { client, store, signal } = deps
  const meter = meterOf(deps.report, blob)
  if (await hasBlob(client, at, blob.digest, signal)) return meter.end('exists')
  await using saved = await openSavedUpload(store, at, blob, signal === undefined ? {} : { signal })
  if (saved.waited && (await hasBlob(client, at, blob.digest, signal))) return meter.end('exists')
  const upload = new Upload({ client, at, blob, signal }, { blobs: store.blobs, chunkBytes: deps.chunkBytes, meter, saved })
  const from = await upload.begin(origins)
  if (from === undefined) {
    await deps.fetch(blob)
    await upload.run()
  }
  saved.forget()
  meter.end(from === undefined ? undefined : `mounted from ${from}`)
}

interface Parts {
  readonly blobs: Pick<Blobs, 'open'>
  readonly chunkBytes: number | undefined
  readonly meter: Meter
  readonly saved: SavedUpload
}

class Upload {
  readonly #target: UploadTarget
  readonly #parts: Parts
  #session: Session | undefined
  #chunkBytes: number
  #whole: boolean
  /** Failures since the last progress, and what the registry said last. */
  #failed = 0
  #pauseMs: number | undefined
  #refusal: TsbuildError | undefined

  constructor(target: UploadTarget, parts: Parts) {
    this.#target = target
    this.#parts = parts
    this.#chunkBytes = parts.chunkBytes ?? CHUNK_BYTES
    this.#whole = target.blob.size <= (parts.chunkBytes ?? WHOLE_BYTES)
  }

  /** Takes up an unfinished upload, or tries to mount. Returns the repository it was mounted from. */
  async begin(origins: readonly Origin[]): Promise<string | undefined> {
    const { client, at } = this.#target
    const { location } = this.#parts.saved
    if (location !== undefined) {
      this.#session = await askUpload(this.#target, leadsTo(await client.base(at.registry), location))
      if (this.#session !== undefined) return undefined
    }
    const others = origins.filter(({ registry, repository }) => registry === at.registry && repository !== at.repository)
    for (const { repository } of others.slice(0, MAX_MOUNTS)) {
      const response = await callMount(this.#target, repository)
      if (response?.status === 202) this.#session = await this.#opened(response)
      else await response?.discard()
      if (response?.status === 201) return repository
      if (this.#session !== undefined) return undefined // The registry began an upload instead.
    }
    return undefined
  }

  async run(): Promise<void> {
    const { client, at, blob, signal } = this.#target
    const tries = client.retry.tries ?? 5
    for (;;) {
      try {
        if (await this.#attempt()) return
      } catch (error) {
        if (!isTransient(error)) throw error
        this.#refusal = error as TsbuildError
        // A proxy that finds a body too large may cut the connection before its 413 is read.
        this.#whole = false
        this.#chunkBytes = Math.max(Math.min(this.#chunkBytes, 1 << 20), Math.floor(this.#chunkBytes / 2))
      }
      this.#failed += 1
      if (this.#failed >= tries) throw this.#refusal ?? uploadError(this.#target, 'the registry took nothing of it')
      await sleep(this.#pauseMs ?? pauseAfter(this.#failed, client.retry), undefined, { signal })
      this.#pauseMs = undefined
      if (await hasBlob(client, at, blob.digest, signal)) return
      if (this.#session !== undefined) this.#session = await askUpload(this.#target, this.#session.location)
    }
  }

  /** One pass to the end; false where it broke off and may be tried again. */
  async #attempt(): Promise<boolean> {
    this.#session ??= await this.#start()
    if (this.#session === undefined) return false
    const { size } = this.#target.blob
    if (this.#whole && this.#session.offset === 0) return this.#finish(this.#session, this.#bodyFrom(0, size))
    while (this.#session.offset < size) {
      this.#session = await this.#sendChunk(this.#session)
      if (this.#session === undefined || this.#refusal !== undefined) return false
    }
    return this.#finish(this.#session, undefined)
  }

  async #start(): Promise<Session | undefined> {
    const response = await callUpload(this.#target, 'POST', `/v2/${this.#target.at.repository}/blobs/uploads/`, { retry: true })
    if (response.status === 202) return this.#opened(response)
    await this.#refused(response)
    return undefined
  }

  /** A new session; the registry may ask for larger chunks. */
  async #opened(response: HttpResponse): Promise<Session> {
    const minimum = Number(headerOf(response, 'oci-chunk-min-length') ?? 0)
    if (minimum > this.#chunkBytes && minimum <= 1 << 30) this.#chunkBytes = minimum
    const session = { location: locationOf(this.#target, response), offset: 0 }
    await response.discard()
    if (!this.#whole) await this.#parts.saved.save(session.location)
    return session
  }

  /** The session after one more chunk; the same one with `#refusal` set, to be asked about, or undefined, to begin anew, where that failed. */
  async #sendChunk(session: Session): Promise<Session | undefined> {
    this.#refusal = undefined
    const { location, offset } = session
    const end = Math.min(offset + this.#chunkBytes, this.#target.blob.size)
    const headers = { 'content-type': 'application/octet-stream', 'content-range': `${offset}-${end - 1}` }
    const response = await callUpload(this.#target, 'PATCH', location, { headers, body: this.#bodyFrom(offset, end) })
    if (response.status !== 202) {
      // 416: the registry has another number of bytes than we thought; 404: it has forgotten the upload.
      await (response.status === 413 ? this.#shrink(response) : this.#refused(response, [416, 404]))
      return session
    }
    const received = receivedOf(response) ?? end
    const next = { location: locationOf(this.#target, response), offset: received }
    await response.discard()
    if (received <= offset || received > end) {
      // A lenient registry answers 202 to what it did not take: all is sent anew.
      this.#refusal = uploadError(this.#target, `the registry says it has ${received} bytes, which is not what it was sent`)
      return undefined
    }
    await this.#parts.saved.save(next.location)
    this.#failed = 0
    return next
  }

  async #finish({ location }: Session, body: HttpBody | undefined): Promise<boolean> {
    const to = new URL(location)
    to.searchParams.set('digest', this.#target.blob.digest)
    const headers = { 'content-type': 'application/octet-stream' }
    const response = await callUpload(this.#target, 'PUT', to, { headers, body: body ?? new Uint8Array() })
    if (response.status === 201 || response.status === 204) {
      await response.discard()
      return true
    }
    if (response.status === 413 && body !== undefined) await this.#shrink(response)
    else await this.#refused(response, [400, 404, 416])
    // What the registry put together has another digest, as when it counted wrongly after an interruption: all is sent anew.
    if (response.status === 400) this.#session = undefined
    return false
  }

  /** A body that is too large for the registry, or for a proxy before it, is cut. */
  async #shrink(response: HttpResponse): Promise<void> {
    this.#refusal = await this.#failure(response)
    if (!this.#whole) this.#chunkBytes = Math.floor(this.#chunkBytes / 2)
    this.#whole = false
    if (this.#chunkBytes < MIN_CHUNK_BYTES) throw this.#refusal
    this.#failed -= 1 // Smaller is another attempt, not the same again.
    this.#pauseMs = 0
  }

  /** Throws unless trying again makes sense: the usual statuses, or one of `others`. */
  async #refused(response: HttpResponse, others: readonly number[] = []): Promise<void> {
    this.#pauseMs = retryAfter(response.headers['retry-after'], this.#target.client.retry)
    this.#refusal = await this.#failure(response)
    if (!RETRIED.has(response.status) && !others.includes(response.status)) throw this.#refusal
  }

  #failure(response: HttpResponse): Promise<TsbuildError> {
    const { client, at, blob } = this.#target
    return client.failure(at.registry, response, `upload of ${blob.digest}`)
  }

  #bodyFrom(start: number, end: number): HttpBody {
    return { size: end - start, open: () => this.#counted(start, end) }
  }

  async *#counted(start: number, end: number): AsyncGenerator<Uint8Array> {
    let sent = start
    for await (const chunk of this.#parts.blobs.open(this.#target.blob.digest, { start, end })) {
      yield chunk
      sent += chunk.length
      this.#parts.meter.at(sent)
    }
  }
}
