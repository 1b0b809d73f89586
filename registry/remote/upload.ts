import { setTimeout as sleep } from 'node:timers/promises'
import type { Descriptor } from '../oci/descriptor.ts'
import { hasCode, TsbuildError } from '../oci/error.ts'
import type { Blobs } from '../store/blobs.ts'
import type { Origin } from '../store/origins.ts'
import type { Place } from '../store/place.ts'
import { hasBlob } from './blobs.ts'
import type { RegistryClient, Repository } from './client.ts'
import type { HttpBody, HttpResponse } from './http.ts'
import { headerOf } from './manifests.ts'
import { leadsTo } from './redirect.ts'
import { isTransient, pauseAfter, retryAfter } from './retry.ts'
import { pullScope, pushScope } from './scope.ts'
import { type Meter, meterOf, type Report } from './transfer.ts'
import { openSavedUpload, type SavedUpload } from './upload-session.ts'

/** Blobs up to this size go in one request; larger ones in chunks, so that a broken push has at most one chunk to send again. */
const WHOLE_BYTES = 16 << 20
const CHUNK_BYTES = 8 << 20
const MIN_CHUNK_BYTES = 64 << 10
const MAX_MOUNTS = 2
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504])

export interface UploadDeps {
  readonly client: RegistryClient
  readonly store: Place & { readonly blobs: Pick<Blobs, 'open'> }
  readonly report: Report
  /** Bytes in one PATCH, and what larger blobs are cut into; default 8 MiB. The registry may ask for more, and 413 makes it less. */
  readonly chunkBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Sees to it that a repository has a blob: it is there, or is mounted from one of `origins`, or is sent, going on where an earlier push stopped.
 * The store must have it. Throws UPLOAD_FAILED and what requests throw. distribution-spec v1.1, "Pushing blobs".
 */
export async function uploadBlob(at: Repository, blob: Descriptor, origins: readonly Origin[], deps: UploadDeps): Promise<void> {
  const { client, store, signal } = deps
  const meter = meterOf(deps.report, blob)
  if (await hasBlob(client, at, blob.digest, signal)) return meter.end('exists')
  await using saved = await openSavedUpload(store, at, blob, signal === undefined ? {} : { signal })
  if (saved.waited && (await hasBlob(client, at, blob.digest, signal))) return meter.end('exists')
  const upload = new Upload(at, blob, { ...deps, meter, saved })
  const from = await upload.begin(origins)
  if (from === undefined) await upload.run()
  saved.forget()
  meter.end(from === undefined ? undefined : `mounted from ${from}`)
}

interface Session {
  readonly location: URL
  readonly offset: number
}

class Upload {
  readonly #at: Repository
  readonly #blob: Descriptor
  readonly #deps: UploadDeps & { readonly meter: Meter; readonly saved: SavedUpload }
  #session: Session | undefined
  #chunkBytes: number
  #whole: boolean
  /** Failures since the last progress, and what the registry said last. */
  #failed = 0
  #pauseMs: number | undefined
  #refusal: TsbuildError | undefined

  constructor(at: Repository, blob: Descriptor, deps: UploadDeps & { readonly meter: Meter; readonly saved: SavedUpload }) {
    this.#at = at
    this.#blob = blob
    this.#deps = deps
    this.#chunkBytes = deps.chunkBytes ?? CHUNK_BYTES
    this.#whole = blob.size <= (deps.chunkBytes ?? WHOLE_BYTES)
  }

  /** Takes up an unfinished upload, or tries to mount. Returns the repository it was mounted from. */
  async begin(origins: readonly Origin[]): Promise<string | undefined> {
    const { location } = this.#deps.saved
    if (location !== undefined) {
      this.#session = await this.#ask(leadsTo(await this.#deps.client.base(this.#at.registry), location))
      if (this.#session !== undefined) return undefined
    }
    const others = origins.filter(({ registry, repository }) => registry === this.#at.registry && repository !== this.#at.repository)
    for (const { repository } of others.slice(0, MAX_MOUNTS)) {
      if (await this.#mount(repository)) return repository
      if (this.#session !== undefined) return undefined // The registry began an upload instead.
    }
    return undefined
  }

  async run(): Promise<void> {
    const { client, signal } = this.#deps
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
      if (this.#failed >= tries) throw this.#refusal ?? this.#error('the registry took nothing of it')
      await sleep(this.#pauseMs ?? pauseAfter(this.#failed, client.retry), undefined, { signal })
      this.#pauseMs = undefined
      if (await hasBlob(client, this.#at, this.#blob.digest, signal)) return
      if (this.#session !== undefined) this.#session = await this.#ask(this.#session.location)
    }
  }

  /** One pass to the end; false where it broke off and may be tried again. */
  async #attempt(): Promise<boolean> {
    this.#session ??= await this.#start()
    if (this.#session === undefined) return false
    if (this.#whole && this.#session.offset === 0) return this.#finish(this.#bodyFrom(0, this.#blob.size))
    while (this.#session.offset < this.#blob.size) {
      if (!(await this.#sendChunk(this.#session))) return false
    }
    return this.#finish(undefined)
  }

  async #start(): Promise<Session | undefined> {
    const response = await this.#call('POST', `/v2/${this.#at.repository}/blobs/uploads/`, { retry: true })
    if (response.status !== 202) return this.#refused(response)
    return this.#opened(response)
  }

  async #mount(from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: this.#blob.digest, from })
    const path = `/v2/${this.#at.repository}/blobs/uploads/?${query}`
    try {
      const response = await this.#call('POST', path, { retry: true, scopes: [pushScope(this.#at.repository), pullScope(from)] })
      if (response.status === 202) this.#session = await this.#opened(response)
      else await response.discard()
      return response.status === 201
    } catch (error) {
      // Not allowed to read there: then it is sent.
      if (hasCode(error, 'REGISTRY_DENIED')) return false
      throw error
    }
  }

  /** A new session; the registry may ask for larger chunks. */
  async #opened(response: HttpResponse): Promise<Session> {
    const minimum = Number(headerOf(response, 'oci-chunk-min-length') ?? 0)
    if (minimum > this.#chunkBytes && minimum <= 1 << 30) this.#chunkBytes = minimum
    const session = { location: this.#locationOf(response), offset: 0 }
    await response.discard()
    if (!this.#whole) await this.#deps.saved.save(session.location)
    return session
  }

  async #sendChunk({ location, offset }: Session): Promise<boolean> {
    const end = Math.min(offset + this.#chunkBytes, this.#blob.size)
    const headers = { 'content-type': 'application/octet-stream', 'content-range': `${offset}-${end - 1}` }
    const response = await this.#call('PATCH', location, { headers, body: this.#bodyFrom(offset, end) })
    if (response.status === 413) return this.#shrink(response)
    // 416: the registry has another number of bytes than we thought; 404: it has forgotten the upload.
    if (response.status !== 202) return (await this.#refused(response, [416, 404])) !== undefined
    const received = receivedOf(response) ?? end
    this.#session = { location: this.#locationOf(response), offset: received }
    await response.discard()
    if (received <= offset || received > end) return this.#lenient()
    await this.#deps.saved.save(this.#session.location)
    this.#failed = 0
    return true
  }

  async #finish(body: HttpBody | undefined): Promise<boolean> {
    const { location } = this.#session ?? {}
    if (location === undefined) return false
    const to = new URL(location)
    to.searchParams.set('digest', this.#blob.digest)
    const headers = { 'content-type': 'application/octet-stream' }
    const response = await this.#call('PUT', to, { headers, body: body ?? new Uint8Array() })
    if (response.status === 201 || response.status === 204) {
      await response.discard()
      return true
    }
    if (response.status === 413 && body !== undefined) return this.#shrink(response)
    // 400: what the registry put together has another digest, as after an interruption it has counted wrongly; then all is sent anew.
    await this.#refused(response, [400, 404, 416])
    if (response.status === 400) this.#session = undefined
    return false
  }

  /** How far an upload is, and where it goes on; undefined when the registry does not know it, or has nothing of it. */
  async #ask(location: URL): Promise<Session | undefined> {
    const response = await this.#call('GET', location, { retry: true })
    const known = response.status === 204 || response.status === 202 || response.status === 200
    const offset = known ? receivedOf(response) : undefined
    const next = headerOf(response, 'location')
    await response.discard()
    // `0-0` is one byte with some and none with others; a new upload costs less than finding out.
    if (offset === undefined || offset <= 1 || offset > this.#blob.size) return undefined
    this.#deps.meter.at(offset)
    return { location: next === undefined ? location : leadsTo(response.url, next), offset }
  }

  /** A body that is too large for the registry, or for a proxy before it, is cut. */
  async #shrink(response: HttpResponse): Promise<boolean> {
    this.#refusal = await this.#deps.client.failure(this.#at.registry, response, `upload of ${this.#blob.digest}`)
    if (!this.#whole) this.#chunkBytes = Math.floor(this.#chunkBytes / 2)
    this.#whole = false
    if (this.#chunkBytes < MIN_CHUNK_BYTES) throw this.#refusal
    this.#failed -= 1 // Smaller is another attempt, not the same again.
    this.#pauseMs = 0
    return false
  }

  /** The registry answered 202 but has not what it was sent: all is sent anew. */
  #lenient(): boolean {
    this.#refusal = this.#error(`the registry says it has ${this.#session?.offset} bytes, which is not what it was sent`)
    this.#session = undefined
    return false
  }

  /** Throws unless trying again makes sense: the usual statuses, or one of `others`. */
  async #refused(response: HttpResponse, others: readonly number[] = []): Promise<undefined> {
    const { status } = response
    this.#pauseMs = retryAfter(response.headers['retry-after'], this.#deps.client.retry)
    this.#refusal = await this.#deps.client.failure(this.#at.registry, response, `upload of ${this.#blob.digest}`)
    if (!TRANSIENT.has(status) && !others.includes(status)) throw this.#refusal
  }

  #call(
    method: string,
    to: string | URL,
    {
      headers,
      body,
      retry = false,
      scopes,
    }: {
      headers?: Record<string, string>
      body?: Uint8Array | HttpBody
      retry?: boolean
      scopes?: readonly `repository:${string}:${string}`[]
    },
  ): Promise<HttpResponse> {
    const { client, signal } = this.#deps
    return client.request(this.#at.registry, {
      method,
      to,
      scopes: scopes ?? [pushScope(this.#at.repository)],
      headers,
      body,
      retry,
      signal,
    })
  }

  #bodyFrom(start: number, end: number): HttpBody {
    return { size: end - start, open: () => this.#counted(start, end) }
  }

  async *#counted(start: number, end: number): AsyncGenerator<Uint8Array> {
    let sent = start
    for await (const chunk of this.#deps.store.blobs.open(this.#blob.digest, { start, end })) {
      yield chunk
      sent += chunk.length
      this.#deps.meter.at(sent)
    }
  }

  #locationOf(response: HttpResponse): URL {
    const location = headerOf(response, 'location')
    if (location === undefined) throw this.#error('the registry named no place to send it to')
    return leadsTo(response.url, location)
  }

  #error(why: string): TsbuildError {
    return new TsbuildError('UPLOAD_FAILED', `upload of ${this.#blob.digest} to ${this.#at.registry}/${this.#at.repository}: ${why}`)
  }
}

/** Bytes the registry has, from `Range: 0-N` (without a unit in this protocol, though some write `bytes=`). */
function receivedOf(response: HttpResponse): number | undefined {
  const match = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(response, 'range') ?? '')
  return match === null ? undefined : Number(match[1]) + 1
}
