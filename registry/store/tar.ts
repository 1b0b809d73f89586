import { once } from 'node:events'
import { Header, Parser, Pax, type ReadEntry } from 'tar'
import { TsbuildError } from '../oci/error.ts'

/** The one door to the package `tar`: it reads and writes headers here, and never touches a file. Layers go through the native core. */

const BLOCK = 512
const MAX_ENTRIES = 100_000
/** More than this much growth by compression is an attack, once past a size that hurts nobody. */
const MAX_RATIO = 1000
const RATIO_FREE_BYTES = 1 << 30

/** A regular file to write into a tar; exactly `size` bytes of content. */
export interface TarFile {
  readonly path: string
  readonly size: number
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** A tar of these files with fixed metadata (0644, time 0), so that equal content gives equal bytes. */
export async function* tarOfFiles(files: Iterable<TarFile> | AsyncIterable<TarFile>): AsyncGenerator<Uint8Array> {
  for await (const { path, size, content } of files) {
    yield headerOf(path, size)
    let written = 0
    for await (const chunk of content) {
      written += chunk.length
      yield chunk
    }
    if (written !== size) throw new Error(`${path}: ${written} of ${size} bytes`)
    if (size % BLOCK > 0) yield Buffer.alloc(BLOCK - (size % BLOCK))
  }
  yield Buffer.alloc(2 * BLOCK)
}

function headerOf(path: string, size: number): Uint8Array {
  const fields = { path, size, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0) }
  const header = new Header({ ...fields, type: 'File' })
  const block = Buffer.alloc(BLOCK)
  if (!header.encode(block)) return block
  return Buffer.concat([new Pax({ path, size }).encode(), block]) // a path or size that the header has no room for
}

/** One entry of a tar that somebody else made. Its path is only a name: `.` and `..` are not resolved, nothing is written anywhere. */
export interface TarEntry {
  readonly path: string
  readonly kind: 'file' | 'link' | 'other'
  readonly size: number
  /** Target of a symbolic or hard link, else ''. */
  readonly link: string
  /** To be read to its end, or not at all. */
  readonly content: AsyncIterable<Uint8Array>
}

/**
 * Calls `take` with each entry, one after the other, in bounded memory; gzip is seen through. Throws ARCHIVE_INVALID for what is no tar, ends early,
 * grows beyond reason or has too many entries.
 */
export async function readTar(source: AsyncIterable<Uint8Array>, take: (entry: TarEntry) => Promise<void>): Promise<void> {
  let failure: { error: unknown } | undefined
  let taken: Promise<void> = Promise.resolve()
  let [count, bytesIn, bytesOut] = [0, 0, 0]
  const fail = (error: unknown) => {
    failure ??= { error }
    parser.emit('failed')
  }
  const parser = new Parser({ strict: true, onReadEntry })
  parser.on('error', (cause: unknown) => fail(invalid(cause instanceof Error ? cause.message : String(cause), cause)))

  function onReadEntry(entry: ReadEntry): void {
    count++
    bytesOut += entry.size
    if (count > MAX_ENTRIES) fail(invalid(`more than ${MAX_ENTRIES} entries`))
    if (bytesOut > RATIO_FREE_BYTES + bytesIn * MAX_RATIO) fail(invalid(`${bytesIn} bytes grow to more than ${bytesOut}`))
    taken = taken.then(async () => {
      if (failure === undefined) await take(tarEntryOf(entry))
      entry.resume()
    })
    taken.catch(fail)
  }

  for await (const chunk of source) {
    bytesIn += chunk.length
    if (!parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)) && failure === undefined)
      await eitherOf(parser, ['drain', 'failed'])
    if (failure !== undefined) throw failure.error
  }
  const ended = eitherOf(parser, ['end', 'failed'])
  parser.end()
  await ended
  if (failure === undefined) await taken
  if (failure !== undefined) throw (failure as { error: unknown }).error
}

async function eitherOf(parser: Parser, events: readonly string[]): Promise<void> {
  const stop = new AbortController()
  try {
    await Promise.race(events.map((event) => once(parser, event, { signal: stop.signal }).catch(ignoreAbort)))
  } finally {
    stop.abort()
  }
}

/** The waits that did not win the race are called off; an `error` event reaches its own listener. */
function ignoreAbort(): void {}

function tarEntryOf(entry: ReadEntry): TarEntry {
  const isFile = entry.type === 'File' || entry.type === 'OldFile' || entry.type === 'ContiguousFile'
  const isLink = entry.type === 'SymbolicLink' || entry.type === 'Link'
  return {
    path: entry.path,
    kind: isFile ? 'file' : isLink ? 'link' : 'other',
    size: entry.size,
    link: entry.linkpath ?? '',
    content: entry,
  }
}

export function invalid(why: string, cause?: unknown): TsbuildError {
  return new TsbuildError('ARCHIVE_INVALID', `not an image archive: ${why}`, { cause })
}
