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

/**
 * A tar of these files with fixed metadata (0644, time 0), so that equal content gives equal bytes. Folders have entries of their own: without them
 * containers/image makes them itself, and gives them to root, which an ordinary user may not.
 */
export async function* tarOfFiles(files: Iterable<TarFile> | AsyncIterable<TarFile>): AsyncGenerator<Uint8Array> {
  const folders = new Set<string>()
  for await (const { path, size, content } of files) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash + 1)
      if (!folders.has(folder)) yield headerOf(folder, 0)
      folders.add(folder)
    }
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
  const isFolder = path.endsWith('/')
  const fields = { path, size, mode: isFolder ? 0o755 : 0o644, uid: 0, gid: 0, mtime: new Date(0) }
  const header = new Header({ ...fields, type: isFolder ? 'Directory' : 'File' })
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
  const reading = new Reading(take)
  try {
    for await (const chunk of source) await reading.feed(chunk)
    await reading.finish()
  } catch (error) {
    await reading.abandon(error)
    throw error
  }
}

class Reading {
  readonly #parser: Parser
  readonly #take: (entry: TarEntry) => Promise<void>
  #failure: { readonly error: unknown } | undefined
  #current: ReadEntry | undefined
  #taken: Promise<void> = Promise.resolve()
  #count = 0
  #bytesIn = 0
  #bytesOut = 0

  constructor(take: (entry: TarEntry) => Promise<void>) {
    this.#take = take
    this.#parser = new Parser({ strict: true, onReadEntry: (entry) => this.#onEntry(entry) })
    this.#parser.on('error', (cause: unknown) => this.#fail(invalid(cause instanceof Error ? cause.message : String(cause), cause)))
  }

  async feed(chunk: Uint8Array): Promise<void> {
    this.#bytesIn += chunk.length
    const isRoomLeft = this.#parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
    if (!isRoomLeft && this.#failure === undefined) await eitherOf(this.#parser, ['drain', 'failed'])
    this.#throwFailure()
  }

  async finish(): Promise<void> {
    const ended = eitherOf(this.#parser, ['end', 'failed'])
    this.#parser.end()
    await ended
    this.#throwFailure()
    await this.#taken
  }

  /** Whoever is reading an entry gets the error, and is waited for. */
  async abandon(error: unknown): Promise<void> {
    this.#failure ??= { error }
    this.#current?.destroy(error)
    await this.#taken.catch(() => {}) // it is the same error, or came of it
  }

  #onEntry(entry: ReadEntry): void {
    entry.on('error', () => {}) // abandoned after it was read: nobody listens any more
    this.#count++
    this.#bytesOut += entry.size
    if (this.#count > MAX_ENTRIES) this.#fail(invalid(`more than ${MAX_ENTRIES} entries`))
    if (this.#bytesOut > RATIO_FREE_BYTES + this.#bytesIn * MAX_RATIO)
      this.#fail(invalid(`${this.#bytesIn} bytes grow to ${this.#bytesOut}`))
    this.#taken = this.#taken.then(async () => {
      if (this.#failure !== undefined) return
      this.#current = entry
      await this.#take(tarEntryOf(entry))
      entry.resume()
    })
    this.#taken.catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#parser.emit('failed')
  }
  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
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
