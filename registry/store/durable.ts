import { chmodSync, type Stats, utimesSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { digestOf } from '../oci/digest.ts'

/**
 * What survives a power cut. Files are renamed into place without fsync, so after a crash of the machine one may hold anything.
 * Three states, told apart by one stat:
 *   durable  no write bit in the mode: its bytes were on the disk before the bit was taken away
 *   fresh    its mtime is the mark of this boot: written since, the page cache has it
 *   old      neither: written before the last boot and never synced, or put there by another program; to be checked before it is believed
 */
export type Trust = 'durable' | 'fresh' | 'old'

/** The mtime, in seconds, that files written under this boot id get. */
export function bootMarkOf(bootId: string): number {
  return 1_000_000_000 + Number.parseInt(digestOf(bootId).slice(7, 14), 16)
}

export function trustOf(stat: Stats, bootMark: number): Trust {
  if ((stat.mode & 0o222) === 0) return 'durable'
  return Math.round(stat.mtimeMs) === bootMark * 1000 ? 'fresh' : 'old'
}

/** To be called before a finished file is renamed to where others look for it. */
export function markFresh(path: string, bootMark: number): void {
  chmodSync(path, 0o644)
  utimesSync(path, bootMark, bootMark)
}

/** Writes the file's bytes to the disk, then says so in its mode; in this order, as a lost mode only costs another check. */
export async function makeDurable(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.datasync()
    await file.chmod(0o444)
  } finally {
    await file.close()
  }
}

/** Makes renames into and removals from this folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
