import { TsbuildError } from '../../registry/oci/error.ts'
import { cleanPath } from './clean-path.ts'
import { type IgnorePattern, isLoneNegation, matchesPattern, mayMatchBelow, readPattern } from './ignore-pattern.ts'

export interface IgnoreRule {
  /** From 1. */
  readonly line: number
  /** As written, without white space around. */
  readonly text: string
}

/** Paths are relative, with `/`, cleaned, as text (bytes that are UTF-8 decoded). */
export interface IgnoreMatcher {
  readonly rules: readonly IgnoreRule[]
  /** Whether `path` is left out, and the rule that decided; none decided when there is no rule. */
  matches(path: string): { readonly ignored: boolean; readonly rule?: IgnoreRule | undefined }
  /** True when the directory `path` is ignored and nothing below it can be let in again, so that it need not be read. */
  canPrune(path: string): boolean
  /**
   * The rule that leaves out `source`, a path or a pattern of COPY, unless a later one may let in something that it names or that lies below it. The whole
   * context (an empty path) is left out only by a rule that says all of it.
   */
  leavesOut(source: string): IgnoreRule | undefined
}

export const MAX_IGNORE_BYTES = 1024 * 1024

type Rule = IgnoreRule & IgnorePattern

/**
 * Reads a .dockerignore. The last rule that matches a path or a directory above it decides. Throws DOCKERIGNORE_SYNTAX for a lone `!` and for a bad
 * bracket, at its line.
 */
export function readIgnore(source: string | Uint8Array, file: string): IgnoreMatcher {
  const text = typeof source === 'string' ? source : new TextDecoder('utf-8', { ignoreBOM: true }).decode(source)
  if (text.length > MAX_IGNORE_BYTES) throw broken(file, 1, `the ignore file is larger than ${MAX_IGNORE_BYTES} bytes`)
  const lines = (text.startsWith('\ufeff') ? text.slice(1) : text).split('\n')
  return matcherOf(lines.flatMap((line, index) => readRule(line, index + 1, file) ?? []))
}

/** `readIgnore` at the first use: what nobody asks about cannot be wrong. */
export function readIgnoreWhenUsed(source: string | Uint8Array, file: string): IgnoreMatcher {
  let read: IgnoreMatcher | undefined
  const matcher = () => {
    read ??= readIgnore(source, file)
    return read
  }
  return {
    get rules() {
      return matcher().rules
    },
    matches: (path) => matcher().matches(path),
    canPrune: (path) => matcher().canPrune(path),
    leavesOut: (path) => matcher().leavesOut(path),
  }
}

function readRule(line: string, number: number, file: string): Rule | undefined {
  const text = line.trim()
  if (line.startsWith('#') || text === '') return undefined
  if (isLoneNegation(text)) throw broken(file, number, 'illegal exclusion pattern: "!"', 'name a path after the !')
  const compiled = readPattern(text)
  if (compiled === undefined)
    throw broken(file, number, `syntax error in pattern: ${JSON.stringify(text)}`, 'close the bracket, or escape it with \\')
  return { line: number, text, ...compiled }
}

/** The matcher of patterns that were read one by one; `line` of a rule is the pattern's number, from 1. */
export function matcherOfPatterns(patterns: readonly IgnorePattern[]): IgnoreMatcher {
  return matcherOf(patterns.map((pattern, index) => ({ line: index + 1, text: '', ...pattern })))
}

function matcherOf(rules: readonly Rule[]): IgnoreMatcher {
  const directories = new Map<string, number>()

  /** Index of the last rule that matches `path` or something above it, -1 for none. A rule above counts for all below, so only later ones are tried. */
  const deciding = (path: string): number => {
    const slash = path.lastIndexOf('/')
    const above = slash < 0 ? -1 : decidingDirectory(path.slice(0, slash))
    for (let index = rules.length - 1; index > above; index--) {
      const rule = rules[index]
      if (rule !== undefined && matchesPattern(rule, path)) return index
    }
    return above
  }
  const decidingDirectory = (path: string): number => {
    const known = directories.get(path)
    if (known !== undefined) return known
    const index = deciding(path)
    directories.set(path, index)
    return index
  }
  const decidingOf = (path: string) => (path === '' || path === '.' ? -1 : deciding(path))
  const matches = (path: string) => {
    const rule = rules[decidingOf(path)]
    return rule === undefined ? { ignored: false } : { ignored: !rule.negated, rule: { line: rule.line, text: rule.text } }
  }
  /** The rule at `index` when it ignores, and no later one, which alone can overrule it, may let in something below `folder`. */
  const final = (index: number, folder: string): Rule | undefined => {
    const rule = rules[index]
    if (rule === undefined || rule.negated) return undefined
    return rules.slice(index + 1).some((later) => later.negated && (folder === '' || mayMatchBelow(later, folder))) ? undefined : rule
  }
  return {
    rules: rules.map(({ line, text }) => ({ line, text })),
    matches,
    canPrune: (path) => final(decidingOf(path), path) !== undefined,
    leavesOut: (source) => {
      const index = source === '' ? rules.map(isEverything).lastIndexOf(true) : deciding(source)
      const rule = final(index, literalStart(source))
      return rule && { line: rule.line, text: rule.text }
    },
  }
}

function isEverything({ text }: Rule): boolean {
  return ['*', '**', '**/*'].includes(cleanPath(text).replace(/^\//, ''))
}

/** The folder that all which `source` can match is in, or `source` itself when it is no pattern. */
function literalStart(source: string): string {
  const special = source.search(/[*?[\\]/)
  return special < 0 ? source : source.slice(0, Math.max(0, source.lastIndexOf('/', special)))
}

function broken(file: string, line: number, message: string, hint?: string): TsbuildError {
  return new TsbuildError('DOCKERIGNORE_SYNTAX', message, { hint, at: { file, startLine: line, endLine: line } })
}
