import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrno } from '../registry/oci/error.ts'
import { readMetadata } from './metadata.ts'

/** A folder below `snapshots/`: a finished snapshot with the DiffID of its topmost layer, or something else. */
export interface SnapshotFolder {
  readonly path: string
  readonly diffID: string | undefined
}

/** All snapshots of a store, of every id map. */
export async function snapshotFolders(root: string): Promise<SnapshotFolder[]> {
  const home = join(root, 'snapshots')
  const folders: SnapshotFolder[] = []
  for (const fingerprint of await namesIn(home)) {
    for (const name of await namesIn(join(home, fingerprint))) {
      const path = join(home, fingerprint, name)
      folders.push({ path, diffID: (await readMetadata(path))?.diffID })
    }
  }
  return folders
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
