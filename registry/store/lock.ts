import type { HeldLock, NativeOps } from '../../native/ops.ts'
import { bytesOfText } from '../../native/wire.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import type { KeyLockOptions, Place } from './place.ts'

/**
 * Locks by key: flock(2) of `locks/<key>`. The kernel frees them when their owner dies. The files stay, since removing one that somebody waits for
 * would split the lock in two; garbage collection removes them, as nobody else has the store open then.
 */
export function lockKey(root: string, native: NativeOps, key: string, options: KeyLockOptions = {}): Promise<HeldLock | undefined> {
  const { mode = 'exclusive', ...rest } = options
  return native.lock({ path: bytesOfText(`${root}/locks/${lockFileName(key)}`), mode }, rest)
}

/** Does `work` while holding the lock of `key`; waits for it, and calls `onWait` once if it is not free. */
export async function withKeyLock<T>(place: Place, key: string, work: () => Promise<T>, options: KeyLockOptions = {}): Promise<T> {
  const lock = await place.lock(key, { ...options, wait: true })
  try {
    return await work()
  } finally {
    await lock?.release()
  }
}

function lockFileName(key: string): string {
  return /^[a-z0-9][a-z0-9_-]{0,120}$/.test(key) ? key : `key-${hexOf(digestOf(key))}`
}
