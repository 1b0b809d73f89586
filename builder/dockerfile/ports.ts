import { isIP } from 'node:net'

/** One word of EXPOSE (expanded): `port[-end][/proto]`, with `[ip:][host]:` before it tolerated. */
export interface ExposedPort {
  /** As the image config has them: `80/tcp`, one for each of a range. */
  readonly ports: readonly string[]
  /** An address or host port stood before it, which means nothing in an image (rule ExposeInvalidFormat). */
  readonly hostPart: boolean
}

interface Range {
  readonly from: number
  readonly to: number
}

const WORD = /^(?:(?:(.*):)?([^:]*):)?([^:/]*)(?:\/(.*))?$/
const RANGE = /^(\d+)(?:-(\d+))?$/
const MAX_PORT = 65535

/** Undefined when `word` is no port: not 0..65535, a range that runs backwards, another protocol than tcp, udp and sctp, or a host part that is none. */
export function readPort(word: string): ExposedPort | undefined {
  const [, address = '', host, port = '', protocol = ''] = WORD.exec(word) ?? []
  const range = readRange(port)
  const proto = protocol.toLowerCase() || 'tcp'
  if (range === undefined || !['tcp', 'udp', 'sctp'].includes(proto)) return undefined
  if (!isAddress(address) || !isHostRange(host ?? '', range)) return undefined
  const ports = Array.from({ length: size(range) }, (_, i) => `${range.from + i}/${proto}`)
  return { ports, hostPart: host !== undefined }
}

function readRange(text: string): Range | undefined {
  const [match, first, last = first] = RANGE.exec(text) ?? []
  const range = { from: Number(first), to: Number(last) }
  return match === undefined || range.from > range.to || range.to > MAX_PORT ? undefined : range
}

function size({ from, to }: Range): number {
  return to - from + 1
}

/** An IPv6 address with brackets or without. */
function isAddress(text: string): boolean {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  return text === '' || (isIP(bare) !== 0 && !bare.includes('%'))
}

/** As many ports as the image has, or more to choose from for one. */
function isHostRange(text: string, range: Range): boolean {
  const host = readRange(text)
  return text === '' || (host !== undefined && (size(range) === 1 || size(host) === size(range)))
}
