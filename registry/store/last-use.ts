import { statSync, utimesSync } from 'node:fs'
import { isErrno } from '../oci/error.ts'

/** How exact a time of last use is: a file is not marked again within this time, so that finding what is there writes next to nothing. */
export const USE_GRAIN_MS = 60 * 60 * 1000

/** Refusals after which the old time counts: the file is gone, or the store may be read only. */
const REFUSED = ['ENOENT', 'EACCES', 'EPERM', 'EROFS']

/** Notes in the mtime of a file or folder that it was used now: what was not used for longest is pruned first. */
export function markUsed(path: string, now: number): void {
  const before = statSync(path, { throwIfNoEntry: false })?.mtimeMs
  if (before === undefined || Math.abs(now - before) < USE_GRAIN_MS) return // also when the clock was ahead
  try {
    utimesSync(path, now / 1000, now / 1000)
  } catch (error) {
    if (!REFUSED.some((code) => isErrno(error, code))) throw error
  }
}
