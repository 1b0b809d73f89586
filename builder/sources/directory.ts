import type { NativeOps } from '../../native/ops.ts'
import type { ListedEntry } from '../../native/requests/files.ts'
import type { PackSource } from '../../native/requests/layers.ts'
import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { join, parentOf } from '../../registry/store/resolve-path.ts'
import type { IgnoreMatcher, IgnoreRule } from '../dockerfile/ignore.ts'
import type { FileDigests } from './file-digests.ts'
import { nearestPath } from './nearest.ts'
import type { SourceEntry, SourceTree } from './tree.ts'

export interface DirectoryOptions {
  readonly native: NativeOps
  readonly digests: FileDigests
  readonly ignore: IgnoreMatcher
  /** The file that the rules are from, for messages. */
  readonly ignoreFile: string
  /** Default `the build context`. */
  readonly label?: string | undefined
  readonly signal: AbortSignal
}

/** An entry of a folder, and the rule that decided about it, if one did. */
export interface Surveyed {
  readonly entry: SourceEntry
  readonly isIgnored: boolean
  readonly rule: IgnoreRule | undefined
}

/**
 * A directory of the caller as a tree, read when asked and only where asked. Ids are 0:0, as BuildKit's client sends them. Nothing outside the directory is
 * read: the native side opens below the root and follows no link, links are followed by `resolvePath` inside the tree.
 */
export class DirectoryTree implements SourceTree {
  readonly label: string
  readonly blobs = []
  readonly roots: readonly Bytes[]
  readonly #native: NativeOps
  readonly #digests: FileDigests
  readonly ignore: IgnoreMatcher
  readonly #ignoreFile: string
  readonly #signal: AbortSignal
  readonly #listed = new Map<Bytes, ReadonlyMap<Bytes, SourceEntry>>()
  readonly #shown = new Map<Bytes, Promise<readonly SourceEntry[]>>()
  readonly #stats = new Map<Bytes, ListedEntry>()
  readonly #known = new Map<Bytes, Uint8Array>()

  constructor(root: Bytes, options: DirectoryOptions) {
    this.roots = [root]
    this.label = options.label ?? 'the build context'
    this.#native = options.native
    this.#digests = options.digests
    this.ignore = options.ignore
    this.#ignoreFile = options.ignoreFile
    this.#signal = options.signal
  }

  async at(path: Bytes): Promise<SourceEntry | undefined> {
    if (path === '') return ROOT
    await this.#list([parentOf(path)])
    const entry = this.#listed.get(parentOf(path))?.get(path)
    return entry !== undefined && (await this.#isVisible(entry)) ? entry : undefined
  }

  children(path: Bytes): Promise<readonly SourceEntry[]> {
    const shown = this.#shown.get(path) ?? this.#show(path)
    this.#shown.set(path, shown)
    return shown
  }

  async #show(path: Bytes): Promise<readonly SourceEntry[]> {
    await this.#list([path])
    const kept: SourceEntry[] = []
    for (const entry of this.#entries(path)) if (await this.#isVisible(entry)) kept.push(entry)
    return kept
  }

  async below(path: Bytes, enters: (path: Bytes) => boolean = () => true): Promise<readonly SourceEntry[]> {
    const isEntered = (entry: SourceEntry) => this.#isEntered(entry) && enters(entry.path)
    for (let level = [path]; level.length > 0; ) {
      await this.#list(level)
      level = level.flatMap((dir) => this.#entries(dir)).flatMap((entry) => (isEntered(entry) ? [entry.path] : []))
    }
    return this.#visible(this.#collect(path, isEntered, []))
  }

  async digests(entries: readonly SourceEntry[]): Promise<readonly Uint8Array[]> {
    const unknown = entries.filter((entry) => !this.#known.has(entry.path))
    const files = unknown.map((entry) => ({ path: entry.path, stat: this.#stats.get(entry.path) as ListedEntry }))
    const digests = await this.#digests.of(this.roots[0] ?? '', files, this.#signal)
    for (const [index, entry] of unknown.entries()) this.#known.set(entry.path, digests[index] as Uint8Array)
    return entries.map((entry) => this.#known.get(entry.path) as Uint8Array)
  }

  content(entry: SourceEntry): PackSource {
    return { kind: 'file', root: 0, path: entry.path, sha256: this.#known.get(entry.path) }
  }

  async explainMissing(path: Bytes): Promise<string | undefined> {
    const { ignored, rule } = this.ignore.matches(textOfBytes(path))
    if (ignored && rule !== undefined && (await this.#exists(path))) return `${this.#ignoreFile}:${rule.line} leaves it out: ${rule.text}`
    return nearestPath(this, path)
  }

  async archiveFile(entry: SourceEntry): Promise<string | undefined> {
    return textOfBytes(join(this.roots[0] ?? '', entry.path))
  }

  get ignoreFile(): string {
    return this.#ignoreFile
  }

  /** Everything in the folder, sorted, with what the rules say. A directory of which nothing can be kept stands for all that is in it. */
  async survey(): Promise<readonly Surveyed[]> {
    const kept = new Set((await this.below('')).map((entry) => entry.path))
    return this.#collect('', (entry) => this.#isEntered(entry), []).map((entry) => {
      const { rule } = this.ignore.matches(textOfBytes(entry.path))
      return { entry, isIgnored: !kept.has(entry.path), rule: rule === undefined ? undefined : { line: rule.line, text: rule.text } }
    })
  }

  /** Also for what is ignored. */
  async #exists(path: Bytes): Promise<boolean> {
    await this.#list([parentOf(path)])
    return this.#listed.get(parentOf(path))?.has(path) ?? false
  }

  /** What is listed below a directory. Names come sorted, so this is the order of `comparePaths`. */
  #collect(dir: Bytes, isEntered: (entry: SourceEntry) => boolean, into: SourceEntry[]): SourceEntry[] {
    for (const entry of this.#entries(dir)) {
      into.push(entry)
      if (isEntered(entry)) this.#collect(entry.path, isEntered, into)
    }
    return into
  }

  #entries(dir: Bytes): SourceEntry[] {
    return [...(this.#listed.get(dir)?.values() ?? [])]
  }

  /** False for a directory that is left out with everything in it. */
  #isEntered(entry: SourceEntry): boolean {
    return entry.type === 'directory' && !(this.ignore.rules.length > 0 && this.ignore.canPrune(textOfBytes(entry.path)))
  }

  /** Keeps what is not ignored, and ignored directories that hold something that is kept. */
  #visible(entries: SourceEntry[]): SourceEntry[] {
    if (this.ignore.rules.length === 0) return entries
    const kept = entries.filter((entry) => !this.#isIgnored(entry))
    const needed = new Set<Bytes>()
    for (const entry of kept) for (let dir = parentOf(entry.path); dir !== '' && !needed.has(dir); dir = parentOf(dir)) needed.add(dir)
    return entries.filter((entry) => needed.has(entry.path) || !this.#isIgnored(entry))
  }

  async #isVisible(entry: SourceEntry): Promise<boolean> {
    if (!this.#isIgnored(entry)) return true
    if (entry.type !== 'directory' || this.ignore.canPrune(textOfBytes(entry.path))) return false
    return (await this.below(entry.path)).length > 0
  }

  #isIgnored(entry: SourceEntry): boolean {
    return this.ignore.matches(textOfBytes(entry.path)).ignored
  }

  async #list(paths: readonly Bytes[]): Promise<void> {
    const directories = paths.filter((path) => !this.#listed.has(path))
    if (directories.length === 0) return
    const lists = await this.#native.list({ root: this.roots[0] ?? '', directories, xattrs: true }, this.#signal)
    for (const [index, dir] of directories.entries()) {
      const entries = (lists[index] ?? []).map((listed) => this.#entryOf(dir, listed))
      this.#listed.set(dir, new Map(entries.map((entry) => [entry.path, entry])))
    }
  }

  #entryOf(dir: Bytes, listed: ListedEntry): SourceEntry {
    const path = join(dir, listed.name)
    if (listed.type === 'file') this.#stats.set(path, listed)
    const { type, mode, size, mtime, link, rdevMajor, rdevMinor, xattrs } = listed
    const sameFile = listed.links > 1 && type !== 'directory' ? `${listed.device}:${listed.inode}` : undefined
    return { path, type, mode, uid: 0, gid: 0, size, mtime, link, rdevMajor, rdevMinor, xattrs, sameFile }
  }
}

const ROOT: SourceEntry = {
  path: '',
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  link: '',
  rdevMajor: 0,
  rdevMinor: 0,
  xattrs: [],
}
