import type { FileTime, FileType, Xattr } from '../../native/requests/fields.ts'
import type { PackEntry } from '../../native/requests/layers.ts'
import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { join, parentOf } from '../../registry/store/resolve-path.ts'
import { applyMode, type Mode } from '../dockerfile/mode.ts'
import { comparePaths, resolveIn, type SourceEntry, type SourceTree } from '../sources/tree.ts'
import { relativeTo } from './filter.ts'
import type { Selection } from './select.ts'
import type { Owner } from './users.ts'

/** What a file system holds at a path, a symlink not followed. */
export interface TargetEntry {
  readonly type: FileType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: FileTime
  readonly link: Bytes
  readonly xattrs: readonly Xattr[]
}

/** The file system that a step goes on with. */
export interface Target {
  at(path: Bytes): Promise<TargetEntry | undefined>
}

/** How new files are owned and what directories that had to be made look like. */
export interface PlaceOptions {
  readonly owner: Owner | undefined
  readonly chmod: Mode | undefined
  /** Time of directories that are made on the way. */
  readonly time: FileTime
}

interface Placed {
  readonly entry: PackEntry
  readonly sameFile: string | undefined
}

/**
 * The entries of one new layer, built path by path over a target. Later entries win over earlier ones. Every new entry comes with its parents: those of
 * the target unchanged, those that do not exist made with mode 0755 (or the octal --chmod) and the --chown owner.
 */
export class Placement {
  readonly #target: Target
  readonly #options: PlaceOptions
  readonly #placed = new Map<Bytes, Placed>()
  #copies = 0

  constructor(target: Target, options: PlaceOptions) {
    this.#target = target
    this.#options = options
  }

  /** Copies one selection to `destination`, with the rules of fsutil's copy: a directory gives its contents, a file goes into a directory or becomes it. */
  async copy(tree: SourceTree, selection: Selection, destination: Bytes): Promise<void> {
    this.#copies += 1
    const path = await this.resolve(destination)
    const existing = await this.at(path)
    if (selection.entry.type === 'directory') return this.#copyDirectory(tree, selection, path)
    const isInto = namesDirectory(destination) || existing?.type === 'directory'
    await this.#putSource(tree, selection.entry, isInto ? join(path, selection.name) : path)
  }

  /** A file that the Dockerfile holds itself. */
  async inline(name: Bytes, content: Uint8Array, destination: Bytes): Promise<void> {
    const path = await this.resolve(destination)
    const isInto = namesDirectory(destination) || (await this.at(path))?.type === 'directory'
    const entry = {
      ...this.#made('file', this.#mode(0o644, false)),
      size: content.length,
      source: { kind: 'inline', bytes: content } as const,
    }
    await this.#put({ ...entry, path: isInto ? join(path, name) : path }, undefined)
  }

  /** Makes a directory and its missing parents; one that exists is left as it is. `mode` instead of that of --chmod. */
  async directory(path: Bytes, mode = this.#directoryMode()): Promise<void> {
    const resolved = await this.resolve(path)
    const existing = await this.at(resolved)
    if (existing === undefined) await this.#put(this.#madeDirectory(resolved, mode), undefined, { parentMode: mode })
    else if (existing.type !== 'directory') throw notDirectory(resolved)
  }

  /** Puts an entry, and takes away what is in its way: a directory with all it holds, or a file where a directory must go. */
  async replace(entry: PackEntry, sameFile: string | undefined): Promise<void> {
    const existing = await this.at(entry.path)
    if (existing?.type === 'directory' && entry.type !== 'directory')
      for (const path of this.#placed.keys()) if (path.startsWith(`${entry.path}/`)) this.#placed.delete(path)
    await this.#put(entry, sameFile, { replaces: true })
  }

  /** The --chown owner. */
  get owner(): Owner | undefined {
    return this.#options.owner
  }
  /** Of directories that are made on the way. */
  get time(): FileTime {
    return this.#options.time
  }

  resolve(path: Bytes): Promise<Bytes> {
    return resolveIn(this, path)
  }

  async at(path: Bytes): Promise<TargetEntry | undefined> {
    return this.#placed.get(path)?.entry ?? (await this.#target.at(path))
  }

  /** The entries in the order of the tar; of several names of one file the first holds it and the others are links to that. */
  entries(): PackEntry[] {
    const first = new Map<string, Bytes>()
    return [...this.#placed.values()]
      .sort((a, b) => comparePaths(a.entry.path, b.entry.path))
      .map(({ entry, sameFile }) => {
        const link = sameFile === undefined ? undefined : first.get(sameFile)
        if (sameFile !== undefined && link === undefined) first.set(sameFile, entry.path)
        return link === undefined ? entry : { ...entry, type: 'hardlink', link, size: 0, xattrs: [], source: { kind: 'none' } }
      })
  }

  async #copyDirectory(tree: SourceTree, selection: Selection, path: Bytes): Promise<void> {
    const existing = await this.at(path)
    // The directory itself is not copied: one that has to be made is like any that is made on the way, but for the time.
    const { mtime } = selection.entry
    if (existing === undefined) await this.#put({ ...this.#madeDirectory(path), mtime }, undefined)
    else if (existing.type !== 'directory') throw notDirectory(path)
    else if (path !== '') await this.#put(kept(path, { ...existing, mtime }), undefined)
    for (const inner of selection.below) {
      const whole = join(path, relativeTo(selection.entry.path, inner.path))
      if (selection.passed.has(inner)) await this.#putPassed(tree, inner, whole)
      else await this.#putSource(tree, inner, whole)
    }
  }

  /** A directory on the way to what is taken: new with all it has in the source, over one that is there with its mode alone, as fsutil does. */
  async #putPassed(tree: SourceTree, from: SourceEntry, path: Bytes): Promise<void> {
    const existing = await this.at(path)
    if (existing?.type === 'directory') await this.#put(kept(path, { ...existing, mode: from.mode }), undefined)
    else await this.#putSource(tree, from, path)
  }

  async #putSource(tree: SourceTree, from: SourceEntry, path: Bytes): Promise<void> {
    const isDirectory = from.type === 'directory'
    const mode = from.type === 'symlink' ? from.mode : this.#mode(from.mode, isDirectory)
    const { uid, gid } = this.#options.owner ?? from
    // A socket cannot be in a layer: it becomes an empty file, as in BuildKit.
    const type = from.type === 'socket' ? 'file' : from.type
    const { mtime, link, rdevMajor, rdevMinor, xattrs } = from
    const source = from.type === 'file' ? tree.content(from) : ({ kind: 'none' } as const)
    const size = from.type === 'file' ? from.size : 0
    // Names of one file stay together within what one source names or matches, as in fsutil.
    const sameFile = from.sameFile === undefined || from.type !== 'file' ? undefined : `${this.#copies}\0${from.sameFile}`
    await this.#put({ path, type, mode, uid, gid, mtime, link, rdevMajor, rdevMinor, xattrs, size, source }, sameFile)
  }

  async #put(entry: PackEntry, sameFile: string | undefined, how: { replaces?: boolean; parentMode?: number } = {}): Promise<void> {
    if (entry.path === '') return // the root itself keeps its metadata
    if (/(^|\/)\.wh\./.test(entry.path)) throw reservedName(entry.path)
    await this.#parents(entry.path, how.parentMode ?? this.#directoryMode())
    const existing = how.replaces ? undefined : await this.at(entry.path)
    if (existing?.type === 'directory' && entry.type !== 'directory') {
      throw new TsbuildError('COPY_OVER_DIRECTORY', `cannot replace the directory /${textOfBytes(entry.path)} by a file`)
    }
    if (existing !== undefined && existing.type !== 'directory' && entry.type === 'directory') throw notDirectory(entry.path)
    this.#placed.set(entry.path, { entry, sameFile })
  }

  async #parents(path: Bytes, mode: number): Promise<void> {
    const parent = parentOf(path)
    if (parent === '' || this.#placed.has(parent)) return
    await this.#parents(parent, mode)
    const existing = await this.#target.at(parent)
    if (existing !== undefined && existing.type !== 'directory') throw notDirectory(parent)
    const entry = existing === undefined ? this.#madeDirectory(parent, mode) : kept(parent, existing)
    this.#placed.set(parent, { entry, sameFile: undefined })
  }

  #madeDirectory(path: Bytes, mode = this.#directoryMode()): PackEntry {
    return { ...this.#made('directory', mode), path }
  }

  /** 0755, or the octal --chmod; a symbolic one is about what is copied. */
  #directoryMode(): number {
    const { chmod } = this.#options
    return chmod?.kind === 'octal' ? chmod.mode : 0o755
  }

  #made(type: 'file' | 'directory', mode: number): PackEntry {
    return { ...madeEntry(type, mode, this.#options.time), ...this.#options.owner }
  }

  #mode(mode: number, isDirectory: boolean): number {
    const { chmod } = this.#options
    return chmod === undefined ? mode : applyMode(chmod, mode, isDirectory)
  }
}

const NOTHING = { path: '', link: '', rdevMajor: 0, rdevMinor: 0, xattrs: [], size: 0, source: { kind: 'none' } } as const

/** Of root, and empty. */
export function madeEntry(type: 'file' | 'directory', mode: number, mtime: FileTime): PackEntry {
  return { ...NOTHING, type, mode, uid: 0, gid: 0, mtime }
}

function kept(path: Bytes, entry: TargetEntry): PackEntry {
  const { type, mode, uid, gid, mtime, xattrs } = entry
  return { ...NOTHING, path, type, mode, uid, gid, mtime, xattrs }
}

/** `a/` and `a/.` can only be a directory. */
function namesDirectory(path: Bytes): boolean {
  return path.endsWith('/') || path.endsWith('/.')
}

function reservedName(path: Bytes): TsbuildError {
  const hint =
    'names that begin with .wh. mean a deletion in a layer (image-spec, layer.md); rename the file or leave it out in .dockerignore'
  return new TsbuildError('LAYER_NAME', `/${textOfBytes(path)} cannot be in a layer`, { hint })
}

function notDirectory(path: Bytes): TsbuildError {
  return new TsbuildError('COPY_NOT_DIRECTORY', `cannot copy into /${textOfBytes(path)}: it is no directory in the image`, {
    hint: 'an existing file or symbolic link is never replaced by a directory',
  })
}
