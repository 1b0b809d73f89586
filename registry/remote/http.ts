import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Dispatcher } from 'undici'
import { proxyAuthorization, proxyFor } from './proxy.ts'
import { secureContextFor } from './tls.ts'
import type { HttpRequest, TransportOptions } from './transport.ts'

/** Connections to one origin. */
export type Connections = Pick<Dispatcher, 'request' | 'destroy'>

/**
 * Connections to the origin of `url`, straight or through the proxy that the environment names; `lookup` decides which of its addresses may be
 * used. A proxy looks names up itself, so through one only spelled-out addresses can be checked. The one door to undici, loaded at first use.
 */
export async function openPool(
  { url, insecure }: Pick<HttpRequest, 'url' | 'insecure'>,
  { env, tls = {}, connections = 8, connectMs = 15_000, headersMs = 120_000, ...options }: TransportOptions,
  lookup: LookupFunction,
): Promise<Connections> {
  const { Pool, ProxyAgent } = await import('undici')
  const secureContext = url.protocol === 'https:' ? await secureContextFor(url.host, env, tls) : undefined
  const secure = secureContext === undefined ? {} : { secureContext, rejectUnauthorized: insecure !== true }
  // The stall watch is ours: it also sees a body that drips, and one that the other side does not take.
  const limits = { connections, headersTimeout: headersMs, bodyTimeout: 0 }
  const proxy = proxyFor(url, env)
  if (proxy === undefined) return new Pool(url.origin, { ...limits, connect: { ...secure, timeout: connectMs, lookup } })
  const token = proxyAuthorization(proxy)
  const proxyContext = proxy.protocol === 'https:' ? { secureContext: await secureContextFor(proxy.host, env, tls) } : {}
  return new ProxyAgent({
    ...limits,
    uri: proxy.origin,
    proxyTunnel: url.protocol === 'https:',
    ...(token === undefined ? {} : { token }),
    requestTls: { ...secure, timeout: connectMs },
    proxyTls: { ...proxyContext, timeout: connectMs, lookup: options.lookup ?? systemLookup },
  })
}
