import type { BlobSource, PackSource } from '../../native/requests/layers.ts'
import { type Bytes, bytesOfText } from '../../native/wire.ts'
import type { TocEntry } from '../../registry/store/toc.ts'
import type { MergedView, ViewNode } from '../../registry/store/view.ts'
import { nearestPath } from './nearest.ts'
import type { SourceEntry, SourceTree } from './tree.ts'

/** The file system of a stage or an image, read from its layers' blobs: nothing is extracted. Owners are kept. */
export class LayersTree implements SourceTree {
  readonly label: string
  readonly roots = []
  readonly blobs: readonly BlobSource[]
  readonly #view: MergedView
  readonly #nodes = new Map<SourceEntry, ViewNode>()
  readonly #files = new Map<TocEntry, string>()

  constructor(view: MergedView, label: string) {
    this.#view = view
    this.label = label
    this.blobs = view.layers.map((layer) => ({ path: bytesOfText(layer.path), codec: layer.codec }))
  }

  async at(path: Bytes): Promise<SourceEntry | undefined> {
    const node = this.#view.at(path)
    return node === undefined ? undefined : this.#entryOf(node)
  }

  async children(path: Bytes): Promise<readonly SourceEntry[]> {
    return this.#view.children(path).map((node) => this.#entryOf(node))
  }

  async below(path: Bytes): Promise<readonly SourceEntry[]> {
    return [...this.#view.under(path)].map((node) => this.#entryOf(node))
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly Uint8Array[]> {
    return entries.map((entry) => {
      const digest = this.#nodes.get(entry)?.entry.sha256
      if (digest === undefined) throw new Error(`no digest of ${entry.path}`) // the format has one for every regular file
      return digest
    })
  }

  content(entry: SourceEntry): PackSource {
    const node = this.#nodes.get(entry)
    if (node === undefined) throw new Error(`${entry.path} is of another tree`)
    return { kind: 'blob', blob: node.layer, offset: node.entry.offset }
  }

  async archiveFile(): Promise<string | undefined> {
    return undefined // ADD has no --from
  }

  explainMissing(path: Bytes): Promise<string | undefined> {
    return nearestPath(this, path)
  }

  #entryOf(node: ViewNode): SourceEntry {
    const { mode, uid, gid, size, mtime, rdevMajor, rdevMinor, xattrs } = node.entry
    const sameFile = node.type === 'directory' ? undefined : this.#fileOf(node.entry)
    const entry = { path: node.path, type: node.type, mode, uid, gid, size, mtime, link: node.link, rdevMajor, rdevMinor, xattrs, sameFile }
    this.#nodes.set(entry, node)
    return entry
  }

  /** Names of one file share the entry that holds it. */
  #fileOf(entry: TocEntry): string {
    const known = this.#files.get(entry) ?? String(this.#files.size)
    this.#files.set(entry, known)
    return known
  }
}
