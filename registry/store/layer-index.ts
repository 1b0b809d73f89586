import type { Bytes } from '../../native/wire.ts'
import { whiteoutOf } from '../oci/whiteout.ts'
import { join, nameOf, parentOf, resolvePath } from './resolve-path.ts'
import type { Toc, TocEntry } from './toc.ts'

/** The entry at a path in the layers below, no link followed. */
export type Below = (path: Bytes) => TocEntry | undefined

/**
 * One layer's entries by the path where they end up. An entry below a directory that the layer does not have itself goes where that path leads in the
 * tree it is unpacked onto (`lib/x` onto a base with `lib -> usr/lib` becomes `usr/lib/x`), which is what unpacking does.
 */
export class LayerIndex {
  readonly entries = new Map<Bytes, TocEntry>()
  /** Directories that have entries of this layer below them, but none of their own. */
  readonly implied = new Set<Bytes>()
  readonly #whiteouts = new Set<Bytes>()
  readonly #opaques = new Set<Bytes>()
  readonly #below: Below
  #directories = new Map<Bytes, Bytes>()
  #hasBuried = false
  #children: Map<Bytes, Bytes[]> | undefined

  constructor(toc: Toc, below: Below) {
    this.#below = below
    let written: Bytes | undefined // entries of a directory stand together, so most have the parent of the one before
    let directory: Bytes = ''
    for (const entry of toc.entries) {
      if (written === undefined || !isDirectlyIn(written, entry.path)) {
        written = parentOf(entry.path)
        directory = this.#directory(written)
      }
      this.#add(entry, directory === written ? entry.path : join(directory, nameOf(entry.path)))
      if (entry.type !== 'file') written = undefined // it may be what a later path leads through
    }
  }

  /** True when nothing of the layers below is to be seen at `path`: deleted, or under something that is no directory here. */
  hides(path: Bytes): boolean {
    if (this.#whiteouts.has(path)) return true
    for (let at = path; at !== ''; ) {
      at = parentOf(at)
      if (this.#opaques.has(at) || this.#whiteouts.has(at) || this.#isNoDirectory(at)) return true
    }
    return false
  }
  /** True when `path` is under something that is no directory in this very layer: a later entry took the place of its directory. */
  buries(path: Bytes): boolean {
    if (!this.#hasBuried) return false
    for (let at = path; at !== ''; ) {
      at = parentOf(at)
      if (this.#isNoDirectory(at)) return true
    }
    return false
  }
  /** True when none of the children of `directory` below are to be seen. */
  hidesChildren(directory: Bytes): boolean {
    return this.#opaques.has(directory) || this.#isNoDirectory(directory) || this.hides(directory)
  }
  deletes(path: Bytes): boolean {
    return this.#whiteouts.size > 0 && this.#whiteouts.has(path)
  }
  /** Names in `directory` that this layer brings. */
  children(directory: Bytes): readonly Bytes[] {
    this.#children ??= this.#listChildren()
    return this.#children.get(directory) ?? []
  }

  #add(entry: TocEntry, path: Bytes): void {
    if (path.startsWith('.wh.', path.lastIndexOf('/') + 1) && this.#addWhiteout(path)) return
    if (entry.type !== 'directory' && (this.implied.has(path) || this.entries.get(path)?.type === 'directory')) this.#hasBuried = true
    this.entries.set(path, entry)
    this.implied.delete(path)
    if (this.#directories.has(path)) this.#directories = new Map() // what it is may have changed
  }
  /** A whiteout that is none (`.wh.` alone) is left out: unpacking refuses such a layer. */
  #addWhiteout(path: Bytes): boolean {
    const meaning = whiteoutOf(path)
    if (meaning.kind === 'file') this.#whiteouts.add(meaning.path)
    if (meaning.kind === 'opaque') this.#opaques.add(parentOf(path))
    return meaning.kind !== 'none'
  }

  /** Where the directory written as `written` is, with links followed. */
  #directory(written: Bytes): Bytes {
    if (written === '') return ''
    const known = this.#directories.get(written)
    if (known !== undefined) return known
    const path = this.#step(join(this.#directory(parentOf(written)), nameOf(written)))
    this.#directories.set(written, path)
    return path
  }
  #step(path: Bytes): Bytes {
    const own = this.entries.get(path)
    if (own?.type === 'directory') return path
    if (own !== undefined && own.type !== 'symlink') this.#hasBuried = true
    const entry = own ?? this.#under(path)
    const target = entry?.type === 'symlink' ? resolvePath(path, (p) => this.entries.get(p) ?? this.#under(p)).path : path
    for (let at = target; at !== '' && !this.entries.has(at) && !this.implied.has(at); at = parentOf(at)) this.implied.add(at)
    return target
  }
  #under(path: Bytes): TocEntry | undefined {
    return this.hides(path) ? undefined : this.#below(path)
  }

  #isNoDirectory(path: Bytes): boolean {
    const entry = this.entries.get(path)
    return entry !== undefined && entry.type !== 'directory'
  }

  #listChildren(): Map<Bytes, Bytes[]> {
    const children = new Map<Bytes, Bytes[]>()
    for (const paths of [this.entries.keys(), this.implied]) {
      for (const path of paths) {
        if (path === '') continue
        const names = children.get(parentOf(path))
        if (names === undefined) children.set(parentOf(path), [nameOf(path)])
        else names.push(nameOf(path))
      }
    }
    return children
  }
}

function isDirectlyIn(directory: Bytes, path: Bytes): boolean {
  if (directory === '') return !path.includes('/')
  return path.startsWith(directory) && path[directory.length] === '/' && path.indexOf('/', directory.length + 1) < 0
}
