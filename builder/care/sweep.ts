import { rmSync } from 'node:fs'
import { namesIn } from '../../registry/store/cache-files.ts'
import { collect } from '../../registry/store/gc.ts'
import type { Store } from '../../registry/store/store.ts'
import { snapshotFolders } from '../../snapshotter/folders.ts'
import type { Entry } from './entry.ts'
import { explanations } from './explanations.ts'
import { namedImages } from './images.ts'
import { downloadedBlobs, downloadRecords } from './source-entries.ts'
import { storedSteps } from './steps.ts'

const TREES = ['snapshots', 'mounts']

/** Takes folders out of the store at once, each whole, and then removes them, whoever owns what is in them. */
export type DiscardTrees = (paths: readonly string[]) => Promise<void>

/**
 * Removes these entries, and whatever nothing leads to then. The store must be open with access 'exclusive'. In an order that leaves a sound store at any
 * moment: names, then records, then what only they led to; trees go out of their place whole.
 */
export async function sweep(store: Store, chosen: readonly Entry[], discard: DiscardTrees): Promise<void> {
  const { root } = store
  for (const { id } of chosen.filter(({ kind }) => kind === 'image')) await store.names.delete(id)
  const files = new Set(chosen.flatMap((entry) => entry.files))
  const steps = storedSteps(root).steps.filter(({ path }) => !files.has(path))
  const diffIDs = steps.map(({ record }) => record.diffID)
  const records = downloadRecords(root).filter((path) => !files.has(path))
  await collect(store, { roots: [], diffIDs, digests: await downloadedBlobs(store, records) }, [...files])
  const named = await namedImages(store)
  for (const { path } of explanations(root, { steps, named: named.digests }).dead) rmSync(path, { force: true })
  const live = new Set<string>([...named.diffIDs, ...diffIDs])
  const dead = (await snapshotFolders(root)).filter(({ diffID }) => diffID === undefined || !live.has(diffID))
  await removeFolders(root, [...dead.map(({ path }) => path), ...chosen.flatMap((entry) => entry.folders)], discard)
}

async function removeFolders(root: string, folders: readonly string[], discard: DiscardTrees): Promise<void> {
  const trees = new Set<string>()
  for (const path of folders) {
    if (TREES.some((name) => path.startsWith(`${root}/${name}/`))) trees.add(path)
    else if (!path.startsWith(`${root}/steps/`)) rmSync(path, { recursive: true, force: true })
  }
  // Whoever opens the snapshots removes what killed steps left.
  if (trees.size > 0 || namesIn(`${root}/steps`).length > 0) await discard([...trees])
}
