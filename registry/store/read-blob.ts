import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { bytesOfText } from '../../native/wire.ts'
import { algorithmOf, type Digest, digestFromBytes, digestOf, hexOf, newHash } from '../oci/digest.ts'
import { isErrno, TsbuildError } from '../oci/error.ts'
import { blobPath, type Place } from './place.ts'
import { mismatch } from './verified.ts'

const CHUNK_BYTES = 1 << 20

/** Which part of a blob: from `start` (default 0) up to, not including, `end` (default its size). */
export interface ByteRange {
  readonly start?: number | undefined
  readonly end?: number | undefined
}

/** The whole file at `path`, which must be `digest`. Throws BLOB_MISSING, BLOB_TOO_LARGE, BLOB_MISMATCH. */
export function readBlob(path: string, digest: Digest, maxBytes: number): Uint8Array {
  const fd = openOrMissing(path, digest)
  try {
    const { size } = fstatSync(fd)
    if (size > maxBytes) throw new TsbuildError('BLOB_TOO_LARGE', `${digest}: ${size} bytes, at most ${maxBytes} are read`)
    const bytes = Buffer.allocUnsafe(size)
    let done = 0
    while (done < size) {
      const count = readSync(fd, bytes, done, size - done, done)
      if (count === 0) break
      done += count
    }
    if (digestOf(bytes.subarray(0, done), algorithmOf(digest)) !== digest) throw mismatch({ digest, size }, done)
    return bytes
  } finally {
    closeSync(fd)
  }
}

/** A part of the file at `path` in pieces. Throws BLOB_MISSING. */
export async function* readPieces(path: string, digest: Digest, range: ByteRange): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw isErrno(error, 'ENOENT') ? missing(digest) : error
  })
  try {
    let position = range.start ?? 0
    const end = range.end ?? Number.POSITIVE_INFINITY
    while (position < end) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position)) // new each time: the reader may keep it
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** The digest that the bytes at the place of `digest` really have. */
export async function hashBlob(place: Pick<Place, 'root' | 'native'>, digest: Digest): Promise<Digest> {
  const path = blobPath(place.root, digest)
  if (algorithmOf(digest) === 'sha256') {
    const [hashed] = await place.native.hash({ root: bytesOfText(`${place.root}/blobs/sha256`), paths: [hexOf(digest)] })
    return hashed === undefined ? digest : digestFromBytes(hashed.digest)
  }
  const hash = newHash(algorithmOf(digest))
  for await (const chunk of readPieces(path, digest, {})) hash.update(chunk)
  return hash.digest()
}

function openOrMissing(path: string, digest: Digest): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw isErrno(error, 'ENOENT') ? missing(digest) : error
  }
}

export function missing(digest: Digest): TsbuildError {
  return new TsbuildError('BLOB_MISSING', `${digest}: not in the store`)
}
