import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { bytesOfText } from '../../native/wire.ts'
import { algorithmOf, type DiffID, type Digest, digestFromBytes, hexOf, isDigest } from '../oci/digest.ts'
import { fileNameOf } from './place.ts'
import { hashBlob } from './read-blob.ts'
import type { Store } from './store.ts'
import type { LayerFile } from './tocs.ts'

const HASHED_AT_ONCE = 64

/** Something in the store that is not as it must be. */
export interface Finding {
  readonly code: 'BLOB_DAMAGED' | 'BLOB_FOREIGN' | 'NAME_DAMAGED' | 'NAME_INCOMPLETE' | 'TOC_DAMAGED' | 'RECORD_DAMAGED' | 'INDEX_DAMAGED'
  /** One line, with the digest, name or path. */
  readonly message: string
  readonly repaired: boolean
}

export interface CheckOptions {
  /** Removes what is damaged (all of it can be made or fetched again) and writes index.json anew. Names stay. */
  readonly repair?: boolean
  /** Folders below `cache/` whose files are looked at by `isRecord`. */
  readonly recordFolders?: readonly string[]
  /** Whether these bytes are what a file of that folder and name must hold; the store does not know their form. */
  readonly isRecord?: (folder: string, name: string, bytes: Buffer) => boolean
  readonly signal?: AbortSignal
}

/** A check under way. */
export interface Check {
  readonly store: Store
  readonly options: CheckOptions
  /** Notes a finding; with `repair` does `mend` first. */
  note(code: Finding['code'], message: string, mend?: () => void | Promise<void>): Promise<void>
}

/** Every blob has its digest. */
export async function checkBlobs(check: Check): Promise<void> {
  const { root } = check.store
  for (const algorithm of readdirSync(`${root}/blobs`)) {
    const names = readdirSync(`${root}/blobs/${algorithm}`)
    for (let i = 0; i < names.length; i += HASHED_AT_ONCE) {
      check.options.signal?.throwIfAborted()
      await checkSomeBlobs(check, algorithm, names.slice(i, i + HASHED_AT_ONCE))
    }
  }
}

async function checkSomeBlobs(check: Check, algorithm: string, names: readonly string[]): Promise<void> {
  const digests: Digest[] = []
  for (const name of names) {
    const digest = `${algorithm}:${name}`
    if (isDigest(digest)) digests.push(digest)
    else await check.note('BLOB_FOREIGN', `blobs/${algorithm}/${name}: not the name of a blob`)
  }
  const hashed = await hashBlobs(check, digests)
  for (const [i, digest] of digests.entries()) {
    if (hashed[i] === digest) continue
    await check.note('BLOB_DAMAGED', `${digest}: its bytes have the digest ${hashed[i]}`, () => check.store.blobs.delete(digest))
  }
}

async function hashBlobs({ store, options }: Check, digests: readonly Digest[]): Promise<Digest[]> {
  if (digests.every((digest) => algorithmOf(digest) === 'sha256')) {
    const hashed = await store.native.hash({ root: bytesOfText(`${store.root}/blobs/sha256`), paths: digests.map(hexOf) }, options.signal)
    return hashed.map(({ digest }) => digestFromBytes(digest))
  }
  return Promise.all(digests.map((digest) => hashBlob(store, digest)))
}

/** A table of contents must be exactly what indexing the blob of its layer gives. */
export async function checkTocs(check: Check, layers: ReadonlyMap<DiffID, LayerFile>): Promise<void> {
  const { store } = check
  for (const diffID of store.tocs.list()) {
    const path = `${store.root}/toc/${fileNameOf(diffID)}`
    const layer = layers.get(diffID)
    if (!store.tocs.has(diffID)) continue // from before a reboot: made again when it is needed
    const isSound =
      store.tocs.read(diffID) !== undefined && (layer === undefined || !existsSync(layer.path) || (await isTocOf(check, path, layer)))
    if (!isSound) await check.note('TOC_DAMAGED', `toc/${fileNameOf(diffID)}: not that of its layer`, () => store.tocs.delete(diffID))
  }
}

async function isTocOf({ store, options }: Check, path: string, layer: LayerFile): Promise<boolean> {
  const fresh = await store.temporary()
  try {
    const request = { blob: { path: bytesOfText(layer.path), codec: layer.codec }, toc: bytesOfText(fresh) }
    const { diffID } = await store.native.index(request, options.signal)
    if (digestFromBytes(diffID) !== layer.diffID) return true // a config that says so about this blob is wrong, not the table
    return readFileSync(fresh).equals(readFileSync(path))
  } catch (error) {
    if (isTsbuildError(error)) return false
    throw error
  } finally {
    rmSync(fresh, { force: true })
  }
}

export function isTsbuildError(error: unknown): error is { code: string; message: string } {
  return error instanceof Error && error.name === 'TsbuildError'
}
