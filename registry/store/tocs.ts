import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync, type Stats, statSync } from 'node:fs'
import { isBadLayer } from '../../native/failure.ts'
import { bytesOfText } from '../../native/wire.ts'
import { asDiffID, type DiffID, digestFromBytes, isDigest } from '../oci/digest.ts'
import { hasCode, isErrno, TsbuildError } from '../oci/error.ts'
import type { Codec } from '../oci/media-type.ts'
import { makeDurable, markFresh, syncFolder, trustOf } from './durable.ts'
import { withKeyLock } from './lock.ts'
import { inParallel } from './parallel.ts'
import { fileNameOf, type Place, renameInto, writing } from './place.ts'
import { parseToc, TOC_HEADER_BYTES, type Toc, tocDiffID } from './toc.ts'

/** Tables of contents of layers, `toc/<diffID>`. A cache: each can be made again from its blob, so a doubtful one is a miss. */
export interface Tocs {
  has(diffID: DiffID): boolean
  read(diffID: DiffID): Toc | undefined
  /** A finished file of the native core becomes the table of contents of this layer. */
  adopt(temporary: string, diffID: DiffID): Promise<void>
  /** Makes the table of contents unless it is there. Throws BLOB_MISMATCH when the blob's tar is not `diffID`, LAYER_INVALID when it is no tar. */
  ensure(layer: LayerFile, signal?: AbortSignal): Promise<void>
  delete(diffID: DiffID): Promise<void>
  list(): DiffID[]
  /** On return those that are there survive a power cut. */
  sync(diffIDs: Iterable<DiffID>): Promise<void>
}

/** A layer as a file of bytes. */
export interface LayerFile {
  readonly diffID: DiffID
  readonly path: string
  readonly codec: Codec
}

export function openTocs(place: Place): Tocs {
  const folder = `${place.root}/toc`
  const path = (diffID: DiffID) => `${folder}/${fileNameOf(diffID)}`
  return {
    has: (diffID) => isUsable(place, statSync(path(diffID), { throwIfNoEntry: false })),
    read: (diffID) => readToc(place, path(diffID), diffID),
    adopt: async (temporary, diffID) => adoptToc(place, temporary, path(diffID)),
    ensure: (layer, signal) => ensureToc(place, layer, { path: path(layer.diffID), signal }),
    delete: async (diffID) => rmSync(path(diffID), { force: true }),
    list: () => readdirSync(folder).flatMap(diffIDOfFile),
    sync: (diffIDs) => syncTocs(folder, [...diffIDs].map(path)),
  }
}

/** Nothing in the file proves its content, so after a reboot one that was not synced is not believed. */
function isUsable(place: Place, stat: Stats | undefined): boolean {
  return stat !== undefined && trustOf(stat, place.bootMark) !== 'old'
}

function readToc(place: Place, path: string, diffID: DiffID): Toc | undefined {
  const bytes = readUsable(place, path)
  if (bytes === undefined) return undefined
  try {
    const toc = parseToc(bytes)
    return toc.diffID === diffID ? toc : undefined
  } catch (error) {
    if (hasCode(error, 'TOC_INVALID')) return undefined // of another release
    throw error
  }
}

function readUsable(place: Place, path: string, maxBytes?: number): Buffer | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    if (!isUsable(place, fstatSync(fd))) return undefined
    if (maxBytes === undefined) return readFileSync(fd)
    const start = Buffer.alloc(maxBytes)
    return start.subarray(0, readSync(fd, start))
  } finally {
    closeSync(fd)
  }
}

function adoptToc(place: Place, temporary: string, path: string): void {
  writing(place.root, path, () => {
    markFresh(temporary, place.bootMark)
    renameInto(temporary, path)
  })
}

async function ensureToc(place: Place, layer: LayerFile, options: { path: string; signal: AbortSignal | undefined }): Promise<void> {
  const { path, signal } = options
  if (isTocOf(place, path, layer.diffID)) return
  const lockOptions = signal === undefined ? {} : { signal }
  await withKeyLock(place, `toc-${fileNameOf(layer.diffID)}`, () => indexUnlessThere(place, layer, options), lockOptions)
}

async function indexUnlessThere(place: Place, layer: LayerFile, options: { path: string; signal: AbortSignal | undefined }): Promise<void> {
  if (isTocOf(place, options.path, layer.diffID)) return
  const toc = await place.temporary()
  const blob = { path: bytesOfText(layer.path), codec: layer.codec }
  const indexed = await place.native.index({ blob, toc: bytesOfText(toc) }, options.signal).catch((cause: unknown) => {
    throw isBadLayer(cause) ? new TsbuildError('LAYER_INVALID', `layer ${layer.diffID}: ${(cause as Error).message}`, { cause }) : cause
  })
  const diffID = digestFromBytes(indexed.diffID)
  if (diffID === layer.diffID) return adoptToc(place, toc, options.path)
  rmSync(toc)
  throw new TsbuildError('BLOB_MISMATCH', `layer ${layer.diffID}: its blob has the DiffID ${diffID}`)
}

/** By its header only: most tables are made, then never read. */
function isTocOf(place: Place, path: string, diffID: DiffID): boolean {
  return tocDiffID(readUsable(place, path, TOC_HEADER_BYTES)) === diffID
}

function diffIDOfFile(name: string): DiffID[] {
  const digest = name.replace('-', ':')
  return isDigest(digest) ? [asDiffID(digest)] : []
}

async function syncTocs(folder: string, paths: readonly string[]): Promise<void> {
  const unsynced = paths.filter((path) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat !== undefined && (stat.mode & 0o222) !== 0
  })
  if (unsynced.length === 0) return
  await inParallel(unsynced, 8, makeDurable)
  await syncFolder(folder)
}
