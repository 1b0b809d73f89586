/** 1536 -> `1.5kB`, with powers of 1000 as Docker prints sizes. */
export function formatSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toPrecision(3)}${units[unit]}`
}

/** 83 -> `0.1s`, 75000 -> `1m15s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)}s`
  const seconds = Math.round(milliseconds / 1000)
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`
}

/** Bytes moved so far: `12.4MB / 30.2MB  8.1MB/s  2.2s left`. */
export function formatTransfer(current: number, total: number | undefined, elapsedMs: number): string {
  const rate = elapsedMs > 200 ? `  ${formatSize(Math.round((current * 1000) / elapsedMs))}/s` : ''
  return `${formatSize(current)}${total === undefined ? '' : ` / ${formatSize(total)}`}${rate}${timeLeft(current, total, elapsedMs)}`
}

/** At the pace so far, once there is one. */
function timeLeft(current: number, total: number | undefined, elapsedMs: number): string {
  if (total === undefined || total <= current || current === 0 || elapsedMs <= 1000) return ''
  return `  ${formatDuration(((total - current) * elapsedMs) / current)} left`
}
