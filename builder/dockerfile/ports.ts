/** One word of EXPOSE (expanded): `port[-end][/proto]`, with `[ip:][host:]` before it tolerated. */
export interface ExposedPort {
  /** As the image config has them: `80/tcp`, one for each of a range. */
  readonly ports: readonly string[]
  /** An address or host port stood before it, which means nothing in an image (rule ExposeInvalidFormat). */
  readonly hostPart: boolean
}

const WORD = /^(?:(.*):)?(\d+)(?:-(\d+))?(?:\/([A-Za-z]*))?$/
const HOST = /^(?:(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f.]*):)?(?:\d+(?:-\d+)?)?$|^\[[0-9A-Fa-f:.]+\]$|^[\d.]+$/
const MAX_PORT = 65535

/** Undefined when `word` is no port: not 0..65535, a range that runs backwards, another protocol than tcp, udp and sctp. */
export function readPort(word: string): ExposedPort | undefined {
  const match = WORD.exec(word)
  if (match === null) return undefined
  const [, host, first = '', last = first, protocol = ''] = match
  const from = Number(first)
  const to = Number(last)
  const proto = protocol.toLowerCase() || 'tcp'
  if (from > to || to > MAX_PORT || !['tcp', 'udp', 'sctp'].includes(proto)) return undefined
  if (host !== undefined && !HOST.test(host)) return undefined
  return { ports: Array.from({ length: to - from + 1 }, (_, i) => `${from + i}/${proto}`), hostPart: host !== undefined }
}
