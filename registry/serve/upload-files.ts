import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { algorithmOf, type Digest, digestOf, type Hash, hexOf, newHash } from '../oci/digest.ts'
import { isErrno, TsbuildError } from '../oci/error.ts'
import type { Store } from '../store/store.ts'

const MAX_UPLOADS = 1024
const MAX_AGE_MS = 24 * 3600 * 1000
const ID = /^[0-9a-f]{16}-[0-9a-f-]{36}$/

interface Known {
  hash: Hash
  hashed: number
  /** The last operation on this upload; the next one waits for it. */
  busy: Promise<unknown>
}

/**
 * Uploads under way, a file each in the store's `cache/served/`, so that they survive the server. The size of the file says how far one is; hashes
 * are kept while the server lives, and made again when it did not.
 */
export class UploadFiles {
  readonly #known = new Map<string, Known>()

  /** Returns the id of a new upload to `repository`; undefined when there are too many. Forgets those that nobody touched for a day. */
  async create(store: Store, repository: string): Promise<string | undefined> {
    await mkdir(folderOf(store), { recursive: true, mode: 0o700 })
    if ((await this.#purge(store)) >= MAX_UPLOADS) return undefined
    const id = `${ownerOf(repository)}-${randomUUID()}`
    await (await open(pathOf(store, id), 'wx', 0o600)).close()
    this.#known.set(id, { hash: newHash(), hashed: 0, busy: Promise.resolve() })
    return id
  }

  /** Bytes that are there; undefined when there is no such upload to this repository. */
  async size(store: Store, repository: string, id: string): Promise<number | undefined> {
    if (!ID.test(id) || !id.startsWith(`${ownerOf(repository)}-`)) return undefined
    try {
      return (await stat(pathOf(store, id))).size
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** Does `work` while nobody else works on this upload. */
  async alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    const known = this.#of(id)
    const mine = known.busy.then(work, work)
    known.busy = mine.catch(() => undefined)
    return mine
  }

  /** Appends at `offset`, which must be the size. What arrived before a failure stays. Returns the new size. */
  async append(store: Store, id: string, { offset, body }: { offset: number; body: AsyncIterable<Uint8Array> }): Promise<number> {
    const known = this.#of(id)
    const file = await open(pathOf(store, id), 'r+')
    let size = offset
    try {
      for await (const chunk of body) {
        const written = writeAll(file, chunk, size)
        if (known.hashed === size) {
          known.hash.update(chunk) // while a thread writes
          known.hashed += chunk.length
        }
        await written
        size += chunk.length
      }
    } catch (cause) {
      // The hash may be ahead of the file now.
      this.#known.set(id, { ...known, hash: newHash(), hashed: 0 })
      const full = isErrno(cause, 'ENOSPC') || isErrno(cause, 'EDQUOT')
      throw full ? new TsbuildError('STORE_WRITE', 'no space left for the upload', { cause }) : cause
    } finally {
      await file.close()
    }
    return size
  }

  /** Makes the upload a blob, or removes it and returns false when its digest is another. */
  async finish(store: Store, id: string, { digest, size }: { digest: Digest; size: number }): Promise<boolean> {
    const is = await this.#digestOf(store, id, { digest, size })
    this.#known.delete(id)
    if (is === digest) await store.blobs.adopt(pathOf(store, id), digest, size)
    else await rm(pathOf(store, id), { force: true })
    return is === digest
  }

  async remove(store: Store, id: string): Promise<void> {
    this.#known.delete(id)
    await rm(pathOf(store, id), { force: true })
  }

  async #digestOf(store: Store, id: string, { digest, size }: { digest: Digest; size: number }): Promise<Digest> {
    const known = this.#of(id)
    if (known.hashed === size && algorithmOf(digest) === 'sha256') return known.hash.digest()
    const hash = newHash(algorithmOf(digest))
    const file = await open(pathOf(store, id), 'r')
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20 })) hash.update(chunk)
    return hash.digest()
  }

  async #purge(store: Store): Promise<number> {
    let live = 0
    for (const name of await readdir(folderOf(store))) {
      const info = await stat(`${folderOf(store)}/${name}`).catch(() => undefined)
      if (info === undefined) continue
      if (info.mtimeMs < store.now() - MAX_AGE_MS) await this.remove(store, name)
      else live += 1
    }
    return live
  }

  #of(id: string): Known {
    const known = this.#known.get(id) ?? { hash: newHash(), hashed: 0, busy: Promise.resolve() }
    this.#known.set(id, known)
    return known
  }
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }
}

/** An upload belongs to its repository: part of the id says to which. */
function ownerOf(repository: string): string {
  return hexOf(digestOf(repository)).slice(0, 16)
}

function folderOf(store: Store): string {
  return `${store.root}/cache/served`
}

function pathOf(store: Store, id: string): string {
  return `${folderOf(store)}/${id}`
}
