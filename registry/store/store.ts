import type { HeldLock, LockOptions, NativeOps } from '../../native/ops.ts'
import { TsbuildError } from '../oci/error.ts'
import { type Blobs, openBlobs } from './blobs.ts'
import { bootMarkOf } from './durable.ts'
import { type Layers, openLayers } from './layers.ts'
import { type Lease, takeLease } from './lease.ts'
import { lockKey } from './lock.ts'
import { type Names, openNames } from './names.ts'
import { type Origins, openOrigins } from './origins.ts'
import type { KeyLockOptions, Place } from './place.ts'
import { prepareRoot } from './root.ts'
import { openTocs, type Tocs } from './tocs.ts'

export interface StoreOptions extends Pick<LockOptions, 'signal' | 'onWait'> {
  /** Absolute path; see storeRoot. */
  readonly root: string
  /** /proc/sys/kernel/random/boot_id: what was written under another one and never synced is checked before use. */
  readonly bootId: string
  readonly native: NativeOps
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** 'exclusive' waits until no other process has the store open, and keeps others out: garbage collection. Default 'shared'. */
  readonly access?: 'shared' | 'exclusive'
  /** False: STORE_BUSY at once where it would have to wait. */
  readonly wait?: boolean | undefined
}

/** An open store. Closing it removes its temporary files and lets go of the store lock; it does not close `native`. */
export interface Store extends Place, AsyncDisposable {
  readonly access: 'shared' | 'exclusive'
  readonly now: () => number
  readonly blobs: Blobs
  readonly names: Names
  readonly origins: Origins
  readonly layers: Layers
  readonly tocs: Tocs
}

/**
 * Opens the store at `root`, made if there is none. Opening reads a stamp and takes the store lock, so a server can do it for each request.
 * Throws STORE_UNSAFE (others could enter it), STORE_FORMAT (not ours, or of another release), STORE_WRITE; STORE_BUSY
 * with `wait: false` when others have it open.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { root, native, access = 'shared', now } = options
  prepareRoot(root, process.geteuid?.() ?? 0)
  const { wait = true, signal, onWait } = options
  const lock = await lockKey(root, native, 'store', { mode: access, wait, signal, onWait })
  if (lock === undefined)
    throw new TsbuildError('STORE_BUSY', `${root} is in use by another tsbuild`, { hint: 'try again when it has ended' })
  const place = new OpenPlace(root, native, options.bootId)
  const blobs = openBlobs(place)
  const tocs = openTocs(place)
  return {
    root,
    native,
    access,
    now,
    bootMark: place.bootMark,
    temporary: () => place.temporary(),
    lock: (key, lockOptions) => place.lock(key, lockOptions),
    blobs,
    names: openNames(place, blobs, tocs),
    origins: openOrigins(place),
    layers: openLayers(place, blobs),
    tocs,
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]()
      await lock.release()
    },
  }
}

class OpenPlace implements Place, AsyncDisposable {
  readonly root: string
  readonly native: NativeOps
  readonly bootMark: number
  #lease: Promise<Lease> | undefined

  constructor(root: string, native: NativeOps, bootId: string) {
    this.root = root
    this.native = native
    this.bootMark = bootMarkOf(bootId)
  }
  async temporary(): Promise<string> {
    this.#lease ??= takeLease(this.root, this.native) // a run that writes nothing needs none
    return (await this.#lease).path()
  }
  lock(key: string, options?: KeyLockOptions): Promise<HeldLock | undefined> {
    return lockKey(this.root, this.native, key, options)
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#lease)?.[Symbol.asyncDispose]()
  }
}
