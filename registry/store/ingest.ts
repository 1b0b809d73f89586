import { constants, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { HeldLock } from '../../native/ops.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Hash, newHash } from '../oci/digest.ts'
import { markFresh } from './durable.ts'
import { blobPath, fileNameOf, type Place, renameInto, storeWriteError, writing } from './place.ts'
import { mismatch } from './verified.ts'

/**
 * A blob under way, kept over kill -9 in `ingest/<algorithm>-<hex>`. One writer at a time: others wait for the lock, and then find the blob done.
 * Dispose it in any case: what was written stays for the next attempt unless it was committed.
 */
export interface Ingest extends AsyncDisposable {
  /** The blob is in the store: nothing to write. */
  readonly done: boolean
  /** Bytes that are there already; the next `write` continues behind them. */
  readonly offset: number
  /** Throws BLOB_MISMATCH when there are more bytes than the descriptor says, STORE_WRITE. */
  write(bytes: Uint8Array): Promise<void>
  /** Forgets what was written, for a source that cannot continue in the middle. */
  restart(): Promise<void>
  /** Makes it a blob. Throws BLOB_MISMATCH unless it is exactly what the descriptor says; then the next attempt starts anew. */
  commit(): Promise<void>
}

/** An ingest that has nothing to do. */
export function ingestDone(size: number): Ingest {
  const never = async () => {
    throw new Error('the blob is in the store already')
  }
  return { done: true, offset: size, write: never, restart: never, commit: async () => {}, [Symbol.asyncDispose]: async () => {} }
}

/** Opens the partial blob, made if need be, and hashes what is there. Takes over `lock`. */
export async function openIngest(place: Place, want: Descriptor, lock: HeldLock): Promise<Ingest> {
  const path = `${place.root}/ingest/${fileNameOf(want.digest)}`
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    const partial = new PartialBlob(place, path, { want, file, lock })
    await partial.resume()
    return partial
  } catch (cause) {
    await lock.release()
    throw storeWriteError(place.root, path, cause)
  }
}

class PartialBlob implements Ingest {
  readonly #place: Place
  readonly #path: string
  readonly #want: Descriptor
  readonly #file: FileHandle
  readonly #lock: HeldLock
  #hash: Hash
  #offset = 0
  #done = false

  constructor(place: Place, path: string, parts: { want: Descriptor; file: FileHandle; lock: HeldLock }) {
    this.#place = place
    this.#path = path
    this.#want = parts.want
    this.#file = parts.file
    this.#lock = parts.lock
    this.#hash = newHash(algorithmOf(parts.want.digest))
  }
  get done(): boolean {
    return this.#done
  }
  get offset(): number {
    return this.#offset
  }

  async resume(): Promise<void> {
    const buffer = Buffer.allocUnsafe(1 << 20)
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset)
      if (bytesRead === 0) return
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#offset += bytesRead
      if (this.#offset > this.#want.size) return this.restart()
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const end = this.#offset + bytes.length
    if (end > this.#want.size) throw mismatch(this.#want, end)
    const written = this.#writeAt(bytes, this.#offset)
    this.#hash.update(bytes) // while a thread writes
    await written
    this.#offset = end
  }

  async #writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, offset + done)
        done += bytesWritten
      }
    } catch (cause) {
      throw storeWriteError(this.#place.root, `blob ${this.#want.digest}`, cause)
    }
  }

  async restart(): Promise<void> {
    await this.#file.truncate(0)
    this.#hash = newHash(algorithmOf(this.#want.digest))
    this.#offset = 0
  }

  async commit(): Promise<void> {
    const size = this.#offset
    if (size !== this.#want.size || this.#hash.digest() !== this.#want.digest) {
      await this.restart()
      throw mismatch(this.#want, size)
    }
    writing(this.#place.root, `blob ${this.#want.digest}`, () => {
      markFresh(this.#path, this.#place.bootMark)
      renameInto(this.#path, blobPath(this.#place.root, this.#want.digest))
    })
    this.#done = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    if (!this.#done && this.#offset === 0) rmSync(this.#path, { force: true })
    await this.#lock.release()
  }
}
