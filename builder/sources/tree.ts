import type { BlobSource, PackSource } from '../../native/requests/layers.ts'
import type { Bytes } from '../../native/wire.ts'
import { type Resolvable, resolvePathIn } from '../../registry/store/resolve-path.ts'
import type { TocEntry } from '../../registry/store/toc.ts'

/** One file of a tree that COPY can read from. Paths are byte strings, relative, without a trailing slash; '' is the root. */
export interface SourceEntry extends Omit<TocEntry, 'offset' | 'sha256'> {
  /** Entries of one tree with the same value are names of one file; undefined for a file with one name. */
  readonly sameFile?: string | undefined
}

/** Files to copy from: the build context, or the file system of a stage or image. */
export interface SourceTree {
  /** The entry itself, a symlink not followed; undefined where there is none (or it is ignored). */
  at(path: Bytes): Promise<SourceEntry | undefined>
  /** Names in a directory, sorted. */
  children(path: Bytes): Promise<readonly SourceEntry[]>
  /** All entries below a directory, parents before children, sorted by path. What is below a directory that `enters` is false for may be left out. */
  below(path: Bytes, enters?: (path: Bytes) => boolean): Promise<readonly SourceEntry[]>
  /** sha256 (32 bytes) of the contents of regular files, in the order asked. */
  digests(entries: readonly SourceEntry[]): Promise<readonly Uint8Array[]>
  /** Where `native.pack` finds the content of a regular file, with the `roots` and `blobs` it refers to. */
  content(entry: SourceEntry): PackSource
  /** A file on the disk with the content of a regular file, for ADD to unpack; undefined for what does not begin like an archive, or is never unpacked. */
  archiveFile(entry: SourceEntry, signal: AbortSignal): Promise<string | undefined>
  /** When its content was made, in seconds since the epoch; undefined where nobody can say, as of a folder. */
  made?(): Promise<number | undefined>
  readonly roots: readonly Bytes[]
  readonly blobs: readonly BlobSource[]
  /** What the tree is, for messages: `the build context`, `stage build`. */
  readonly label: string
  /** Why `at(path)` finds nothing, and what to do: the ignore rule that removed it, the nearest name that exists. */
  explainMissing(path: Bytes): Promise<string | undefined>
}

/** The path that `path` leads to inside a tree, links followed, as a process in a chroot would see it. Throws PATH_LOOP. */
export async function resolveIn<N extends Resolvable>(tree: { at(path: Bytes): Promise<N | undefined> }, path: Bytes): Promise<Bytes> {
  return (await resolvePathIn(path, (step) => tree.at(step))).path
}

/** Parents before children, siblings in byte order: `a`, `a/b`, `a-b` (the slash sorts first). */
export function comparePaths(a: Bytes, b: Bytes): number {
  const [x, y] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')]
  return x < y ? -1 : x > y ? 1 : 0
}
