import type { FileType, ReadCodec } from '../../native/requests/fields.ts'
import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { join, nameOf, parentOf, type Resolvable, resolvePath } from '../../registry/store/resolve-path.ts'
import type { TocEntry } from '../../registry/store/toc.ts'

/** A tar, and the directory of the tree that its entries are put below. */
export interface MountedArchive {
  readonly path: Bytes
  readonly codec: ReadCodec
  readonly entries: readonly TocEntry[]
  /** '' for the root. */
  readonly mount: Bytes
}

/** What is at a path after all members have been unpacked one after the other. */
export interface ArchiveNode {
  readonly path: Bytes
  readonly type: FileType
  /** Metadata and content. */
  readonly entry: TocEntry
  /** Number of the archive that has the content. */
  readonly archive: number
  /** Names of one file share it. */
  readonly sameFile: string | undefined
}

/**
 * Where the members of archives end up, as if unpacked in a root of their own: later ones win, links on the way to a member are followed inside the root,
 * directories that no member has are made. Names that begin with `.wh.` are names like others: this is no layer.
 */
export class ArchiveIndex {
  readonly #nodes = new Map<Bytes, ArchiveNode>()
  readonly #names = new Map<Bytes, Set<Bytes>>()

  constructor(archives: readonly MountedArchive[]) {
    this.#nodes.set('', impliedDirectory(''))
    for (const [number, archive] of archives.entries()) {
      this.#directory(archive.mount)
      for (const entry of archive.entries) this.#add(entry, archive, number)
    }
  }

  at(path: Bytes): ArchiveNode | undefined {
    return this.#nodes.get(path)
  }

  /** For path resolution: with the target of a link. */
  resolvable(path: Bytes): (Resolvable & { readonly path: Bytes }) | undefined {
    const node = this.#nodes.get(path)
    return node === undefined ? undefined : { path: node.path, type: node.type, link: node.type === 'symlink' ? node.entry.link : '' }
  }

  /** Sorted by name. */
  children(path: Bytes): ArchiveNode[] {
    const names = [...(this.#names.get(path) ?? [])].sort()
    return names.flatMap((name) => this.#nodes.get(join(path, name)) ?? [])
  }

  /** Each directory before what is in it, names sorted; not the directory itself. */
  under(path: Bytes): ArchiveNode[] {
    const found: ArchiveNode[] = []
    const todo = this.children(path).reverse()
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      found.push(node)
      if (node.type === 'directory') todo.push(...this.children(node.path).reverse())
    }
    return found
  }

  #add(entry: TocEntry, archive: MountedArchive, number: number): void {
    if (entry.path === '') return void this.#setRoot(entry, archive, number)
    const written = join(archive.mount, entry.path)
    const path = join(this.#directory(parentOf(written)), nameOf(written))
    if (entry.type === 'hardlink') return this.#link(path, entry, archive)
    const existing = this.#nodes.get(path)
    if (entry.type === 'directory' && existing?.type === 'symlink') return // as tar does: what is behind the link stays as it is
    if (existing?.type === 'directory' && entry.type !== 'directory') this.#remove(path)
    const sameFile = entry.type === 'file' ? `${archive.path}\0${entry.offset}` : undefined
    this.#put({ path, type: entry.type, entry, archive: number, sameFile })
  }

  /** The entry of the mount point itself: `./` in most tars. */
  #setRoot(entry: TocEntry, archive: MountedArchive, number: number): void {
    if (entry.type !== 'directory') throw invalid(archive, 'its root is no directory')
    const { mount } = archive
    this.#put({ path: mount, type: 'directory', entry, archive: number, sameFile: undefined })
  }

  #link(path: Bytes, entry: TocEntry, archive: MountedArchive): void {
    const target = this.#nodes.get(this.#resolve(join(archive.mount, entry.link), false))
    const [name, link] = [textOfBytes(entry.path), textOfBytes(entry.link)]
    if (target === undefined || target.type === 'directory')
      throw invalid(archive, `${name} is a hard link to ${link}, which is no file in it`)
    if (target.path !== path) this.#put({ ...target, path })
  }

  #put(node: ArchiveNode): void {
    this.#nodes.set(node.path, node)
    if (node.path === '') return
    const names = this.#names.get(parentOf(node.path)) ?? new Set()
    names.add(nameOf(node.path))
    this.#names.set(parentOf(node.path), names)
  }

  #remove(path: Bytes): void {
    for (const { path: inner } of this.under(path)) {
      this.#nodes.delete(inner)
      this.#names.delete(inner)
    }
    this.#names.delete(path)
  }

  /** The directory that `written` leads to, made where it is missing or something else. */
  #directory(written: Bytes): Bytes {
    if (this.#nodes.get(written)?.type === 'directory') return written
    const path = this.#resolve(written, true)
    if (this.#nodes.get(path)?.type === 'directory') return path
    this.#directory(parentOf(path))
    this.#put(impliedDirectory(path))
    return path
  }

  #resolve(path: Bytes, followLast: boolean): Bytes {
    return resolvePath(path, (p) => this.resolvable(p), { followLast }).path
  }
}

function invalid(archive: MountedArchive, why: string): TsbuildError {
  return new TsbuildError('ARCHIVE_INVALID', `${textOfBytes(archive.path)}: ${why}`)
}

/** As unpacking makes it: 0755, root's. */
function impliedDirectory(path: Bytes): ArchiveNode {
  const none = { uid: 0, gid: 0, size: 0, link: '', rdevMajor: 0, rdevMinor: 0, offset: 0, sha256: undefined, xattrs: [] }
  const entry: TocEntry = { path, type: 'directory', mode: 0o755, mtime: { seconds: 0, nanoseconds: 0 }, ...none }
  return { path, type: 'directory', entry, archive: -1, sameFile: undefined }
}
