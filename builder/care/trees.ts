import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { asDiffID, type DiffID, isDigest } from '../../registry/oci/digest.ts'
import { namesIn } from '../../registry/store/cache-files.ts'
import { snapshotFolders } from '../../snapshotter/folders.ts'
import { cacheIDOf } from '../steps/caches.ts'
import type { Entry, Kind } from './entry.ts'
import { sum } from './images.ts'

/** How the sizes of trees are had: by walking through each, whoever owns what is in it. */
export interface TreeSizes {
  /** What each of these folders takes on the disk. */
  measure(paths: readonly string[]): Promise<readonly number[]>
  /** Trees of a kind that nobody asks for count 0. */
  isWanted(kind: Kind): boolean
}

/** What tells whether a snapshot is of use: layers that images or steps have, and how they are called. */
export interface LiveLayers {
  has(diffID: DiffID): boolean
  titleOf(diffID: DiffID): string | undefined
}

type Unmeasured = Omit<Entry, 'bytes'>

/** Snapshots, cache mounts and folders of steps: what only the helper can look into. */
export async function treeEntries(root: string, live: LiveLayers, sizes: TreeSizes): Promise<Entry[]> {
  const trees = [...(await snapshots(root, live)), ...mounts(root), ...stepFolders(root)]
  const paths = trees.filter(({ kind }) => sizes.isWanted(kind)).flatMap(({ folders }) => folders)
  const measured = paths.length === 0 ? [] : await sizes.measure(paths)
  const sizeOf = new Map(paths.map((path, index) => [path, measured[index] ?? 0]))
  return trees.map((tree) => ({ ...tree, bytes: sum(tree.folders, (path) => sizeOf.get(path) ?? 0) }))
}

async function snapshots(root: string, live: LiveLayers): Promise<Unmeasured[]> {
  return (await snapshotFolders(root)).map(({ path, diffID: text }) => {
    const diffID = text !== undefined && isDigest(text) ? asDiffID(text) : undefined
    const isLive = diffID !== undefined && live.has(diffID)
    const description = isLive ? `files after ${live.titleOf(diffID) ?? 'a layer of an image'}` : 'files of a layer that nothing has'
    return { kind: isLive ? 'snapshot' : 'leftover', description, ...tree(path, `${path}/meta`), diffID }
  })
}

function mounts(root: string): Unmeasured[] {
  return namesIn(`${root}/mounts`).map((name) => {
    const path = `${root}/mounts/${name}`
    const id = cacheIDOf(path)
    return { kind: 'mount', description: id === undefined ? 'cache mount' : `cache mount ${id}`, ...tree(path) }
  })
}

/** Of steps at work, or of those that were killed: which of both, only who opens the snapshots can tell, and removes the latter. */
function stepFolders(root: string): Unmeasured[] {
  const names = namesIn(`${root}/steps`).filter((name) => !name.endsWith('.lock'))
  return names.map((name) => {
    return { kind: 'internal', description: 'a step at work, or killed', ...tree(`${root}/steps/${name}`), reclaimable: false }
  })
}

function tree(path: string, dated = path): Omit<Unmeasured, 'kind' | 'description'> {
  const lastUsed = statSync(dated, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return { id: basename(path), lastUsed, reclaimable: true, shared: false, files: [], folders: [path] }
}
