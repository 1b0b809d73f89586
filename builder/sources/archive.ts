import { open, rm } from 'node:fs/promises'
import type { NativeOps } from '../../native/ops.ts'
import { type BlobSource, MAX_READ_BYTES, type PackSource } from '../../native/requests/layers.ts'
import { type Bytes, bytesOfText, textOfBytes } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { resolvePath } from '../../registry/store/resolve-path.ts'
import type { TocEntry } from '../../registry/store/toc.ts'
import { ArchiveIndex, type ArchiveNode, type MountedArchive } from './archive-index.ts'
import { looksLikeArchive, START_BYTES } from './archive-start.ts'
import { nearestPath } from './nearest.ts'
import type { SourceEntry, SourceTree } from './tree.ts'

export interface ArchiveTreeOptions {
  readonly label: string
  readonly native: Pick<NativeOps, 'read'>
  /** A path for a new file that is gone when the command ends. */
  readonly temporary: () => Promise<string>
  /** The directory of the archives that is the root of the tree; '' is all. Links on the way are followed inside the archives. */
  readonly root?: string | undefined
  /** Seconds since the epoch: the time of every entry, instead of its own. */
  readonly mtime?: number | undefined
  /** When it was made, as its server says it. */
  readonly made?: number | undefined
}

/** The files of one or more tars, read from where they lie: nothing is extracted. Owners are kept, as BuildKit does for contexts that are no folder. */
export class ArchiveTree implements SourceTree {
  readonly label: string
  readonly roots = []
  readonly blobs: readonly BlobSource[]
  readonly #options: ArchiveTreeOptions
  readonly #index: ArchiveIndex
  readonly #root: Bytes
  readonly #nodes = new Map<SourceEntry, ArchiveNode>()

  /** Throws ARCHIVE_INVALID for a member that has no place below the root or links to none, SUBDIR_MISSING. */
  constructor(archives: readonly MountedArchive[], options: ArchiveTreeOptions) {
    this.label = options.label
    this.#options = options
    this.blobs = archives.map(({ path, codec }) => ({ path, codec }))
    this.#index = new ArchiveIndex(archives)
    this.#root = this.#rootOf(options.root ?? '')
  }

  async at(path: Bytes): Promise<SourceEntry | undefined> {
    const node = this.#index.at(this.#whole(path))
    return node === undefined ? undefined : this.#entryOf(path, node)
  }

  async children(path: Bytes): Promise<readonly SourceEntry[]> {
    return this.#index.children(this.#whole(path)).map((node) => this.#entryOf(this.#relative(node.path), node))
  }

  async below(path: Bytes): Promise<readonly SourceEntry[]> {
    return this.#index.under(this.#whole(path)).map((node) => this.#entryOf(this.#relative(node.path), node))
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly Uint8Array[]> {
    return entries.map((entry) => {
      const digest = this.#nodeOf(entry).entry.sha256
      if (digest === undefined) throw new Error(`no digest of ${entry.path}`) // the format has one for every regular file
      return digest
    })
  }

  /** As its server says, else the time of the newest file. */
  async made(): Promise<number | undefined> {
    const files = (await this.below('')).filter(({ type }) => type === 'file')
    return this.#options.made ?? files.reduce<number | undefined>((newest, { mtime }) => Math.max(newest ?? 0, mtime.seconds), undefined)
  }

  content(entry: SourceEntry): PackSource {
    const { archive, entry: member } = this.#nodeOf(entry)
    return { kind: 'blob', blob: archive, offset: member.offset }
  }

  async archiveFile(entry: SourceEntry, signal: AbortSignal): Promise<string | undefined> {
    const { archive, entry: member } = this.#nodeOf(entry)
    if (!looksLikeArchive(await this.#read(archive, member, 0, START_BYTES, signal))) return undefined
    const path = await this.#options.temporary()
    const file = await open(path, 'wx', 0o600)
    try {
      for (let done = 0; done < member.size; done += MAX_READ_BYTES)
        await file.write(await this.#read(archive, member, done, MAX_READ_BYTES, signal))
    } catch (error) {
      await rm(path, { force: true })
      throw error
    } finally {
      await file.close()
    }
    return path
  }

  /** A regular file whole, links followed inside the tree; undefined where there is none. Throws FILE_TOO_LARGE. */
  async readFile(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { node } = resolvePath(this.#whole(bytesOfText(path)), (p) => this.#index.resolvable(p))
    const found = node === undefined ? undefined : this.#index.at(node.path)
    if (found?.type !== 'file') return undefined
    const { archive, entry } = found
    if (entry.size > maxBytes)
      throw new TsbuildError('FILE_TOO_LARGE', `${path} in ${this.label} has ${entry.size} bytes, at most ${maxBytes} are read`)
    const pieces: Uint8Array[] = []
    for (let done = 0; done < entry.size; done += MAX_READ_BYTES)
      pieces.push(await this.#read(archive, entry, done, MAX_READ_BYTES, signal))
    return Buffer.concat(pieces)
  }

  explainMissing(path: Bytes): Promise<string | undefined> {
    return nearestPath(this, path)
  }

  #read(archive: number, entry: TocEntry, from: number, size: number, signal: AbortSignal): Promise<Uint8Array> {
    const blob = this.blobs[archive]
    if (blob === undefined) throw new Error(`no archive ${archive}`)
    return this.#options.native.read({ blob, offset: entry.offset + from, size: Math.max(0, Math.min(size, entry.size - from)) }, signal)
  }

  #rootOf(text: string): Bytes {
    if (text === '') return ''
    const { path, node } = resolvePath(bytesOfText(text), (p) => this.#index.resolvable(p))
    if (path === '' || node?.type === 'directory') return path
    throw new TsbuildError('SUBDIR_MISSING', `${this.label} has no directory ${JSON.stringify(text)}`)
  }

  #whole(path: Bytes): Bytes {
    return this.#root === '' ? path : path === '' ? this.#root : `${this.#root}/${path}`
  }

  #relative(path: Bytes): Bytes {
    return this.#root === '' ? path : path.slice(this.#root.length + 1)
  }

  #nodeOf(entry: SourceEntry): ArchiveNode {
    const node = this.#nodes.get(entry)
    if (node === undefined) throw new Error(`${textOfBytes(entry.path)} is of another tree`)
    return node
  }

  #entryOf(path: Bytes, node: ArchiveNode): SourceEntry {
    const { mode, uid, gid, size, rdevMajor, rdevMinor, xattrs, link } = node.entry
    const { mtime: fixed } = this.#options
    const mtime = fixed === undefined ? node.entry.mtime : { seconds: fixed, nanoseconds: 0 }
    const { type, sameFile } = node
    const entry = { path, type, mode, uid, gid, size, mtime, link: type === 'symlink' ? link : '', rdevMajor, rdevMinor, xattrs, sameFile }
    this.#nodes.set(entry, node)
    return entry
  }
}
