import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { TsbuildError } from '../oci/error.ts'
import { type AddressClass, classifyAddress, isLoopbackHost, literalAddress, mayReach } from './address.ts'
import { type Connections, openPool } from './http.ts'
import { guardedLookup } from './lookup.ts'
import type { Env } from './proxy.ts'
import { linkedAbort, watched } from './stall.ts'
import type { TlsOptions } from './tls.ts'
import { showUrl, transportError } from './transport-error.ts'

/** A body that can be sent again: `open` is called for each try and yields exactly `size` bytes. */
export interface HttpBody {
  readonly size: number
  open(): AsyncIterable<Uint8Array>
}

export interface HttpRequest {
  readonly method: string
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Uint8Array | HttpBody | undefined
  /** Class of the host that named this URL; absent when the user did. What is more private than that is not connected to. */
  readonly guard?: AddressClass | undefined
  /** Asked for by the user: plain http to any host, certificates not verified. */
  readonly insecure?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The body must be read to its end or discarded. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly url: URL
  readonly body: AsyncIterable<Uint8Array>
  discard(): Promise<void>
}

/** How long the rest of an answer is waited for, so that its connection can be used again. */
const DISCARD_MS = 1000

export interface TransportOptions {
  readonly env: Env
  readonly tls?: TlsOptions | undefined
  readonly userAgent?: string | undefined
  /** Connections to one origin at a time; default 8. */
  readonly connections?: number | undefined
  /** Milliseconds; defaults 15 000, 120 000 and 60 000. The last is for bodies both ways: no 1 KiB of progress in that time is a stall. */
  readonly connectMs?: number | undefined
  readonly headersMs?: number | undefined
  readonly stallMs?: number | undefined
  /** Name resolution and classes of addresses; the system's unless a test says otherwise. */
  readonly lookup?: LookupFunction | undefined
  readonly classify?: ((address: string) => AddressClass) | undefined
}

/** Single HTTP exchanges over bounded pools of connections: no retry, no redirect, no authentication. */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions
  readonly #pools = new Map<string, Promise<Connections>>()
  readonly #reach = new Map<string, AddressClass>()

  constructor(options: TransportOptions) {
    this.#options = options
  }

  get stallMs(): number {
    return this.#options.stallMs ?? 60_000
  }

  /** Class of the addresses that `origin`, named by the user, has shown so far; `public`, the strictest, before the first connection. */
  reachOf(origin: string): AddressClass {
    return this.#reach.get(origin) ?? 'public'
  }

  /**
   * Sends one request. Throws HTTP_REFUSED, ADDRESS_REFUSED, CERTIFICATE_UNTRUSTED, TLS_FAILED, REGISTRY_UNREACHABLE, REGISTRY_TIMEOUT,
   * CONNECTION_LOST; of these the body's iterator too.
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    this.#check(request)
    const pool = await this.#poolFor(request)
    const abort = linkedAbort(request.signal)
    const stalled = () => abort.abort(new TsbuildError('REGISTRY_TIMEOUT', `${showUrl(request.url)}: no progress for ${this.stallMs} ms`))
    const fail = (error: unknown) => {
      abort.unlink()
      return transportError(request.url, abort.signal.aborted ? abort.signal.reason : error)
    }
    try {
      const response = await pool.request({
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        method: request.method,
        headers: this.#headersOf(request),
        body: bodyOf(request.body, (source) => watched(source, { stallMs: this.stallMs, stalled, of: 'reader' })),
        signal: abort.signal,
      })
      const body = watched(response.body, { stallMs: this.stallMs, stalled, of: 'source', failed: fail, ended: abort.unlink })
      const discard = async () => {
        response.body.on('error', () => undefined)
        await response.body.dump({ limit: 64 << 10, signal: AbortSignal.timeout(DISCARD_MS) }).catch(() => undefined)
        abort.unlink()
      }
      return { status: response.statusCode, headers: response.headers, url: request.url, body, discard }
    } catch (error) {
      throw fail(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.allSettled(pools.map(async (pool) => (await pool).destroy()))
  }

  #check({ url, guard, insecure }: HttpRequest): void {
    if (url.protocol === 'http:' && !isLoopbackHost(url.hostname) && insecure !== true) {
      throw new TsbuildError('HTTP_REFUSED', `${showUrl(url)}: plain http is used for loopback hosts only`, {
        hint: 'use https, or name the registry as insecure if its network can be trusted',
      })
    }
    const literal = literalAddress(url.hostname)
    if (literal === undefined) return
    const is = (this.#options.classify ?? classifyAddress)(literal)
    if (guard === undefined) this.#reach.set(url.origin, is)
    else if (!mayReach(guard, is)) throw refused(url.host, literal)
  }

  #headersOf({ headers, body }: HttpRequest): Record<string, string> {
    const size = body instanceof Uint8Array ? body.length : body?.size
    return {
      'user-agent': this.#options.userAgent ?? 'tsbuild',
      'accept-encoding': 'identity',
      ...headers,
      ...(size === undefined ? {} : { 'content-length': String(size) }),
    }
  }

  #poolFor(request: HttpRequest): Promise<Connections> {
    const key = [request.url.origin, request.guard ?? 'named', request.insecure === true].join(' ')
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const made = openPool(request, this.#options, this.#lookupFor(request.url, request.guard))
    this.#pools.set(key, made)
    made.catch(() => this.#pools.delete(key))
    return made
  }

  #lookupFor(url: URL, guard: AddressClass | undefined): LookupFunction {
    const classify = this.#options.classify ?? classifyAddress
    return guardedLookup(this.#options.lookup ?? systemLookup, (addresses) => {
      const classes = addresses.map((item) => classify(item.address))
      if (guard === undefined) {
        this.#reach.set(url.origin, strictest(classes))
        return addresses
      }
      const allowed = addresses.filter((_, i) => mayReach(guard, classes[i] ?? 'forbidden'))
      if (allowed.length === 0) throw refused(url.host, addresses[0]?.address ?? 'no address')
      return allowed
    })
  }
}

/** Of several addresses the one that allows least counts: a name may mix its own with one it wants to reach. */
function strictest(classes: readonly AddressClass[]): AddressClass {
  for (const name of ['forbidden', 'public', 'private'] as const) if (classes.includes(name)) return name
  return classes.length === 0 ? 'public' : 'loopback'
}

function bodyOf(body: HttpRequest['body'], watch: (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>): Uint8Array | null {
  if (body === undefined) return null
  // undici takes any async iterable of bytes, which its types do not say.
  return body instanceof Uint8Array ? body : (watch(body.open()) as unknown as Uint8Array)
}

function refused(host: string, address: string): TsbuildError {
  return new TsbuildError(
    'ADDRESS_REFUSED',
    `not connecting to ${host} (${address}): a registry named it, and it is more private than that registry`,
  )
}
