import { type Bytes, textOfBytes } from '../../native/wire.ts'
import { parentOf } from '../../registry/store/resolve-path.ts'
import { type IgnoreMatcher, matcherOfPatterns } from '../dockerfile/ignore.ts'
import { type IgnorePattern, matchesOrAbove, mayMatchBelow, readPattern } from '../dockerfile/ignore-pattern.ts'
import type { SourceEntry, SourceTree } from '../sources/tree.ts'

/** Which entries below a copied directory are taken. Patterns match the path below that directory. */
export interface Filter {
  /** All that it and the directories it matches hold; undefined: everything. */
  readonly include?: IgnorePattern | undefined
  readonly exclude?: IgnoreMatcher | undefined
}

/** What a filter leaves of a directory, sorted, parents first. */
export interface Filtered {
  readonly below: readonly SourceEntry[]
  /** Directories among them that are there only because something below them is taken. */
  readonly passed: ReadonlySet<SourceEntry>
  /** Whether `include` matched anything, excluded or not. */
  readonly isMatched: boolean
}

/** The matcher of `--exclude` flags that `checkDockerfile` let pass; undefined for none. */
export function excludeMatcher(patterns: readonly string[]): IgnoreMatcher | undefined {
  const read = patterns.flatMap((pattern) => readPattern(pattern) ?? [])
  return read.length === 0 ? undefined : matcherOfPatterns(read)
}

export async function filteredBelow(tree: SourceTree, directory: Bytes, { include, exclude }: Filter): Promise<Filtered> {
  if (include === undefined && exclude === undefined) return { below: await tree.below(directory), passed: new Set(), isMatched: true }
  const relative = (path: Bytes) => textOfBytes(relativeTo(directory, path))
  const isIncluded = (path: string) => include === undefined || matchesOrAbove(include, path)
  const enters = (path: string) =>
    !exclude?.canPrune(path) && (include === undefined || matchesOrAbove(include, path) || mayMatchBelow(include, path))
  const whole = await tree.below(directory, (path) => enters(relative(path)))
  const included = whole.filter((entry) => isIncluded(relative(entry.path)))
  const taken = new Set(included.filter((entry) => !exclude?.matches(relative(entry.path)).ignored))
  const needed = parentsOf(taken, directory)
  const passed = new Set(whole.filter((entry) => needed.has(entry.path) && !taken.has(entry)))
  return { below: whole.filter((entry) => taken.has(entry) || passed.has(entry)), passed, isMatched: included.length > 0 }
}

function parentsOf(entries: Iterable<SourceEntry>, top: Bytes): Set<Bytes> {
  const parents = new Set<Bytes>()
  for (const entry of entries) for (let dir = parentOf(entry.path); dir !== top && !parents.has(dir); dir = parentOf(dir)) parents.add(dir)
  return parents
}

/** Path of an entry below `dir`. */
export function relativeTo(dir: Bytes, path: Bytes): Bytes {
  return dir === '' ? path : path.slice(dir.length + 1)
}
