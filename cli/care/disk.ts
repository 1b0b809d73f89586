import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** The file system of a store, in bytes. */
export interface Disk {
  readonly size: number
  /** What is left for us. */
  readonly free: number
  /** By whomever. */
  readonly used: number
}

/** Of a store that is not there yet, where it will be. */
export function diskOf(root: string): Disk {
  if (!existsSync(root)) return diskOf(dirname(root))
  const { bsize, blocks, bfree, bavail } = statfsSync(root)
  return { size: blocks * bsize, free: bavail * bsize, used: (blocks - bfree) * bsize }
}
