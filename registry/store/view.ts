import type { NativeOps } from '../../native/ops.ts'
import { MAX_READ_BYTES } from '../../native/requests/layers.ts'
import { type Bytes, bytesOfText, textOfBytes } from '../../native/wire.ts'
import { digestFromBytes, digestOf } from '../oci/digest.ts'
import { TsbuildError } from '../oci/error.ts'
import { LayerIndex } from './layer-index.ts'
import { join, type ResolvedPath, resolvePath } from './resolve-path.ts'
import type { Toc, TocEntry } from './toc.ts'
import type { LayerFile, Tocs } from './tocs.ts'

const MAX_HARD_LINKS = 8

/** A file of the merged tree. Two nodes are names of one file (hard links) exactly when their `entry` is the same object. */
export interface ViewNode extends Pick<TocEntry, 'type' | 'link'> {
  readonly path: Bytes
  /** Never 'hardlink': a hard link is the file it names. */
  readonly type: TocEntry['type']
  /** The entry with metadata and content. */
  readonly entry: TocEntry
  /** Position in the chain of the layer that has `entry`; -1 for a directory that no layer has an entry of. */
  readonly layer: number
}

/** Where `openView` finds tables of contents and reads blobs. */
export interface ViewSource {
  readonly tocs: Pick<Tocs, 'ensure' | 'read'>
  readonly native: Pick<NativeOps, 'read'>
}

/** The merged tree of a chain of layers, bottom first. Layers whose table of contents is not there are indexed; nothing is extracted. */
export async function openView(source: ViewSource, layers: readonly LayerFile[], signal?: AbortSignal): Promise<MergedView> {
  for (const layer of layers) await source.tocs.ensure(layer, signal)
  return new MergedView(source, layers)
}

/** What is at a path in a chain of layers? Tables of contents are read when a look-up gets down to their layer. */
export class MergedView {
  readonly layers: readonly LayerFile[]
  readonly #source: ViewSource
  readonly #indexes: (LayerIndex | undefined)[]

  constructor(source: ViewSource, layers: readonly LayerFile[]) {
    this.#source = source
    this.layers = layers
    this.#indexes = layers.map(() => undefined)
  }

  /** What is at `path` (relative, '' is the root), no link followed. */
  at(path: Bytes): ViewNode | undefined {
    return this.#at(path, this.layers.length - 1)
  }

  /** As a process in this root resolves it. Throws PATH_LOOP. */
  resolve(path: Bytes, options: { followLast?: boolean } = {}): ResolvedPath<ViewNode> {
    return resolvePath(path, (p) => this.at(p), options)
  }

  /** The entries of a directory, sorted by name; none for what is no directory. */
  children(directory: Bytes): ViewNode[] {
    const nodes: ViewNode[] = []
    for (const name of this.#names(directory).sort()) {
      const node = this.at(join(directory, name))
      if (node !== undefined) nodes.push(node)
    }
    return nodes
  }

  /** Everything below a directory, each directory before what is in it, names sorted; not the directory itself. */
  *under(directory: Bytes): Generator<ViewNode> {
    const todo = this.children(directory).reverse()
    for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
      yield node
      if (node.type === 'directory') todo.push(...this.children(node.path).reverse())
    }
  }

  /** The content of a regular file, read out of its layer. Throws FILE_TOO_LARGE, BLOB_MISMATCH. */
  async readFile(node: ViewNode, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { size, offset, sha256 } = node.entry
    const layer = this.layers[node.layer]
    const name = JSON.stringify(textOfBytes(node.path))
    if (node.type !== 'file' || layer === undefined)
      throw new TsbuildError('FILE_UNREADABLE', `${name}: a ${node.type}, not a regular file`)
    if (size > maxBytes) throw new TsbuildError('FILE_TOO_LARGE', `${name}: ${size} bytes, at most ${maxBytes} are read`)
    const blob = { path: bytesOfText(layer.path), codec: layer.codec }
    const pieces: Uint8Array[] = []
    for (let done = 0; done < size; done += MAX_READ_BYTES) {
      const piece = { blob, offset: offset + done, size: Math.min(MAX_READ_BYTES, size - done) }
      pieces.push(await this.#source.native.read(piece, signal))
    }
    const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
    if (sha256 !== undefined && digestOf(bytes) !== digestFromBytes(sha256)) {
      throw new TsbuildError('BLOB_MISMATCH', `${name}: not the content that layer ${layer.diffID} had when it was indexed`)
    }
    return bytes
  }

  #at(path: Bytes, top: number): ViewNode | undefined {
    let isImplied = path === ''
    for (let layer = top; layer >= 0; layer--) {
      const index = this.#index(layer)
      const entry = index.entries.get(path)
      if (entry !== undefined && !index.buries(path)) return this.#node(path, entry, layer)
      isImplied ||= index.implied.has(path)
      if (layer === 0 || index.hides(path)) break
    }
    return isImplied ? { path, type: 'directory', link: '', entry: impliedDirectory(path), layer: -1 } : undefined
  }

  #node(path: Bytes, entry: TocEntry, layer: number): ViewNode | undefined {
    let current: { entry: TocEntry; layer: number } = { entry, layer }
    for (let links = 0; current.entry.type === 'hardlink'; links++) {
      const target = this.#linked(current.entry.link, current.layer, current.entry)
      if (target === undefined || links === MAX_HARD_LINKS) return undefined // its layer cannot be unpacked either
      current = target
    }
    return { path, type: current.entry.type, link: current.entry.type === 'symlink' ? current.entry.link : '', ...current }
  }
  #linked(path: Bytes, layer: number, self: TocEntry): { entry: TocEntry; layer: number } | undefined {
    const own = this.#index(layer).entries.get(path)
    if (own !== undefined && own !== self) return { entry: own, layer }
    return this.#at(path, layer - 1)
  }

  #names(directory: Bytes): Bytes[] {
    if (this.at(directory)?.type !== 'directory') return []
    const names = new Set<Bytes>()
    const above: LayerIndex[] = []
    for (let layer = this.layers.length - 1; layer >= 0; layer--) {
      const index = this.#index(layer)
      for (const name of index.children(directory)) {
        if (!above.some((upper) => upper.deletes(join(directory, name)))) names.add(name)
      }
      if (index.hidesChildren(directory)) break
      above.push(index)
    }
    return [...names]
  }

  #index(layer: number): LayerIndex {
    const known = this.#indexes[layer]
    if (known !== undefined) return known
    const index = new LayerIndex(this.#toc(layer), (path) => this.#at(path, layer - 1)?.entry)
    this.#indexes[layer] = index
    return index
  }
  #toc(layer: number): Toc {
    const diffID = this.layers[layer]?.diffID
    const toc = diffID === undefined ? undefined : this.#source.tocs.read(diffID)
    if (toc === undefined)
      throw new TsbuildError('TOC_MISSING', `layer ${diffID}: its table of contents went away`, { hint: 'run the command again' })
    return toc
  }
}

/** As unpacking makes it: 0755, root's. */
function impliedDirectory(path: Bytes): TocEntry {
  const none = { uid: 0, gid: 0, size: 0, link: '', rdevMajor: 0, rdevMinor: 0, offset: 0, sha256: undefined, xattrs: [] }
  return { path, type: 'directory', mode: 0o755, mtime: { seconds: 0, nanoseconds: 0 }, ...none }
}
