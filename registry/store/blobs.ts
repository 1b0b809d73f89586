import { readdirSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs'
import type { Descriptor } from '../oci/descriptor.ts'
import { type Algorithm, algorithmOf, type Digest, digestOf, isDigest } from '../oci/digest.ts'
import { makeDurable, markFresh, syncFolder, trustOf } from './durable.ts'
import { type Ingest, ingestDone, openIngest } from './ingest.ts'
import { inParallel } from './parallel.ts'
import { blobPath, fileNameOf, type KeyLockOptions, type Place, renameInto, writing } from './place.ts'
import { type ByteRange, hashBlob, missing, readBlob, readPieces } from './read-blob.ts'
import { mismatch } from './verified.ts'

const SYNCS_AT_ONCE = 8

/** Content-addressed bytes. A blob that is there is whole and has its digest: see durable.ts for what that rests on. */
export interface Blobs {
  /** Where the blob is, or would be. Ask `stat` first: it is what checks a blob from before a reboot. */
  path(digest: Digest): string
  /** Undefined when it is not there. A blob of uncertain origin is hashed first, and removed when it is not its digest. */
  stat(digest: Digest): Promise<{ size: number } | undefined>
  /** The whole blob, its digest verified. Throws BLOB_MISSING, BLOB_TOO_LARGE, BLOB_MISMATCH. */
  read(digest: Digest, maxBytes: number): Promise<Uint8Array>
  /** The bytes as stored, in pieces. Throws BLOB_MISSING. */
  open(digest: Digest, range?: ByteRange): AsyncIterable<Uint8Array>
  put(bytes: Uint8Array, algorithm?: Algorithm): Promise<Digest>
  /** A finished file of the native core (at a path from `temporary`) becomes a blob by rename. */
  adopt(temporary: string, digest: Digest, size: number): Promise<void>
  /** Starts or continues to write a blob; waits while somebody else writes the same one. */
  ingest(descriptor: Descriptor, options?: Pick<KeyLockOptions, 'signal' | 'onWait'>): Promise<Ingest>
  delete(digest: Digest): Promise<void>
  list(): AsyncIterable<Digest>
  /** On return these blobs (those that are there) survive a power cut. */
  sync(digests: Iterable<Digest>): Promise<void>
}

export function openBlobs(place: Place): Blobs {
  const path = (digest: Digest) => blobPath(place.root, digest)
  const stat = (digest: Digest) => statBlob(place, digest)
  return {
    path,
    stat,
    read: async (digest, maxBytes) => readBlob(path(digest), digest, maxBytes),
    open: (digest, range = {}) => openBlob(place, digest, range),
    put: (bytes, algorithm = 'sha256') => putBlob(place, bytes, algorithm),
    adopt: async (temporary, digest, size) => adoptBlob(place, temporary, { digest, size }),
    ingest: (descriptor, options = {}) => ingestBlob(place, descriptor, options),
    delete: async (digest) => rmSync(path(digest), { force: true }),
    list: () => listBlobs(place.root),
    sync: (digests) => syncBlobs(place, digests),
  }
}

/** Sync system calls: a stat takes 3 us, a trip to the thread pool 50. */
function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}

async function statBlob(place: Place, digest: Digest): Promise<{ size: number } | undefined> {
  const path = blobPath(place.root, digest)
  const stat = statIfThere(path)
  if (stat === undefined) return undefined
  if (trustOf(stat, place.bootMark) !== 'old') return { size: stat.size }
  if ((await hashBlob(place, digest)) !== digest) {
    rmSync(path, { force: true })
    return undefined
  }
  await makeDurable(path)
  return { size: stat.size }
}

async function* openBlob(place: Place, digest: Digest, range: ByteRange): AsyncGenerator<Uint8Array> {
  if ((await statBlob(place, digest)) === undefined) throw missing(digest)
  yield* readPieces(blobPath(place.root, digest), digest, range)
}

async function putBlob(place: Place, bytes: Uint8Array, algorithm: Algorithm): Promise<Digest> {
  const digest = digestOf(bytes, algorithm)
  if ((await statBlob(place, digest)) !== undefined) return digest
  const temporary = await place.temporary()
  writing(place.root, `blob ${digest}`, () => writeFileSync(temporary, bytes, { flag: 'wx' }))
  adoptBlob(place, temporary, { digest, size: bytes.length })
  return digest
}

function adoptBlob(place: Place, temporary: string, want: { digest: Digest; size: number }): void {
  writing(place.root, `blob ${want.digest}`, () => {
    const { size } = statSync(temporary)
    if (size !== want.size) throw mismatch(want, size)
    const path = blobPath(place.root, want.digest)
    const present = statIfThere(path)
    if (present !== undefined && trustOf(present, place.bootMark) !== 'old') return rmSync(temporary)
    markFresh(temporary, place.bootMark)
    renameInto(temporary, path)
  })
}

async function ingestBlob(place: Place, want: Descriptor, options: Pick<KeyLockOptions, 'signal' | 'onWait'>): Promise<Ingest> {
  if ((await statBlob(place, want.digest))?.size === want.size) return ingestDone(want.size)
  const lock = await place.lock(`blob-${fileNameOf(want.digest)}`, options)
  if (lock === undefined) throw new Error('a lock that waits is always got')
  const present = await statBlob(place, want.digest)
  if (present === undefined) return openIngest(place, want, lock)
  await lock.release()
  if (present.size !== want.size) throw mismatch(want, present.size) // the descriptor is wrong: these bytes have that digest
  return ingestDone(want.size)
}

async function* listBlobs(root: string): AsyncGenerator<Digest> {
  for (const algorithm of readdirSync(`${root}/blobs`)) {
    for (const hex of readdirSync(`${root}/blobs/${algorithm}`)) {
      const digest = `${algorithm}:${hex}`
      if (isDigest(digest)) yield digest
    }
  }
}

async function syncBlobs(place: Place, digests: Iterable<Digest>): Promise<void> {
  const folders = new Set<string>()
  const paths: string[] = []
  for (const digest of new Set(digests)) {
    if ((await statBlob(place, digest)) === undefined) continue // an old one is checked before it is called durable
    const path = blobPath(place.root, digest)
    if (trustOf(statSync(path), place.bootMark) === 'durable') continue
    folders.add(`${place.root}/blobs/${algorithmOf(digest)}`)
    paths.push(path)
  }
  await inParallel(paths, SYNCS_AT_ONCE, makeDurable)
  for (const folder of folders) await syncFolder(folder)
}
