import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NativeOps } from '../../native/ops.ts'
import { codeOfType, type FileType, typeOfCode, type Xattr } from '../../native/requests/fields.ts'
import type { PackEntry } from '../../native/requests/layers.ts'
import { type Bytes, Reader } from '../../native/wire.ts'
import { asDiffID, digestFromBytes } from '../../registry/oci/digest.ts'
import type { LayerBlob } from '../../snapshotter/snapshotter.ts'

const BUSYBOX = '/bin/busybox'

/** An entry by what is odd about it; the rest is a plain file or directory of root, of 2001. */
export interface TestEntry {
  readonly path: Bytes
  readonly type?: FileType
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly content?: string | Uint8Array
  readonly link?: Bytes
  readonly rdev?: readonly [number, number]
  readonly xattrs?: Readonly<Record<string, string>>
  readonly nanoseconds?: number
}

export const SECONDS = 1_000_000_000

function packEntry(entry: TestEntry): PackEntry {
  const type = entry.type ?? 'file'
  const bytes = Buffer.from(entry.content ?? '')
  const isFile = type === 'file'
  return {
    path: entry.path,
    type,
    mode: entry.mode ?? (type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644),
    uid: entry.uid ?? 0,
    gid: entry.gid ?? entry.uid ?? 0,
    mtime: { seconds: SECONDS, nanoseconds: entry.nanoseconds ?? 0 },
    link: entry.link ?? '',
    rdevMajor: entry.rdev?.[0] ?? 0,
    rdevMinor: entry.rdev?.[1] ?? 0,
    xattrs: Object.entries(entry.xattrs ?? {}).map(([name, value]): Xattr => ({ name, value })),
    size: isFile ? bytes.length : 0,
    source: isFile ? { kind: 'inline', bytes } : { kind: 'none' },
  }
}

/** Makes layers in a folder, by the pack that tsbuild uses. */
export class LayerMaker {
  readonly #folder: string
  readonly #ops: NativeOps
  #count = 0

  constructor(folder: string, ops: NativeOps) {
    this.#folder = folder
    this.#ops = ops
  }

  async layer(...entries: readonly TestEntry[]): Promise<LayerBlob> {
    const path = join(this.#folder, `layer-${this.#count++}`)
    const packed = await this.#ops.pack({
      output: path,
      toc: '',
      codec: 'gzip',
      level: 0,
      threads: 1,
      roots: [],
      blobs: [],
      entries: entries.map(packEntry),
    })
    return { diffID: asDiffID(digestFromBytes(packed.diffID)), path, codec: 'gzip' }
  }

  /** A shell and the usual commands, from Debian's busybox-static. */
  async shell(): Promise<LayerBlob> {
    const applets = [
      'sh',
      'rm',
      'mkdir',
      'chmod',
      'chown',
      'ln',
      'touch',
      'cp',
      'mv',
      'mkfifo',
      'true',
      'cat',
      'find',
      'stat',
      'sort',
      'md5sum',
    ]
    return this.layer(
      { path: 'bin', type: 'directory' },
      { path: 'bin/busybox', mode: 0o755, content: await readFile(BUSYBOX) },
      ...applets.map((name): TestEntry => ({ path: `bin/${name}`, type: 'symlink', link: 'busybox' })),
      { path: 'etc', type: 'directory' },
      { path: 'tmp', type: 'directory', mode: 0o1777 },
    )
  }

  file(name: string): string {
    return join(this.#folder, name)
  }
}

export interface TocEntry {
  readonly path: Bytes
  readonly type: FileType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly nanoseconds: number
  readonly link: Bytes
  readonly rdev: readonly [number, number]
  readonly xattrs: Readonly<Record<string, Bytes>>
}

/** The entries of a table of contents, in the order of the layer. */
export async function readToc(path: string): Promise<TocEntry[]> {
  const r = new Reader(await readFile(path))
  r.raw(8 + 8 + 32)
  const entries: TocEntry[] = []
  for (let left = r.u64(); left > 0; left--) entries.push(readEntry(r))
  return entries
}

function readEntry(r: Reader): TocEntry {
  const head = { path: r.bytes(), type: typeOfCode(r.u8()), mode: r.u32(), uid: r.u32(), gid: r.u32(), size: r.u64() }
  r.i64()
  const nanoseconds = r.u32()
  const link = r.bytes()
  const rdev = [r.u32(), r.u32()] as const
  r.u64()
  if (r.u8() === 1) r.raw(32)
  return { ...head, nanoseconds, link, rdev, xattrs: Object.fromEntries(r.list((x) => [x.bytes(), x.bytes()] as const)) }
}

const LETTERS = ['-', 'h', 'l', 'c', 'b', 'd', 'p', 's']

/** One line an entry, to be read beside what is expected: "-644 0:0 path", "h path -> first". */
export function lineOf(entry: TocEntry): string {
  const letter = LETTERS[codeOfType(entry.type)]
  if (entry.type === 'symlink' || entry.type === 'hardlink') return `${letter} ${entry.path} -> ${entry.link}`
  const device = entry.type === 'char' || entry.type === 'block' ? ` ${entry.rdev.join(',')}` : ''
  return `${letter}${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${entry.path}${device}`
}
