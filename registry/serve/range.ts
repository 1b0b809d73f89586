/** `start` inclusive, `end` exclusive; or `none`: what was asked for cannot be given. */
export type Range = { readonly start: number; readonly end: number } | 'none'

/** One byte range of a Range header for `size` bytes; undefined for all of it: no header, several ranges, or nonsense (RFC 9110, 14.2). */
export function rangeOf(header: string | undefined, size: number): Range | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replace(/\s/g, '') ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') return Number(last) === 0 || size === 0 ? 'none' : { start: Math.max(0, size - Number(last)), end: size }
  if (last !== '' && Number(last) < Number(first)) return undefined
  if (Number(first) >= size) return 'none'
  return { start: Number(first), end: last === '' ? size : Math.min(size, Number(last) + 1) }
}

/** `Content-Range: 0-99` of an upload, with or without a unit; undefined when it is not that. */
export function chunkOf(header: string): { readonly start: number; readonly end: number } | undefined {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim())
  if (match === null || Number(match[2]) < Number(match[1])) return undefined
  return { start: Number(match[1]), end: Number(match[2]) + 1 }
}
