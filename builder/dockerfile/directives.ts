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
  const found = new Map<Key, string>()
  const places = new Map<Key, SourceRange>()
  let count = 0
  for (const line of lines) {
    const directive = directiveOf(line.text, '#')
    if (directive === undefined) break
    count++
    const at = { file, startLine: count, endLine: count }
    if (found.has(directive.key))
      throw new TsbuildError('DOCKERFILE_SYNTAX', `only one ${directive.key} parser directive can be used`, { at })
    if (directive.key === 'escape' && directive.value !== '\\' && directive.value !== '`')
      throw new TsbuildError('DOCKERFILE_SYNTAX', `invalid escape token '${directive.value}'`, { at, hint: 'it must be \\ or `' })
    found.set(directive.key, directive.value)
    places.set(directive.key, at)
  }
  const syntax = found.get('syntax') ?? foreignSyntax(lines)
  const [syntaxAt, check, checkAt] = [places.get('syntax'), found.get('check'), places.get('check')]
  return { directives: { syntax, syntaxAt, escape: found.get('escape') === '`' ? '`' : '\\', check, checkAt }, count }
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

/** The other places where a frontend may be named: after a `#!` line, in `//` comments, in a JSON document. For files that are no Dockerfile. */
function foreignSyntax(lines: readonly Line[]): string | undefined {
  const rest = lines[0]?.text.startsWith('#!') ? lines.slice(1) : lines
  const marker = rest[0]?.text.startsWith('//') ? '//' : '#'
  for (const line of rest) {
    const directive = directiveOf(line.text, marker)
    if (directive === undefined) break
    if (directive.key === 'syntax') return directive.value
  }
  return rest[0]?.text.trimStart().startsWith('{') ? jsonSyntax(rest.map((line) => line.text).join('\n')) : undefined
}

function jsonSyntax(text: string): string | undefined {
  try {
    const document: unknown = JSON.parse(text)
    const syntax = typeof document === 'object' && document !== null && 'syntax' in document ? document.syntax : undefined
    return typeof syntax === 'string' ? syntax : undefined
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
