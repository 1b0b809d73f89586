import { BlockList, isIP } from 'node:net'
import { TsbuildError } from '../oci/error.ts'
import { isLoopbackHost, literalAddress } from './address.ts'

/** Environment variables, as `process.env` has them. */
export type Env = Readonly<Record<string, string | undefined>>

/**
 * The proxy for `url` by HTTP_PROXY, HTTPS_PROXY and NO_PROXY (lower case first), as Go's net/http reads them, so that docker and tsbuild agree:
 * loopback is never proxied; NO_PROXY holds `*`, domains (with their subdomains; `.d` and `*.d` subdomains only), addresses, CIDR ranges, each with
 * an optional port. Throws PROXY_INVALID.
 */
export function proxyFor(url: URL, env: Env): URL | undefined {
  const text = url.protocol === 'https:' ? (env.https_proxy ?? env.HTTPS_PROXY) : (env.http_proxy ?? env.HTTP_PROXY)
  if (text === undefined || text === '' || isLoopbackHost(url.hostname)) return undefined
  if (isExcluded(url, env.no_proxy ?? env.NO_PROXY ?? '')) return undefined
  return parseProxy(text)
}

/** Value of Proxy-Authorization for the user name and password in a proxy's URL. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '') return undefined
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function parseProxy(text: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  // The value may hold a password, so only what cannot be one is shown.
  throw new TsbuildError('PROXY_INVALID', `not a proxy we can use: ${url === undefined ? 'not a URL' : `${url.protocol}//${url.host}`}`, {
    hint: 'set HTTPS_PROXY and HTTP_PROXY to http://host:port or https://host:port',
  })
}

function isExcluded(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase().replace(/\.$/, '')
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry.toLowerCase(), host, port))
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  const literal = literalAddress(host)
  if (entry.includes('/')) return literal !== undefined && inRange(entry, literal)
  const [, name = '', wanted] = /^(\[[^\]]*\]|[^:]*|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*)(?::(\d+))?$/.exec(entry) ?? []
  if (name === '' || (wanted !== undefined && wanted !== port)) return false
  const bare = literalAddress(name)
  if (bare !== undefined) return literal !== undefined && inRange(`${bare}/${isIP(bare) === 6 ? 128 : 32}`, literal)
  const domain = name.replace(/^\*?\./, '')
  return host.endsWith(`.${domain}`) || (host === domain && domain === name)
}

function inRange(cidr: string, address: string): boolean {
  const [net = '', bits = ''] = cidr.split('/')
  const version = isIP(net)
  if (version === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 6 ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(net, Number(bits), version === 6 ? 'ipv6' : 'ipv4')
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
