import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { HeldLock, LockOptions, NativeOps } from '../../native/ops.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import { isErrno, TsbuildError } from '../oci/error.ts'

/** What the parts of a store share: where it is, and how they write and lock. */
export interface Place {
  readonly root: string
  readonly native: NativeOps
  /** See durable.ts. */
  readonly bootMark: number
  /** A path in the store's file system that nobody else uses, for a new file; what is left there is removed with the store or by the next run. */
  temporary(): Promise<string>
  /** See lock.ts. Undefined only with `wait: false`. */
  lock(key: string, options?: KeyLockOptions): Promise<HeldLock | undefined>
}

export interface KeyLockOptions extends LockOptions {
  /** Default 'exclusive'. */
  readonly mode?: 'shared' | 'exclusive'
}

/** First byte of every small file of ours. A file with another one is from another release: a miss. */
export const FORMAT = 1

/** `sha256-<hex>`: a digest as a file name. */
export function fileNameOf(digest: Digest): string {
  return digest.replace(':', '-')
}

/** `blobs/sha256/<hex>` below `root`: image-spec v1.1, image-layout.md. */
export function blobPath(root: string, digest: Digest): string {
  return `${root}/blobs/${digest.slice(0, digest.indexOf(':'))}/${hexOf(digest)}`
}

/** `cache/<folder>/<2>/<hex>` below `root`: a small file for each digest, not all in one folder. */
export function cachePath(root: string, folder: string, digest: Digest): string {
  const hex = hexOf(digest)
  return `${root}/cache/${folder}/${hex.slice(0, 2)}/${hex}`
}

/** Replaces `path` by a file of these bytes, whole or not at all. Not synced unless `durable`. Throws STORE_WRITE. */
export async function writeWhole(place: Place, path: string, bytes: Uint8Array, durable = false): Promise<void> {
  const temporary = await place.temporary()
  writing(place.root, path, () => {
    const fd = openSync(temporary, 'wx', 0o644)
    try {
      writeFully(fd, bytes)
      if (durable) fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameInto(temporary, path)
  })
}

/** Renames, making the folder of `path` when it is not there yet. */
export function renameInto(temporary: string, path: string): void {
  try {
    renameSync(temporary, path)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    renameSync(temporary, path)
  }
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
}

/** Does `work`; what the operating system refuses becomes STORE_WRITE. */
export function writing<T>(root: string, what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw storeWriteError(root, what, cause)
  }
}

export function storeWriteError(root: string, what: string, cause: unknown): unknown {
  const code = (cause as { code?: unknown }).code
  if (cause instanceof TsbuildError || typeof code !== 'string') return cause
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new TsbuildError('STORE_WRITE', `cannot write ${what}: ${code}`, {
    cause,
    hint: full ? `free space under ${root}, or set TSBUILD_ROOT to a folder with more` : `set TSBUILD_ROOT to a folder that you may write`,
  })
}
