import type { BlobSource, PackSource } from '../../native/requests/layers.ts'
import type { Bytes } from '../../native/wire.ts'
import type { SourceEntry, SourceTree } from './tree.ts'

/** Entries of several trees in one ADD: the first is the context, where paths are looked up; entries of the others are added to it. */
export class SeveralTrees implements SourceTree {
  readonly label: string
  readonly roots: readonly Bytes[]
  readonly blobs: readonly BlobSource[]
  readonly #trees: readonly SourceTree[]
  readonly #owners = new Map<SourceEntry, number>()

  constructor(context: SourceTree, others: readonly SourceTree[]) {
    this.label = context.label
    this.#trees = [context, ...others]
    this.roots = this.#trees.flatMap((tree) => tree.roots)
    this.blobs = this.#trees.flatMap((tree) => tree.blobs)
  }

  /** From now on these entries are known to be of tree number `tree` (from 1). */
  own(tree: number, entries: Iterable<SourceEntry>): void {
    for (const entry of entries) this.#owners.set(entry, tree)
  }

  at(path: Bytes): Promise<SourceEntry | undefined> {
    return this.#tree(0).at(path)
  }

  children(path: Bytes): Promise<readonly SourceEntry[]> {
    return this.#tree(0).children(path)
  }

  below(path: Bytes): Promise<readonly SourceEntry[]> {
    return this.#tree(0).below(path)
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly Uint8Array[]> {
    const found = new Map<SourceEntry, Uint8Array>()
    for (const [number, tree] of this.#trees.entries()) {
      const own = entries.filter((entry) => this.#ownerOf(entry) === number)
      const digests = own.length === 0 ? [] : await tree.digests(own)
      for (const [index, entry] of own.entries()) found.set(entry, digests[index] as Uint8Array)
    }
    return entries.map((entry) => found.get(entry) as Uint8Array)
  }

  /** Roots and blobs are numbered through all trees. */
  content(entry: SourceEntry): PackSource {
    const owner = this.#ownerOf(entry)
    const source = this.#tree(owner).content(entry)
    const before = this.#trees.slice(0, owner)
    if (source.kind === 'file') return { ...source, root: source.root + before.reduce((sum, tree) => sum + tree.roots.length, 0) }
    if (source.kind === 'blob') return { ...source, blob: source.blob + before.reduce((sum, tree) => sum + tree.blobs.length, 0) }
    return source
  }

  archiveFile(entry: SourceEntry, signal: AbortSignal): Promise<string | undefined> {
    return this.#tree(this.#ownerOf(entry)).archiveFile(entry, signal)
  }

  explainMissing(path: Bytes): Promise<string | undefined> {
    return this.#tree(0).explainMissing(path)
  }

  #ownerOf(entry: SourceEntry): number {
    return this.#owners.get(entry) ?? 0
  }

  #tree(number: number): SourceTree {
    const tree = this.#trees[number]
    if (tree === undefined) throw new Error(`no tree ${number}`)
    return tree
  }
}
