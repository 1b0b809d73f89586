import { open, readFile, rm } from 'node:fs/promises'
import { isBadLayer } from '../../native/failure.ts'
import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import type { Codec } from '../../registry/oci/media-type.ts'
import { parseToc, type TocEntry } from '../../registry/store/toc.ts'
import type { BuildDeps } from '../deps.ts'
import { isTarHeader } from '../sources/archive-start.ts'

/** A local archive that ADD unpacks: its entries, and the file that holds their contents. */
export interface Archive {
  readonly path: Bytes
  readonly codec: Codec
  readonly entries: readonly TocEntry[]
}

const HEADER_BYTES = 512
const MAGIC: readonly (readonly [magic: string, format: Codec | 'bzip2' | 'xz'])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
]

/**
 * Reads a regular file as an archive, by content and never by name: undefined when what it holds does not begin with the header of a tar, so that ADD
 * copies it. Throws ARCHIVE_UNSUPPORTED for bzip2 and xz, ARCHIVE_INVALID for a tar that is damaged or leads out of its folder.
 */
export async function readArchive(path: string, deps: BuildDeps, signal: AbortSignal): Promise<Archive | undefined> {
  const start = await firstBytes(path)
  const format = MAGIC.find(([magic]) => start.toString('hex').startsWith(magic))?.[1] ?? 'none'
  if (format === 'bzip2' || format === 'xz') {
    const hint = 'compress it with gzip or zstd, or use COPY to keep it as it is'
    throw new TsbuildError('ARCHIVE_UNSUPPORTED', `ADD cannot unpack ${path}: ${format} is not supported yet`, { hint })
  }
  const header = format === 'none' ? start : await inflatedStart(path, format, deps, signal)
  if (header === undefined || !isTarHeader(header)) return undefined
  return { path: bytesOfText(path), codec: format, entries: await entriesOf(path, format, deps, signal) }
}

/** The first header behind a compression; undefined when there is less than one. */
async function inflatedStart(path: string, codec: Codec, { native }: BuildDeps, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await native.read({ blob: { path: bytesOfText(path), codec }, offset: 0, size: HEADER_BYTES }, signal))
  } catch (error) {
    if (isBadLayer(error)) return undefined
    throw error
  }
}

async function entriesOf(path: string, codec: Codec, deps: BuildDeps, signal: AbortSignal): Promise<readonly TocEntry[]> {
  const toc = await deps.store.temporary()
  try {
    await deps.native.index({ blob: { path: bytesOfText(path), codec }, toc: bytesOfText(toc) }, signal)
    return parseToc(await readFile(toc)).entries
  } catch (cause) {
    if (isBadLayer(cause)) throw new TsbuildError('ARCHIVE_INVALID', `ADD cannot unpack ${path}`, { cause })
    throw cause
  } finally {
    await rm(toc, { force: true })
  }
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
