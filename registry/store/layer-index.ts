import type { Bytes } from '../../native/wire.ts'
import { OPAQUE_NAME, whiteoutOf } from '../oci/whiteout.ts'
import { nameOf, parentOf, resolvePath } from './resolve-path.ts'
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
  #children: Map<Bytes, Bytes[]> | undefined

  constructor(toc: Toc, below: Below) {
    this.#below = below
    let lastWritten: Bytes | undefined
    let last: Bytes = ''
    for (const entry of toc.entries) {
      const written = parentOf(entry.path)
      if (written !== lastWritten) last = this.#directory(written) // entries of a directory stand together
      lastWritten = written
      this.#add(entry, last)
      if (entry.type !== 'file') lastWritten = undefined
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

  #add(entry: TocEntry, directory: Bytes): void {
    if (entry.path === '') return void this.entries.set('', entry)
    const name = nameOf(entry.path)
    const path = join(directory, name)
    const meaning = name.startsWith('.wh.') ? whiteoutOf(path) : undefined
    if (meaning?.kind === 'file') return void this.#whiteouts.add(meaning.path)
    if (name === OPAQUE_NAME) return void this.#opaques.add(directory)
    if (meaning?.kind === 'invalid') return // unpacking refuses such a layer
    this.entries.set(path, entry)
    this.implied.delete(path)
    if (this.#directories.has(path)) this.#directories = new Map() // what it is may have changed
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

export function join(directory: Bytes, name: Bytes): Bytes {
  return directory === '' ? name : `${directory}/${name}`
}
