import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Digest } from '../../registry/oci/digest.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { leadsTo, MAX_REDIRECTS, REDIRECTS, sentTo } from '../../registry/remote/redirect.ts'
import { isTransient, pauseAfter, type RetryOptions, withRetry } from '../../registry/remote/retry.ts'
import type { HttpRequest, HttpResponse, Transport } from '../../registry/remote/transport.ts'
import { showUrl } from '../../registry/remote/transport-error.ts'
import { withKeyLock } from '../../registry/store/lock.ts'
import type { Store } from '../../registry/store/store.ts'
import { decoded } from './decoded.ts'
import { type HttpRecord, markHttpRecordUsed, readHttpRecord, writeHttpRecord } from './http-record.ts'
import { MAX_SOURCE_BYTES, spool, tooLarge } from './spool.ts'

export interface HttpDeps {
  readonly transport: Transport
  readonly retry: RetryOptions
  readonly store: Store
  /** Certificates are not verified. */
  readonly insecure: boolean
  readonly maxBytes?: number | undefined
}

export interface HttpOptions {
  /** What the content must be. */
  readonly checksum?: Digest | undefined
  /** Value of the header of that name, for the origin of the URL alone; goes before a user name in the URL. */
  readonly authorization?: string | undefined
  readonly signal: AbortSignal
  readonly onBytes?: ((current: number, total: number | undefined) => void) | undefined
}

/** What a URL gave: a blob of the store. */
export interface HttpFile {
  readonly digest: Digest
  readonly size: number
  /** Last-Modified in seconds since the epoch; 0 where the server does not say. */
  readonly mtime: number
}

/**
 * The content of an http(s) URL. What came before is asked for with its ETag and Last-Modified, so that a 304 costs no download; with a checksum that holds
 * for it not even that. Plain http is what the user wrote; https never leads to http, and a user name and password go to the origin of the URL only.
 * Throws HTTP_STATUS, CHECKSUM_MISMATCH, SOURCE_TOO_LARGE, REDIRECT_REFUSED, and what `Transport.send` throws.
 */
export async function fetchHttp(text: string, options: HttpOptions, deps: HttpDeps): Promise<HttpFile> {
  const url = readHttpUrl(text)
  const { checksum, signal } = options
  const file = await withKeyLock(deps.store, `http-${url.href}`, () => fetchLocked(url, options, deps), { signal })
  markHttpRecordUsed(deps.store, url, deps.retry.now())
  if (checksum === undefined || checksum === file.digest) return file
  throw new TsbuildError('CHECKSUM_MISMATCH', `${showUrl(url)} is ${file.digest}, but the checksum asks for ${checksum}`, {
    hint: 'the file behind the URL has changed, or the checksum is of another one',
  })
}

/** Throws URL_INVALID. The fragment is no part of a request. */
export function readHttpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new TsbuildError('URL_INVALID', `not an http(s) URL: ${JSON.stringify(text.slice(0, 200))}`)
  url.hash = ''
  return url
}

/** The name of the file: last component of the path, decoded; where there is none, what BuildKit calls it. */
export function nameOfUrl(url: URL): string {
  const path = decoded(url.pathname)
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? '__unnamed__' : name
}

async function fetchLocked(url: URL, options: HttpOptions, deps: HttpDeps): Promise<HttpFile> {
  const known = await knownFile(url, deps)
  if (known !== undefined && known.digest === options.checksum) return known
  for (let tried = 1; ; tried++) {
    try {
      return await fetchOnce(url, known, options, deps)
    } catch (error) {
      if (!isTransient(error) || tried === (deps.retry.tries ?? 5)) throw error
      await sleep(pauseAfter(tried, deps.retry), undefined, { signal: options.signal })
    }
  }
}

async function knownFile(url: URL, { store }: HttpDeps): Promise<HttpRecord | undefined> {
  const record = readHttpRecord(store, url)
  return record !== undefined && (await store.blobs.stat(record.digest))?.size === record.size ? record : undefined
}

async function fetchOnce(url: URL, known: HttpRecord | undefined, options: HttpOptions, deps: HttpDeps): Promise<HttpFile> {
  const { response, drop } = await ask(url, known, options, deps)
  if (response.status === 304 && known !== undefined) {
    drop()
    return known
  }
  if (response.status !== 200) {
    drop()
    throw new TsbuildError('HTTP_STATUS', `${showUrl(response.url)}: the server answered ${response.status}`, {
      hint: response.status === 404 ? 'nothing is there: check the URL' : undefined,
    })
  }
  const { maxBytes = MAX_SOURCE_BYTES } = deps
  const length = Number(headerOf(response, 'content-length') ?? Number.NaN)
  if (length > maxBytes) {
    drop()
    throw tooLarge(showUrl(response.url), maxBytes)
  }
  return keep(url, response, { ...options, length }, { ...deps, maxBytes })
}

async function keep(
  url: URL,
  response: HttpResponse,
  { onBytes, length }: HttpOptions & { readonly length: number },
  { store, maxBytes }: HttpDeps & { readonly maxBytes: number },
): Promise<HttpFile> {
  const total = Number.isSafeInteger(length) ? length : undefined
  const temporary = await store.temporary()
  const report = onBytes === undefined ? {} : { onBytes: (current: number) => onBytes(current, total) }
  const { digest, size } = await spool(response.body, temporary, { maxBytes, what: showUrl(response.url), ...report })
  if (total !== undefined && size !== total) {
    await rm(temporary, { force: true })
    throw new TsbuildError('CONNECTION_LOST', `${showUrl(url)}: ${size} of ${total} bytes came`)
  }
  await store.blobs.adopt(temporary, digest, size)
  const modified = headerOf(response, 'last-modified')
  const time = modified === undefined ? Number.NaN : Date.parse(modified)
  const record = {
    digest,
    size,
    url: showUrl(url),
    mtime: Number.isNaN(time) ? 0 : Math.floor(time / 1000),
    etag: headerOf(response, 'etag'),
    lastModified: modified,
  }
  await writeHttpRecord(store, url, record)
  return record
}

interface Exchange {
  readonly response: HttpResponse
  /** Ends the connection: what is not wanted is not waited for. */
  drop(): void
}

/** The answer after redirects. Each step is checked anew: an origin more private than the one that names it is refused when connecting. */
async function ask(url: URL, known: HttpRecord | undefined, { signal, authorization }: HttpOptions, deps: HttpDeps): Promise<Exchange> {
  const { transport, retry } = deps
  const isInsecure = (to: URL) => deps.insecure || to.protocol === 'http:'
  let drop = () => {}
  const follow = async () => {
    let request: HttpRequest = {
      method: 'GET',
      url: withoutUser(url),
      headers: headersFor(url, known, authorization),
      insecure: isInsecure(url),
    }
    for (let hops = 0; ; hops++) {
      const abort = new AbortController()
      const response = await transport.send({ ...request, signal: AbortSignal.any([signal, abort.signal]) })
      drop = () => {
        void response.discard()
        abort.abort()
      }
      if (!REDIRECTS.has(response.status)) return response
      const location = headerOf(response, 'location')
      drop()
      if (location === undefined || hops === MAX_REDIRECTS)
        throw lost(request.url, location === undefined ? 'without a place' : 'again and again')
      const to = leadsTo(request.url, location)
      request = { ...sentTo(transport, request, url.origin, to), insecure: isInsecure(to) }
    }
  }
  const response = await withRetry(follow, retry, signal)
  return { response, drop }
}

function headersFor(url: URL, known: HttpRecord | undefined, given: string | undefined): Record<string, string> {
  const pair = `${decoded(url.username)}:${decoded(url.password)}`
  const authorization = given ?? (url.username === '' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`)
  return {
    accept: '*/*',
    ...(authorization === undefined ? {} : { authorization }),
    ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
    ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
  }
}

function withoutUser(url: URL): URL {
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return bare
}

function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name]
  return typeof value === 'string' && value.length <= 8 << 10 ? value : undefined
}

function lost(url: URL, how: string): TsbuildError {
  return new TsbuildError('REDIRECT_REFUSED', `${url.host} redirects ${how}`, {
    hint: 'open the URL with another program to see where it leads',
  })
}
