import { readdirSync, rmSync, statSync } from 'node:fs'
import type { Descriptor } from '../oci/descriptor.ts'
import type { DiffID, Digest } from '../oci/digest.ts'
import { diffIDsOf, graphOf } from './graph.ts'

import type { Store } from './store.ts'

/** Half-done transfers are kept this long, so that they can go on. */
const PARTIAL_AGE_MS = 24 * 60 * 60 * 1000

/** What may not go, besides what names lead to. */
export interface Keep {
  /** Images and blobs, with all that they lead to. */
  readonly roots: readonly Descriptor[]
  /** Layers that records of steps name: their blobs and tables of contents. */
  readonly diffIDs: readonly DiffID[]
  /** Single blobs. */
  readonly digests?: readonly Digest[]
}

export interface Collected {
  readonly blobs: number
  /** Of the blobs. */
  readonly bytes: number
  readonly tocs: number
  readonly layers: number
  readonly records: number
  readonly partials: number
}

/**
 * Removes what neither names nor `keep` lead to, and the records at the paths given, whose content `keep` has not. The store must be open with access 'exclusive': then
 * no other process is about to name what it has just written, and what `keep` was made from still holds.
 */
export async function collect(store: Store, keep: Keep, records: readonly string[] = []): Promise<Collected> {
  if (store.access !== 'exclusive') throw new Error('garbage collection needs the store to itself')
  const live = await liveIn(store, keep)
  for (const path of records) rmSync(path, { force: true })
  const tocs = await removeAll(store.tocs.list(), live.diffIDs, (diffID) => store.tocs.delete(diffID))
  const layers = await removeAll(store.layers.list(), live.diffIDs, (diffID) => store.layers.delete(diffID))
  const removed = await removeBlobs(store, live.digests)
  removeLockFiles(store.root)
  return { ...removed, tocs, layers, records: records.length, partials: removePartials(store.root, store.now()) }
}

async function liveIn(store: Store, keep: Keep): Promise<{ digests: Set<Digest>; diffIDs: Set<DiffID> }> {
  const digests = new Set<Digest>()
  const diffIDs = new Set<DiffID>(keep.diffIDs)
  const named = (await store.names.list()).map(({ descriptor }) => descriptor)
  for (const root of [...named, ...keep.roots]) {
    const { present } = await graphOf(store.blobs, root, digests)
    for (const diffID of await diffIDsOf(store.blobs, present)) diffIDs.add(diffID)
  }
  for (const diffID of keep.diffIDs) for (const { descriptor } of store.layers.all(diffID)) digests.add(descriptor.digest)
  for (const digest of keep.digests ?? []) digests.add(digest)
  return { digests, diffIDs }
}

async function removeAll<T>(all: readonly T[], live: ReadonlySet<T>, remove: (item: T) => Promise<void>): Promise<number> {
  const dead = all.filter((item) => !live.has(item))
  for (const item of dead) await remove(item)
  return dead.length
}

async function removeBlobs(store: Store, live: ReadonlySet<Digest>): Promise<{ blobs: number; bytes: number }> {
  let [blobs, bytes] = [0, 0]
  for await (const digest of store.blobs.list()) {
    if (live.has(digest)) continue
    bytes += statSync(store.blobs.path(digest)).size
    blobs++
    await store.blobs.delete(digest)
    await store.origins.forget(digest)
  }
  return { blobs, bytes }
}

function removePartials(root: string, now: number): number {
  const old = readdirSync(`${root}/ingest`).filter((name) => {
    return /^sha\d+-/.test(name) && now - statSync(`${root}/ingest/${name}`).mtimeMs > PARTIAL_AGE_MS
  })
  for (const name of old) rmSync(`${root}/ingest/${name}`, { force: true })
  return old.length
}

/** Nobody else has the store open, so nobody holds or waits for any of these; ours (the store lock, our lease) stay. */
function removeLockFiles(root: string): void {
  for (const name of readdirSync(`${root}/locks`)) {
    if (name !== 'store' && !name.startsWith('run-')) rmSync(`${root}/locks/${name}`, { force: true })
  }
}
