import { cleanPath } from './clean-path.ts'
import { type Glob, matchGlob, mayMatchFurther, readGlob } from './glob.ts'

/**
 * One pattern of .dockerignore. Docker knows four kinds, and which one a pattern is changes what it matches: `**a` is whatever ends in `a`, but
 * `**a*` is a name that begins with `a`.
 */
export type IgnorePattern = { readonly negated: boolean } & (
  | { readonly kind: 'exact'; readonly literal: string }
  /** `text**`: all that begins with the text. */
  | { readonly kind: 'prefix'; readonly literal: string }
  /** `**text`: all that ends with the text, and for `**` + `/text` also `text` at the top. */
  | { readonly kind: 'suffix'; readonly literal: string }
  | { readonly kind: 'glob'; readonly glob: Glob }
)

const SPECIAL = /[*?[\\]/

/** `!` with nothing after it. */
export function isLoneNegation(text: string): boolean {
  return /^!\s*$/.test(text)
}

/** One line of .dockerignore or one `--exclude`: trimmed, `!` before it negates, the path cleaned and without its leading slash. Undefined for a bad one. */
export function readPattern(text: string): IgnorePattern | undefined {
  const trimmed = text.trim()
  const negated = trimmed.startsWith('!')
  const clean = cleanPath(negated ? trimmed.slice(1).trim() : trimmed)
  return isLoneNegation(trimmed) ? undefined : compileRule(clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean, negated)
}

/** A cleaned, relative path as pattern. Undefined for a bad one. */
export function compileRule(pattern: string, negated: boolean): IgnorePattern | undefined {
  if (!SPECIAL.test(pattern)) return { negated, kind: 'exact', literal: pattern }
  if (pattern.startsWith('**') && !SPECIAL.test(pattern.slice(2))) return { negated, kind: 'suffix', literal: pattern.slice(2) }
  if (pattern.endsWith('**') && !SPECIAL.test(pattern.slice(0, -2))) return { negated, kind: 'prefix', literal: pattern.slice(0, -2) }
  const glob = readGlob(pattern, { doubleStar: true })
  return glob && { negated, kind: 'glob', glob }
}

/** Whether the pattern matches `path` itself; directories above it are the caller's. */
export function matchesPattern(pattern: IgnorePattern, path: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return path === pattern.literal
    case 'prefix':
      return path.startsWith(pattern.literal)
    case 'suffix':
      return path.endsWith(pattern.literal) || (pattern.literal.startsWith('/') && path === pattern.literal.slice(1))
    case 'glob':
      return matchGlob(pattern.glob, path)
  }
}

/** Whether the pattern matches `path` or a directory above it. */
export function matchesOrAbove(pattern: IgnorePattern, path: string): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
    if (matchesPattern(pattern, path.slice(0, slash))) return true
  return matchesPattern(pattern, path)
}

/** Whether the pattern can match something below a directory that it does not match itself. */
export function mayMatchBelow(pattern: IgnorePattern, directory: string): boolean {
  const below = `${directory}/`
  switch (pattern.kind) {
    case 'exact':
      return pattern.literal.startsWith(below)
    case 'prefix':
      return pattern.literal.startsWith(below)
    case 'suffix':
      return true
    case 'glob':
      return mayMatchFurther(pattern.glob, below)
  }
}
