import { readFile, rm } from 'node:fs/promises'
import { isBadLayer, nativeCauseOf } from '../../native/failure.ts'
import type { ReadCodec } from '../../native/requests/fields.ts'
import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { parseToc, type TocEntry } from '../../registry/store/toc.ts'
import type { BuildDeps } from '../deps.ts'
import { codecOfStart, firstBytes, isTarHeader, START_BYTES } from '../sources/archive-start.ts'

/** A local archive that ADD unpacks: its entries, and the file that holds their contents. */
export interface Archive {
  readonly path: Bytes
  /** How messages call it. */
  readonly name: string
  readonly codec: ReadCodec
  readonly entries: readonly TocEntry[]
}

/** A file that may be one. */
export interface ArchiveFile {
  /** Absolute. */
  readonly path: string
  readonly name: string
}

/**
 * Reads a regular file as an archive, by content and never by name: undefined when what it holds does not begin with the header of a tar, so that ADD
 * copies it. Throws ARCHIVE_INVALID for a tar that is damaged, a bomb, or leads out of its folder.
 */
export async function readArchive(file: ArchiveFile, deps: BuildDeps, signal: AbortSignal): Promise<Archive | undefined> {
  const start = await firstBytes(file.path)
  const codec = codecOfStart(start)
  const header = codec === 'none' ? start : await inflatedStart(file, codec, deps, signal)
  if (header === undefined || !isTarHeader(header)) return undefined
  return { path: bytesOfText(file.path), name: file.name, codec, entries: await entriesOf(file, codec, deps, signal) }
}

/** The first header behind a compression; undefined when there is less than one. */
async function inflatedStart(file: ArchiveFile, codec: ReadCodec, { native }: BuildDeps, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await native.read({ blob: { path: bytesOfText(file.path), codec }, offset: 0, size: START_BYTES }, signal))
  } catch (error) {
    if (nativeCauseOf(error)?.code === 'EFBIG') throw invalidArchive(file, error)
    if (isBadLayer(error)) return undefined
    throw error
  }
}

async function entriesOf(file: ArchiveFile, codec: ReadCodec, deps: BuildDeps, signal: AbortSignal): Promise<readonly TocEntry[]> {
  const toc = await deps.store.temporary()
  try {
    await deps.native.index({ blob: { path: bytesOfText(file.path), codec }, toc: bytesOfText(toc) }, signal)
    return parseToc(await readFile(toc)).entries
  } catch (cause) {
    throw isBadLayer(cause) ? invalidArchive(file, cause) : cause
  } finally {
    await rm(toc, { force: true })
  }
}

/** ARCHIVE_INVALID; `why` is words, or the failure to read it. */
export function invalidArchive({ name }: Pick<Archive, 'name'>, why: unknown): TsbuildError {
  const reason = typeof why === 'string' ? why : (nativeCauseOf(why)?.syscall ?? String(why))
  return new TsbuildError('ARCHIVE_INVALID', `ADD cannot unpack ${name}: ${reason}`, {
    hint: 'COPY, or ADD --unpack=false, takes the file as it is',
  })
}
