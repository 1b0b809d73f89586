import { readdirSync, type Stats, statSync } from 'node:fs'
import { isErrno } from '../oci/error.ts'

/** A regular file below a folder of the store. */
export interface StoredFile {
  /** Absolute. */
  readonly path: string
  readonly name: string
  readonly stat: Stats
}

/** All regular files in a folder of the store and the folders in it; none where there is no such folder. What is gone meanwhile is left out. */
export function filesBelow(folder: string): StoredFile[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return filesBelow(path)
    const stat = entry.isFile() ? statSync(path, { throwIfNoEntry: false }) : undefined
    return stat === undefined ? [] : [{ path, name: entry.name, stat }]
  })
}

/** Names in a folder of the store; none where there is no such folder. */
export function namesIn(folder: string): string[] {
  return entriesOf(folder).map(({ name }) => name)
}

/** What a file takes on the disk: stat(2) counts in blocks of 512 bytes, whatever the file system's are. */
export function diskSize({ blocks }: Pick<Stats, 'blocks'>): number {
  return blocks * 512
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return []
    throw error
  }
}
