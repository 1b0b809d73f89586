import { BlockList, isIP } from 'node:net'

/**
 * Who can be behind an address. A registry may send its client to places at most as private as itself; `forbidden` (link-local, where clouds keep
 * their metadata; multicast; unspecified) is reached only when the user himself named it.
 */
export type AddressClass = 'public' | 'private' | 'loopback' | 'forbidden'

const LOOPBACK = listOf([
  ['127.0.0.0', 8],
  ['::1', 128],
])
const FORBIDDEN = listOf([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
])
// Besides RFC 1918 and RFC 4193: carrier NAT, benchmarking, and the IPv6 ranges that carry any IPv4 address (NAT64, 6to4, Teredo).
const PRIVATE = listOf([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['192.0.0.0', 24],
  ['198.18.0.0', 15],
  ['fc00::', 7],
  ['fec0::', 10],
  ['64:ff9b::', 32],
  ['2001::', 32],
  ['2002::', 16],
])
const RANK: Record<Exclude<AddressClass, 'forbidden'>, number> = { public: 0, private: 1, loopback: 2 }

/** Class of an IP address; IPv4 inside IPv6 (`::ffff:127.0.0.1`) counts as the IPv4 address. What is no address is `forbidden`. */
export function classifyAddress(address: string): AddressClass {
  const text = address.replace(/%.*$/, '')
  const version = isIP(text)
  if (version === 0) return 'forbidden'
  const family = version === 6 ? 'ipv6' : 'ipv4'
  if (LOOPBACK.check(text, family)) return 'loopback'
  if (FORBIDDEN.check(text, family)) return 'forbidden'
  return PRIVATE.check(text, family) ? 'private' : 'public'
}

/** May a host of class `from` name a place of class `to`? */
export function mayReach(from: AddressClass, to: AddressClass): boolean {
  if (to === 'forbidden') return false
  return RANK[to] <= (from === 'forbidden' ? 0 : RANK[from])
}

/** The address that a URL's host spells out, without brackets; undefined for a name. */
export function literalAddress(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '')
  return isIP(bare) === 0 ? undefined : bare
}

/** Loopback by its spelling alone: `localhost`, `*.localhost` (RFC 6761), 127/8, `[::1]`. */
export function isLoopbackHost(hostname: string): boolean {
  const literal = literalAddress(hostname)
  if (literal !== undefined) return classifyAddress(literal) === 'loopback'
  const name = hostname.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost')
}

function listOf(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of subnets) list.addSubnet(net, prefix, net.includes(':') ? 'ipv6' : 'ipv4')
  return list
}
