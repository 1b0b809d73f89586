import type { FileType } from '../../native/requests/fields.ts'
import type { Bytes } from '../../native/wire.ts'
import { textOfBytes } from '../../native/wire.ts'
import { TsbuildError } from '../oci/error.ts'

/** As many as Linux follows: path_resolution(7). */
const MAX_LINKS = 40

/** What path resolution must know of a file. */
export interface Resolvable {
  readonly type: FileType
  readonly link: Bytes
}

export interface ResolvedPath<N> {
  /** Without any symbolic link in it; what follows a missing component is kept as it was written. */
  readonly path: Bytes
  /** What is there; undefined when nothing is. */
  readonly node: N | undefined
  /** A component before the last that is there and is no directory, so that nothing can be made at `path` either. */
  readonly obstacle: N | undefined
}

export interface ResolveOptions {
  /** Default true: a symbolic link as last component is followed, too. */
  readonly followLast?: boolean
}

/**
 * Resolves a path as a process with this root does: links from the root, `..` never above it. A leading slash changes nothing.
 * Throws PATH_LOOP after 40 links.
 */
export function resolvePath<N extends Resolvable>(
  path: Bytes,
  at: (path: Bytes) => N | undefined,
  options: ResolveOptions = {},
): ResolvedPath<N> {
  const walk = pathWalk<N>(path, options)
  let step = walk.next()
  while (!step.done) step = walk.next(at(step.value))
  return step.value
}

/** As `resolvePath`, over a tree that takes time to look into. */
export async function resolvePathIn<N extends Resolvable>(
  path: Bytes,
  at: (path: Bytes) => Promise<N | undefined>,
  options: ResolveOptions = {},
): Promise<ResolvedPath<N>> {
  const walk = pathWalk<N>(path, options)
  let step = walk.next()
  while (!step.done) step = walk.next(await at(step.value))
  return step.value
}

/** Yields each path that has to be looked at, is given what is there, and returns where it all leads. path_resolution(7). */
function* pathWalk<N extends Resolvable>(
  path: Bytes,
  { followLast = true }: ResolveOptions,
): Generator<Bytes, ResolvedPath<N>, N | undefined> {
  const todo = path.split('/').reverse()
  let here: Bytes = ''
  let node: N | undefined
  let obstacle: N | undefined
  let links = 0
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue
    if (node !== undefined && node.type !== 'directory') obstacle ??= node
    if (part === '..') {
      here = parentOf(here)
      node = undefined
      continue
    }
    here = here === '' ? part : `${here}/${part}`
    node = obstacle === undefined ? yield here : undefined
    if (node?.type !== 'symlink' || (!followLast && isLast(todo))) continue
    if (++links > MAX_LINKS) throw new TsbuildError('PATH_LOOP', `${JSON.stringify(textOfBytes(path))}: too many symbolic links`)
    here = node.link.startsWith('/') ? '' : parentOf(here)
    todo.push(...node.link.split('/').reverse())
    node = undefined
  }
  return { path: here, node: obstacle === undefined ? (node ?? (yield here)) : undefined, obstacle }
}

/** `a/` means the directory behind a link, `a` the link. */
function isLast(todo: readonly Bytes[]): boolean {
  return todo.length === 0
}

export function parentOf(path: Bytes): Bytes {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

export function nameOf(path: Bytes): Bytes {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function join(directory: Bytes, name: Bytes): Bytes {
  return directory === '' ? name : name === '' ? directory : `${directory}/${name}`
}
