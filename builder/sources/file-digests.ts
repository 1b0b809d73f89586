import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NativeOps } from '../../native/ops.ts'
import type { FileTime } from '../../native/requests/fields.ts'
import { type Bytes, Reader, Writer } from '../../native/wire.ts'
import { digestOf, hexOf } from '../../registry/oci/digest.ts'
import { isErrno } from '../../registry/oci/error.ts'
import { markUsed } from '../../registry/store/last-use.ts'

/** What tells one state of a file from another, without reading it. */
export interface FileStat {
  readonly size: number
  readonly inode: number
  readonly mtime: FileTime
  readonly ctime: FileTime
}

interface Known extends FileStat {
  readonly digest: Uint8Array
}

const FORMAT = 1
/** A file changed this recently may change again within one tick of its file system's clock, so its digest is not kept. Milliseconds. */
const SETTLED_MS = 2000

/**
 * Content digests of the files of a directory, by stat signature (size, inode, mtime, ctime), kept in `cache/files/<digest of the directory's path>`:
 * an unchanged file is read once. ctime cannot be set back by a program, so a rewrite that restores size and mtime is seen.
 */
export class FileDigests {
  readonly #folder: string
  readonly #native: NativeOps
  readonly #now: () => number
  readonly #tables = new Map<Bytes, Promise<Map<Bytes, Known>>>()
  readonly #changed = new Set<Bytes>()

  constructor(storeRoot: string, native: NativeOps, now: () => number) {
    this.#folder = join(storeRoot, 'cache', 'files')
    this.#native = native
    this.#now = now
  }

  /** sha256 of each file below `root`, in the order asked; reads only what is not known. */
  async of(
    root: Bytes,
    files: readonly { readonly path: Bytes; readonly stat: FileStat }[],
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    const table = await this.#table(root)
    const settled = this.#now() - SETTLED_MS
    const unknown = files.filter((file) => !isSame(table.get(file.path), file.stat))
    if (unknown.length > 0) {
      const hashed = await this.#native.hash({ root, paths: unknown.map((file) => file.path) }, signal)
      for (const [index, file] of unknown.entries()) {
        const known = hashed[index]
        if (known === undefined) throw new Error('hash answered fewer files than asked')
        table.set(file.path, known)
        if (milliseconds(known.ctime) < settled) this.#changed.add(root)
      }
    }
    return files.map((file) => (table.get(file.path) as Known).digest)
  }

  /** Writes what was learned, for the next build; what was known already counts as used. */
  async save(): Promise<void> {
    const settled = this.#now() - SETTLED_MS
    for (const root of this.#changed) {
      const table = await this.#table(root)
      const path = this.#path(root)
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      const temporary = `${path}.${process.pid}.tmp`
      await writeFile(temporary, encode([...table].filter(([, known]) => milliseconds(known.ctime) < settled)), { mode: 0o600 })
      await rename(temporary, path)
    }
    for (const root of this.#tables.keys()) if (!this.#changed.has(root)) markUsed(this.#path(root), this.#now())
    this.#changed.clear()
  }

  #table(root: Bytes): Promise<Map<Bytes, Known>> {
    const loading = this.#tables.get(root) ?? load(this.#path(root))
    this.#tables.set(root, loading)
    return loading
  }

  #path(root: Bytes): string {
    return join(this.#folder, hexOf(digestOf(Buffer.from(root, 'latin1'))))
  }
}

/** What is missing, cut short or in another format is as good as empty: the files are read again. */
async function load(path: string): Promise<Map<Bytes, Known>> {
  try {
    return decode(await readFile(path))
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof RangeError) return new Map()
    throw error
  }
}

function isSame(known: Known | undefined, stat: FileStat): boolean {
  return (
    known !== undefined &&
    known.size === stat.size &&
    known.inode === stat.inode &&
    isSameTime(known.mtime, stat.mtime) &&
    isSameTime(known.ctime, stat.ctime)
  )
}

function isSameTime(a: FileTime, b: FileTime): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds
}

function milliseconds(time: FileTime): number {
  return time.seconds * 1000 + time.nanoseconds / 1e6
}

function encode(entries: readonly (readonly [Bytes, Known])[]): Uint8Array {
  const w = new Writer().u8(FORMAT)
  const time = (t: FileTime) => w.i64(t.seconds).u32(t.nanoseconds)
  w.list(entries, ([path, known]) => {
    w.bytes(path).u64(known.size).u64(known.inode).raw(known.digest)
    time(known.mtime)
    time(known.ctime)
  })
  return w.take()
}

function decode(bytes: Uint8Array): Map<Bytes, Known> {
  const table = new Map<Bytes, Known>()
  const r = new Reader(bytes)
  if (r.u8() !== FORMAT) return table
  const time = (): FileTime => ({ seconds: r.i64(), nanoseconds: r.u32() })
  for (let left = r.u32(); left > 0; left--) {
    table.set(r.bytes(), { size: r.u64(), inode: r.u64(), digest: r.raw(32), mtime: time(), ctime: time() })
  }
  return table
}
