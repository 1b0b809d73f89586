import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from '../oci/error.ts'

/**
 * Makes a folder and those above it; one that is there is left as it is. As mkdir with `recursive`, which in Node 20 never returns where a folder cannot
 * be made although its parent is there (below /proc): so for every path that a user names.
 */
export function makeFolders(path: string, mode = 0o777): void {
  try {
    makeFolder(path, mode)
  } catch (error) {
    if (!isErrno(error, 'ENOENT') || dirname(path) === path) throw error
    makeFolders(dirname(path), mode)
    makeFolder(path, mode)
  }
}

/** Another process may make it at the same time. */
function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
  }
}
