import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { readRecord } from '../builder/cache.ts'
import { bytesOfText } from '../native/wire.ts'
import { asDiffID, type DiffID, isDigest } from '../registry/oci/digest.ts'
import { collect } from '../registry/store/gc.ts'
import { readImage } from '../registry/store/image.ts'
import type { Workspace } from './wire.ts'

export interface Pruned {
  readonly blobs: number
  readonly bytes: number
  readonly snapshots: number
}

/**
 * Removes what no name and no cached step leads to; with `all` first all names, records and cache mounts. Snapshots stay as long as an image or record may start from
 * them. The workspace must have the store to itself.
 */
export async function prune(workspace: Workspace, all: boolean): Promise<Pruned> {
  const { store } = workspace
  const records = recordPaths(store.root)
  if (all) for (const { name } of await store.names.list()) await store.names.delete(name)
  const diffIDs = all ? [] : recordedLayers(records)
  if (all)
    for (const cache of ['files', 'uploads', 'served', 'http', 'git', 'kin', 'lists', 'last'])
      rmSync(`${store.root}/cache/${cache}`, { recursive: true, force: true })
  const { blobs, bytes } = await collect(store, { roots: [], diffIDs }, all ? records : [])
  if (all) await removeCacheMounts(workspace)
  const snapshots = await removeSnapshots(workspace, all ? new Set() : await liveLayers(workspace, diffIDs))
  await workspace.refreshIndex()
  return { blobs, bytes, snapshots }
}

function recordPaths(root: string): string[] {
  const folder = `${root}/cache/steps`
  return readdirSync(folder).flatMap((prefix) => readdirSync(`${folder}/${prefix}`).map((name) => `${folder}/${prefix}/${name}`))
}

function recordedLayers(paths: readonly string[]): DiffID[] {
  return paths.flatMap((path) => readRecord(readFileSync(path))?.diffID ?? [])
}

/** Top layers that a snapshot may have: of recorded steps and of every state of a named image. */
async function liveLayers({ store }: Workspace, recorded: readonly DiffID[]): Promise<Set<DiffID>> {
  const live = new Set(recorded)
  for (const { descriptor } of await store.names.list()) {
    const image = await readImage(store.blobs, descriptor).catch(() => undefined) // an artifact has no layers that are unpacked
    for (const diffID of image?.config.rootfs.diff_ids ?? []) live.add(asDiffID(diffID))
  }
  return live
}

/** What RUN --mount=type=cache keeps; it belongs to ids of builds. */
async function removeCacheMounts({ store, helper }: Workspace): Promise<void> {
  const folder = `${store.root}/mounts`
  const names = existsSync(folder) ? readdirSync(folder) : []
  if (names.length > 0) await (await helper()).remove(names.map((name) => bytesOfText(`${folder}/${name}`)))
}

async function removeSnapshots(workspace: Workspace, live: ReadonlySet<DiffID>): Promise<number> {
  const { snapshotFolders } = await import('../snapshotter/folders.ts')
  const dead = (await snapshotFolders(workspace.store.root)).filter(
    ({ diffID }) => diffID === undefined || !isDigest(diffID) || !live.has(asDiffID(diffID)),
  )
  if (dead.length === 0) return 0
  const helper = await workspace.helper()
  await helper.remove(dead.map(({ path }) => bytesOfText(path)))
  return dead.length
}
