const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y

/** Go's duration syntax (`1h2m3.5s`, `500ms`, `0`) -> nanoseconds. Undefined when it is none, is negative, or needs more than 2^53 ns (104 days). */
export function readDuration(text: string): number | undefined {
  const body = text.startsWith('+') ? text.slice(1) : text
  if (body === '0') return 0
  let total = 0
  PART.lastIndex = 0
  for (let at = 0; at < body.length; at = PART.lastIndex) {
    const match = PART.exec(body)
    if (match === null) return undefined
    total += Math.trunc(Number(match[1]) * (UNITS[match[2] ?? ''] ?? 0))
  }
  return body === '' || total > Number.MAX_SAFE_INTEGER ? undefined : total
}

/** Nanoseconds as Go prints a duration (`1m30s`, `500ms`, `0s`): what HEALTHCHECK's history line holds. */
export function formatDuration(ns: number): string {
  if (ns === 0) return '0s'
  if (ns < 1e9) return smallUnit(ns)
  const hours = Math.floor(ns / 3600e9)
  const minutes = Math.floor((ns % 3600e9) / 60e9)
  const seconds = `${decimal(ns % 60e9, 1e9)}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}

function smallUnit(ns: number): string {
  if (ns < 1e3) return `${ns}ns`
  return ns < 1e6 ? `${decimal(ns, 1e3)}µs` : `${decimal(ns, 1e6)}ms`
}

/** `value / unit` without rounding and without trailing zeros. */
function decimal(value: number, unit: number): string {
  const fraction = String(value % unit)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '')
  return `${Math.floor(value / unit)}${fraction === '' ? '' : `.${fraction}`}`
}
