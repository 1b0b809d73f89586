import { type Glob, matchGlob, readGlob } from './glob.ts'

/** A COPY source: a path to go to, and below it a pattern for each further component. */
export interface SourcePattern {
  /** Components before the first with a wildcard, escapes removed; empty when there are none. */
  readonly prefix: string
  /** Empty when the source is a plain path. */
  readonly components: readonly Glob[]
}

/**
 * Reads a cleaned, relative source (Go's `filepath.Match`: `*` and `?` stop at `/`, there is no `**`). Undefined for a bad pattern. What matches all
 * components is taken; it is not looked into.
 */
export function readSourcePattern(source: string): SourcePattern | undefined {
  const parts = source.split('/')
  const first = parts.findIndex(hasWildcard)
  const plain = first < 0 ? parts : parts.slice(0, first)
  const prefix = plain.map((part) => part.replace(/\\(.)/gs, '$1')).join('/')
  const components: Glob[] = []
  for (const part of first < 0 ? [] : parts.slice(first)) {
    const glob = readGlob(part)
    if (glob === undefined) return undefined
    components.push(glob)
  }
  return { prefix, components }
}

/** True for a path that has to be matched rather than looked up. */
export function hasWildcard(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    if (path[at] === '\\') at++
    else if (path[at] === '*' || path[at] === '?' || path[at] === '[') return true
  }
  return false
}

/** Whether the entry `name`, `depth` levels below the prefix (0: directly in it), may lead to a match, or is one: a walk needs no more. */
export function matchComponent({ components }: SourcePattern, depth: number, name: string): 'no' | 'descend' | 'match' {
  const glob = components[depth]
  if (glob === undefined || !matchGlob(glob, name)) return 'no'
  return depth === components.length - 1 ? 'match' : 'descend'
}

/** True when `path`, relative to the prefix, matches in all its components. */
export function matchSource(pattern: SourcePattern, path: string): boolean {
  const names = path.split('/')
  return names.length === pattern.components.length && names.every((name, depth) => matchComponent(pattern, depth, name) !== 'no')
}
