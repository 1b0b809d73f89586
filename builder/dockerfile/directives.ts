import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { skipSpace, trim } from './characters.ts'
import type { Directives } from './instruction.ts'
import type { Line } from './lines.ts'

const KNOWN = ['syntax', 'escape', 'check'] as const
type Key = (typeof KNOWN)[number]

/**
 * Reads the `# key=value` lines at the very top. The first line that is no known directive ends them; `count` is how many lines they take.
 * Throws DOCKERFILE_SYNTAX for a repeated key and for an escape other than `\` and the backtick.
 */
export function readDirectives(lines: readonly Line[], file: string): { directives: Directives; count: number } {
  const found = new Map<Key, Directive>()
  let count = 0
  for (const { text } of lines) {
    const directive = directiveOf(text, '#')
    if (directive === undefined) break
    const { key, value } = directive
    const at = placeOf(count++, file)
    if (found.has(key)) throw new TsbuildError('DOCKERFILE_SYNTAX', `only one ${key} parser directive can be used`, { at })
    if (key === 'escape' && value !== '\\' && value !== '`')
      throw new TsbuildError('DOCKERFILE_SYNTAX', `invalid escape token '${value}'`, { at, hint: 'it must be \\ or `' })
    found.set(key, { value, at })
  }
  const syntax = found.get('syntax') ?? elsewhere('syntax', lines, file) ?? jsonSyntax(lines)
  const check = found.get('check') ?? elsewhere('check', lines, file)
  const escapeChar = found.get('escape')?.value === '`' ? '`' : '\\'
  return { directives: { syntax: syntax?.value, syntaxAt: syntax?.at, escape: escapeChar, check: check?.value, checkAt: check?.at }, count }
}

interface Directive {
  readonly value: string
  readonly at: SourceRange | undefined
}

function placeOf(index: number, file: string): SourceRange {
  return { file, startLine: index + 1, endLine: index + 1 }
}

function directiveOf(text: string, marker: string): { key: Key; value: string } | undefined {
  const start = skipSpace(text, 0)
  if (!text.startsWith(marker, start)) return undefined
  const equals = text.indexOf('=', start)
  if (equals < 0) return undefined
  const name = trim(text.slice(start + marker.length, equals)).toLowerCase()
  const key = KNOWN.find((known) => known === name)
  const value = trim(text.slice(equals + 1))
  return key === undefined || value === '' ? undefined : { key, value }
}

/** Where `syntax` and `check` may be as well, as in BuildKit: after a `#!` line, and in `//` comments of files that are no Dockerfile. */
function elsewhere(key: 'syntax' | 'check', lines: readonly Line[], file: string): Directive | undefined {
  const first = lines[0]?.text.startsWith('#!') ? 1 : 0
  const marker = lines[first]?.text.startsWith('//') ? '//' : '#'
  for (const [index, { text }] of lines.entries()) {
    if (index < first) continue
    const directive = directiveOf(text, marker)
    if (directive === undefined) return undefined
    if (directive.key === key) return { value: directive.value, at: placeOf(index, file) }
  }
  return undefined
}

/** That of a JSON document, after a `#!` line or not. */
function jsonSyntax(lines: readonly Line[]): Directive | undefined {
  const rest = lines[0]?.text.startsWith('#!') ? lines.slice(1) : lines
  if (!rest[0]?.text.trimStart().startsWith('{')) return undefined
  try {
    const document: unknown = JSON.parse(rest.map((line) => line.text).join('\n'))
    const syntax = typeof document === 'object' && document !== null && 'syntax' in document ? document.syntax : undefined
    return typeof syntax === 'string' ? { value: syntax, at: undefined } : undefined
  } catch {
    return undefined // not JSON: then it is a Dockerfile with a mistake, which the parser will name
  }
}

const BUILT_IN = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/

/** True when `# syntax=` (or BUILDKIT_SYNTAX) names Docker's own language, which is built in here; others are images that would have to be run. */
export function isBuiltInSyntax(syntax: string): boolean {
  const reference = syntax.split(/\s/, 1)[0] ?? ''
  return reference === 'dockerfile.v0' || BUILT_IN.test(reference)
}
