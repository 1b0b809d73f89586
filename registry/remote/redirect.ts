import { TsbuildError } from '../oci/error.ts'
import type { HttpRequest, HttpResponse, Transport } from './transport.ts'
import { showUrl } from './transport-error.ts'

export const MAX_REDIRECTS = 5
const MAX_LOCATION_LENGTH = 8 << 10
export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Where `location`, answered by `from`, leads: another http(s) URL, never from https down to http. A user name in it is dropped.
 * Throws REDIRECT_REFUSED.
 */
export function leadsTo(from: URL, location: string): URL {
  if (location.length > MAX_LOCATION_LENGTH || !URL.canParse(location, from.href)) throw refused(from, 'not a URL')
  const to = new URL(location, from)
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refused(from, `the protocol ${to.protocol}`)
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refused(from, `${showUrl(to)}, from https down to http`)
  to.username = ''
  to.password = ''
  to.hash = ''
  return to
}

/**
 * `request` as it may be sent to `to`, a place that a server on `origin` named. At another origin: no Authorization (distribution-spec main, dbaac7b)
 * and no address more private than that server's own, checked when connecting.
 */
export function sentTo(transport: Transport, request: HttpRequest, origin: string, to: URL): HttpRequest {
  if (to.origin === request.url.origin) return { ...request, url: to }
  const { authorization: _, Authorization: __, ...headers } = { ...request.headers }
  const guard = to.origin === origin ? request.guard : transport.reachOf(origin)
  return { ...request, url: to, headers, guard }
}

/** Sends `request` and follows what its answer says, at most 5 times; what is neither GET nor HEAD stays at its origin. Throws REDIRECT_REFUSED. */
export async function follow(transport: Transport, request: HttpRequest): Promise<HttpResponse> {
  const { origin } = request.url
  let current = request
  for (let hops = 0; ; hops++) {
    const response = await transport.send(current)
    if (!REDIRECTS.has(response.status)) return response
    const location = response.headers.location
    await response.discard()
    if (typeof location !== 'string') throw refused(current.url, 'a redirect without one Location')
    if (hops === MAX_REDIRECTS) throw refused(current.url, `more than ${MAX_REDIRECTS} redirects`)
    const to = leadsTo(current.url, location)
    const reads = request.method === 'GET' || request.method === 'HEAD'
    if (!reads && (to.origin !== origin || response.status < 307)) throw refused(current.url, `${request.method} to ${showUrl(to)}`)
    current = sentTo(transport, current, origin, to)
  }
}

function refused(from: URL, why: string): TsbuildError {
  return new TsbuildError('REDIRECT_REFUSED', `${from.host} redirects where it may not: ${why}`, {
    hint: 'a server that does this is misconfigured or hostile; nothing was sent there',
  })
}
