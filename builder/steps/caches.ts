import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HeldLock } from '../../native/ops.ts'
import { digestOf, hexOf } from '../../registry/oci/digest.ts'
import { markUsed } from '../../registry/store/last-use.ts'
import { readIfThere } from '../../registry/store/names.ts'
import { FORMAT } from '../../registry/store/place.ts'
import type { BuildDeps } from '../deps.ts'
import type { RunMount } from '../plan/graph.ts'
import type { Slot } from '../schedule.ts'

export type CacheMount = Extract<RunMount, { kind: 'cache' }>

/** A cache that a step holds. */
export interface HeldCache {
  /** Folder of the store; made by the helper where there is none. */
  readonly path: string
  readonly lock: HeldLock
}

interface Running {
  readonly signal: AbortSignal
  readonly slot: Slot
}

/** What tells one cache from another: id, what it began as, and whose it is. `seed` is the identity of the tree it begins as, '' for none. */
export function cacheName({ id, mode, uid, gid }: CacheMount, seed: string): string {
  return hexOf(digestOf(JSON.stringify([id, seed, mode, uid, gid])))
}

/**
 * Takes the caches of one step, by name. `shared` ones are held by any number of steps at once, of any process; `locked` ones by one, others wait without
 * a job slot; of a `private` one every step at work has its own, and the first that is free is used again. In the order of names, so that two steps
 * that want the same ones never wait for each other.
 */
export async function takeCaches(wanted: ReadonlyMap<string, CacheMount['sharing']>, deps: BuildDeps, running: Running) {
  const held = new Map<string, HeldCache>()
  try {
    for (const [name, sharing] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)))
      held.set(name, sharing === 'private' ? await takePrivate(name, deps) : await take(name, sharing, deps, running))
    return held
  } catch (error) {
    await giveBack(held)
    throw error
  }
}

export async function giveBack(held: ReadonlyMap<string, HeldCache>): Promise<void> {
  for (const { lock } of held.values()) await lock.release()
}

async function take(name: string, sharing: 'shared' | 'locked', { store }: BuildDeps, { signal, slot }: Running): Promise<HeldCache> {
  const mode = sharing === 'locked' ? 'exclusive' : 'shared'
  const key = lockKey(name)
  const lock = (await store.lock(key, { mode, wait: false })) ?? (await slot.yielding(() => store.lock(key, { mode, wait: true, signal })))
  if (lock === undefined) throw new Error('a lock that waits is always got')
  return { path: pathOf(store.root, name), lock }
}

async function takePrivate(name: string, { store }: BuildDeps): Promise<HeldCache> {
  for (let instance = 0; ; instance++) {
    const own = instance === 0 ? name : `${name}-${instance}`
    const lock = await store.lock(lockKey(own), { mode: 'exclusive', wait: false })
    if (lock !== undefined) return { path: pathOf(store.root, own), lock }
  }
}

/** A cache that is there and that nobody uses at the moment, to be read or removed. */
export async function holdCache(name: string, { store }: BuildDeps): Promise<HeldCache | undefined> {
  const path = pathOf(store.root, name)
  if (!existsSync(path)) return undefined
  const lock = await store.lock(lockKey(name), { mode: 'exclusive', wait: false })
  return lock === undefined ? undefined : { path, lock }
}

/** Empties a cache that nobody uses at the moment; false when somebody does. */
export async function emptyCache(name: string, deps: BuildDeps): Promise<boolean> {
  const lock = await deps.store.lock(lockKey(name), { mode: 'exclusive', wait: false })
  if (lock === undefined) return false
  try {
    await (await deps.snapshots()).discard([pathOf(deps.store.root, name)])
    return true
  } finally {
    await lock.release()
  }
}

/** Notes which cache it is and that it was used now, for whoever looks after the store: the mtime of its folder, and the file `about` in it, beside what steps see. */
export function noteCacheUse({ path }: HeldCache, id: string, now: number): void {
  if (!existsSync(path)) return // the step failed before it was made
  const about = join(path, 'about')
  if (!existsSync(about)) writeFileSync(about, Buffer.concat([Buffer.of(FORMAT), Buffer.from(id)]), { mode: 0o600 })
  markUsed(path, now)
}

/** The id of the cache in this folder, where it was noted. */
export function cacheIDOf(path: string): string | undefined {
  const bytes = readIfThere(join(path, 'about'))
  return bytes === undefined || bytes[0] !== FORMAT ? undefined : bytes.toString('utf8', 1)
}

function lockKey(name: string): string {
  return `mount-${name}`
}

function pathOf(root: string, name: string): string {
  return join(root, 'mounts', name)
}
