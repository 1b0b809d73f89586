import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Addon, openAddon } from '../../../native/addon.ts'
import { type FileTime, type FileType, typeOfCode, type Xattr } from '../../../native/requests/fields.ts'
import type { PackEntry, PackRequest } from '../../../native/requests/layers.ts'
import { type Bytes, Reader } from '../../../native/wire.ts'
import type { Codec } from '../../../registry/oci/media-type.ts'

/** What `npm run native` built. */
export const BUILT = resolve('native/build/Release')
export const run = promisify(execFile)

export function theAddon(): Addon {
  return openAddon(join(BUILT, 'tsbuild_addon.node'))
}

/** A folder of its own for each test, removed afterwards. */
export function useFolder(): { readonly path: string; at(name: string): string } {
  let path = ''
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'tsbuild-test-'))
  })
  afterEach(async () => {
    await rm(path, { recursive: true, force: true })
  })
  return {
    get path() {
      return path
    },
    at: (name) => join(path, name),
  }
}

/** A pack entry with ordinary fields where none are given. */
export function entryOf(entry: Partial<PackEntry> & { readonly path: Bytes }): PackEntry {
  const bytes = entry.source?.kind === 'inline' ? entry.source.bytes.length : 0
  return {
    type: 'file',
    mode: entry.type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtime: { seconds: 1_700_000_000, nanoseconds: 0 },
    link: '',
    rdevMajor: 0,
    rdevMinor: 0,
    xattrs: [],
    size: bytes,
    source: { kind: 'none' },
    ...entry,
  }
}

export const inline = (text: string | Uint8Array) => ({ kind: 'inline', bytes: Buffer.from(text) }) as const

export function packRequest(output: string, entries: readonly PackEntry[], rest: Partial<PackRequest> = {}): PackRequest {
  return { output, toc: '', codec: 'none', level: 0, threads: 1, roots: [], blobs: [], entries, ...rest }
}

export interface TocItem {
  readonly path: Bytes
  readonly type: FileType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: FileTime
  readonly link: Bytes
  readonly rdev: readonly [number, number]
  readonly offset: number
  readonly sha256: string
  readonly xattrs: readonly Xattr[]
}

export async function readToc(path: string): Promise<{ tarSize: number; diffID: string; items: TocItem[] }> {
  const r = new Reader(await readFile(path))
  const magic = Buffer.from(r.raw(8)).toString('latin1')
  if (magic !== '\x01TSBTOC\n') throw new Error(`magic ${JSON.stringify(magic)}`)
  const tarSize = r.u64()
  const diffID = Buffer.from(r.raw(32)).toString('hex')
  const items: TocItem[] = []
  for (let left = r.u64(); left > 0; left--) items.push(readItem(r))
  if (!r.atEnd) throw new Error('bytes after the last entry')
  return { tarSize, diffID, items }
}

function readItem(r: Reader): TocItem {
  return {
    path: r.bytes(),
    type: typeOfCode(r.u8()),
    mode: r.u32(),
    uid: r.u32(),
    gid: r.u32(),
    size: r.u64(),
    mtime: { seconds: r.i64(), nanoseconds: r.u32() },
    link: r.bytes(),
    rdev: [r.u32(), r.u32()],
    offset: r.u64(),
    sha256: r.u8() === 1 ? Buffer.from(r.raw(32)).toString('hex') : '',
    xattrs: r.list((x) => ({ name: x.bytes(), value: x.bytes() })),
  }
}

export interface OwnerItem {
  readonly path: Bytes
  readonly type: FileType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly rdev: readonly [number, number]
  readonly xattrs: readonly Xattr[]
}

export async function readOwners(path: string): Promise<OwnerItem[]> {
  const r = new Reader(await readFile(path))
  if (r.u8() !== 1) throw new Error('format')
  return r.list(() => ({
    path: r.bytes(),
    type: typeOfCode(r.u8()),
    mode: r.u32(),
    uid: r.u32(),
    gid: r.u32(),
    rdev: [r.u32(), r.u32()] as const,
    xattrs: r.list((x) => ({ name: x.bytes(), value: x.bytes() })),
  }))
}

export type Applied =
  | { readonly kind: 'done'; readonly diffID: string; readonly tarSize: number; readonly droppedXattrs: number }
  | { readonly kind: 'failed'; readonly errno: number; readonly call: string; readonly path: string }

/** Runs apply_layer on `root` with the test program. */
export async function apply(
  root: string,
  blob: string,
  options: { codec?: Codec; toc?: string; owners?: string; words?: string[] } = {},
): Promise<Applied> {
  const words = [root, blob, options.codec ?? 'none', options.toc ?? '', options.owners ?? '', ...(options.words ?? [])]
  const command = join(BUILT, 'tsbuild-apply')
  const { stdout, failed } = await run(command, words, { encoding: 'latin1' }).then(
    ({ stdout }) => ({ stdout, failed: false }),
    (error: { stdout: string; code: unknown }) => {
      if (error.code !== 1) throw error
      return { stdout: error.stdout, failed: true }
    },
  )
  const [first = '', second = '', third = ''] = stdout.split('\n')
  if (failed) return { kind: 'failed', errno: Number(first), call: second, path: third }
  return { kind: 'done', diffID: first, tarSize: Number(second), droppedXattrs: Number(third) }
}
