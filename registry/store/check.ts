import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { bytesOfText } from '../../native/wire.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type DiffID, type Digest, digestFromBytes, hexOf, isDigest } from '../oci/digest.ts'
import { codecOf, isIndexType, isManifestType, isNondistributable } from '../oci/media-type.ts'
import { hashBlob } from './blobs.ts'
import { graphOf } from './graph.ts'
import { readImage } from './image.ts'
import { indexOfNames, refreshIndex } from './layout.ts'
import { markIndexStale, readIfThere, readNameFile, staleIndexPath } from './names.ts'
import { fileNameOf } from './place.ts'
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
  /** Whether these bytes are a step record; the store does not know their form. */
  readonly isRecord?: (bytes: Uint8Array) => boolean
  readonly signal?: AbortSignal
}

interface Check {
  readonly store: Store
  readonly options: CheckOptions
  /** Notes a finding; with `repair` does `mend` first. */
  note(code: Finding['code'], message: string, mend?: () => void | Promise<void>): Promise<void>
}

/** Proves the store sound: digests, names with all they lead to, tables of contents, records, index.json. An empty list is the proof. */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<Finding[]> {
  const findings: Finding[] = []
  const check: Check = {
    store,
    options,
    async note(code, message, mend) {
      const repaired = options.repair === true && mend !== undefined
      if (repaired) await mend()
      findings.push({ code, message, repaired })
    },
  }
  await checkBlobs(check)
  const layers = await checkNames(check)
  await checkTocs(check, layers)
  await checkRecords(check)
  await checkIndex(check)
  return findings
}

async function checkBlobs(check: Check): Promise<void> {
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

/** Gives the layers of all images that are whole, for the check of their tables of contents. */
async function checkNames(check: Check): Promise<Map<DiffID, LayerFile>> {
  const layers = new Map<DiffID, LayerFile>()
  for (const file of readdirSync(`${check.store.root}/names`)) {
    const path = `${check.store.root}/names/${file}`
    const named = readNameFile(path)
    if (named === undefined) await check.note('NAME_DAMAGED', `names/${file}: not readable`, () => rmSync(path))
    else await checkImage(check, named.name, named.descriptor, layers)
  }
  for (const diffID of check.store.layers.list()) {
    const descriptor = await check.store.layers.any(diffID)
    const codec = descriptor === undefined ? undefined : codecOf(descriptor.mediaType)
    if (descriptor !== undefined && codec !== undefined)
      layers.set(diffID, { diffID, path: check.store.blobs.path(descriptor.digest), codec })
  }
  return layers
}

async function checkImage(check: Check, name: string, root: Descriptor, layers: Map<DiffID, LayerFile>): Promise<void> {
  const { blobs } = check.store
  try {
    const { present, missing } = await graphOf(blobs, root)
    // An index may have platforms that were not pulled; a manifest must be whole.
    const bad = missing.find(
      (d) => d === root || !(isManifestType(d.mediaType) || isIndexType(d.mediaType) || isNondistributable(d.mediaType)),
    )
    if (bad !== undefined) await check.note('NAME_INCOMPLETE', `${name}: ${bad.digest} is not in the store`)
    for (const descriptor of present) {
      if (!isManifestType(descriptor.mediaType)) continue
      const image = await readImage(blobs, descriptor)
      for (const layer of image.layers) layers.set(layer.diffID, { ...layer, path: blobs.path(layer.descriptor.digest) })
    }
  } catch (error) {
    if (!isTsbuildError(error)) throw error
    if (error.code === 'IMAGE_UNSUPPORTED') return // an artifact has no layers to look into
    await check.note('NAME_INCOMPLETE', `${name}: ${error.message}`)
  }
}

/** A table of contents must be exactly what indexing the blob of its layer gives. */
async function checkTocs(check: Check, layers: ReadonlyMap<DiffID, LayerFile>): Promise<void> {
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

async function checkRecords(check: Check): Promise<void> {
  const { isRecord } = check.options
  if (isRecord === undefined) return
  const folder = `${check.store.root}/cache/steps`
  for (const prefix of readdirSync(folder)) {
    for (const name of readdirSync(`${folder}/${prefix}`)) {
      const path = `${folder}/${prefix}/${name}`
      if (!isRecord(readFileSync(path)))
        await check.note('RECORD_DAMAGED', `cache/steps/${prefix}/${name}: not readable`, () => rmSync(path))
    }
  }
}

async function checkIndex(check: Check): Promise<void> {
  const { store } = check
  if (existsSync(staleIndexPath(store.root))) return refreshIndex(store) // known to be behind: nobody was misled
  const want = indexOfNames(await store.names.list())
  if (readIfThere(`${store.root}/index.json`)?.equals(want)) return
  await check.note('INDEX_DAMAGED', 'index.json: does not say what the names say', () => {
    markIndexStale(store.root)
    return refreshIndex(store)
  })
}

function isTsbuildError(error: unknown): error is { code: string; message: string } {
  return error instanceof Error && error.name === 'TsbuildError'
}
