import type { BlobSource, FileTime, FileType, PackSource, Xattr } from '../../native/requests.ts'
import type { Bytes } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'

/** One file of a tree that COPY can read from. Paths are byte strings, relative, without a trailing slash; '' is the root. */
export interface SourceEntry {
  readonly path: Bytes
  readonly type: FileType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: FileTime
  readonly link: Bytes
  readonly rdevMajor: number
  readonly rdevMinor: number
  readonly xattrs: readonly Xattr[]
  /** Entries of one tree with the same value are names of one file; undefined for a file with one name. */
  readonly sameFile?: string | undefined
}

/** Files to copy from: the build context, or the file system of a stage or image. */
export interface SourceTree {
  /** The entry itself, a symlink not followed; undefined where there is none (or it is ignored). */
  at(path: Bytes): Promise<SourceEntry | undefined>
  /** Names in a directory, sorted. */
  children(path: Bytes): Promise<readonly SourceEntry[]>
  /** All entries below a directory, parents before children, sorted by path. */
  below(path: Bytes): Promise<readonly SourceEntry[]>
  /** sha256 (32 bytes) of the contents of regular files, in the order asked. */
  digests(entries: readonly SourceEntry[]): Promise<readonly Uint8Array[]>
  /** Where `native.pack` finds the content of a regular file, with the `roots` and `blobs` it refers to. */
  content(entry: SourceEntry): PackSource
  readonly roots: readonly Bytes[]
  readonly blobs: readonly BlobSource[]
  /** What the tree is, for messages: `the build context`, `stage build`. */
  readonly label: string
  /** Why `at(path)` finds nothing, and what to do: the ignore rule that removed it, the nearest name that exists. */
  explainMissing(path: Bytes): Promise<string | undefined>
}

const MAX_LINKS = 40

/**
 * The path that `path` leads to inside a tree, all symlinks followed (the last one only if `followLast`), `..` and absolute targets never above the root,
 * as a process in a chroot would see it (path_resolution(7)). Components that do not exist are kept as written. Throws PATH_LOOP after 40 links.
 */
export async function resolvePath(
  at: (path: Bytes) => Promise<{ readonly type: FileType; readonly link: Bytes } | undefined>,
  path: Bytes,
  followLast = true,
): Promise<Bytes> {
  const todo = path.split('/').reverse()
  let resolved: Bytes = ''
  let links = 0
  while (todo.length > 0) {
    const part = todo.pop()
    if (part === undefined || part === '' || part === '.') continue
    if (part === '..') {
      resolved = parentOf(resolved)
      continue
    }
    const next = joinPath(resolved, part)
    const isLast = todo.every((rest) => rest === '' || rest === '.')
    const entry = isLast && !followLast ? undefined : await at(next)
    if (entry?.type !== 'symlink') {
      resolved = next
      continue
    }
    if (++links > MAX_LINKS) throw new TsbuildError('PATH_LOOP', `too many symbolic links in ${JSON.stringify(path)}`)
    if (entry.link.startsWith('/')) resolved = ''
    todo.push(...entry.link.split('/').reverse())
  }
  return resolved
}

export function joinPath(dir: Bytes, name: Bytes): Bytes {
  return dir === '' ? name : name === '' ? dir : `${dir}/${name}`
}

/** '' for a name directly below the root, and for the root. */
export function parentOf(path: Bytes): Bytes {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function baseName(path: Bytes): Bytes {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Parents before children, siblings in byte order: `a`, `a/b`, `a-b` (the slash sorts first). */
export function comparePaths(a: Bytes, b: Bytes): number {
  const [x, y] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')]
  return x < y ? -1 : x > y ? 1 : 0
}
