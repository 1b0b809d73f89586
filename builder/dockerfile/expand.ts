import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { type Sink, textSink, wordsSink } from './expand-sink.ts'
import { expandVariable } from './expand-variable.ts'

export interface ExpandOptions {
  readonly env: ReadonlyMap<string, string>
  /** The Dockerfile's escape character. */
  readonly escape: string
  /** Where errors point. */
  readonly at?: SourceRange | undefined
}

/** What an expansion looked at, for cache keys and for warnings. */
export interface Used {
  /** Every variable whose value or absence mattered. */
  readonly used: ReadonlySet<string>
  /** Those that were not set where nothing stands in for them (rule UndefinedVar). */
  readonly unset: ReadonlySet<string>
}

/**
 * Expands variables and removes quotes and escapes (Dockerfile reference, "Environment replacement"). A variable that is not set is empty. Throws
 * DOCKERFILE_VARIABLE for a form that is not supported, an unbalanced quote, `${x:?message}` that applies, and a result above 1 MiB.
 */
export function expandWord(word: string, options: ExpandOptions): Used & { text: string } {
  const reader = readerOf(word, options, true)
  const sink = textSink(() => reader.fail('the value is longer than 1 MiB'))
  expandUntil(reader, '', sink)
  return { text: sink.text(), used: reader.used, unset: reader.unset }
}

/** As `expandWord`, but white space outside quotes, that of values included, parts the result into words (EXPOSE). */
export function expandWords(text: string, options: ExpandOptions): Used & { words: string[] } {
  const reader = readerOf(text, options, true)
  const sink = wordsSink(() => reader.fail('the value is longer than 1 MiB'))
  expandUntil(reader, '', sink)
  return { words: sink.words(), used: reader.used, unset: reader.unset }
}

/** The body of an unquoted COPY or ADD heredoc: quotes are ordinary characters, the escape is always `\`. */
export function expandHeredoc(text: string, options: Omit<ExpandOptions, 'escape'>): Used & { text: string } {
  const reader = readerOf(text, { ...options, escape: '\\' }, false)
  const out: string[] = []
  // No cap as for values: this is a file. Its size is bounded by the Dockerfile's and the values'.
  expandUntil(reader, '', { plain: (part) => out.push(part), fixed: (part) => out.push(part) })
  return { text: out.join(''), used: reader.used, unset: reader.unset }
}

/** The text under expansion; `at` moves forward over it. */
export interface Reader {
  readonly text: string
  at: number
  /** How many `${` are open. */
  depth: number
  readonly env: ReadonlyMap<string, string>
  readonly escape: string
  readonly quotes: boolean
  readonly used: Set<string>
  readonly unset: Set<string>
  fail(problem: string, hint?: string): never
}

function readerOf(text: string, { env, escape: escapeChar, at }: ExpandOptions, quotes: boolean): Reader {
  const fail = (problem: string, hint?: string): never => {
    throw new TsbuildError('DOCKERFILE_VARIABLE', `${problem} in ${JSON.stringify(short(text))}`, { at, hint })
  }
  return { text, at: 0, depth: 0, env, escape: escapeChar, quotes, used: new Set(), unset: new Set(), fail }
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/** How the text in braces is read: `pattern` keeps escapes, as `\`, for the pattern, `raw` as they are; `dead` text is passed over and looks nothing up. */
export interface Mode {
  readonly pattern?: boolean
  readonly raw?: boolean
  readonly dead?: boolean
}

/** Expands up to `stop` and past it, or to the end. False when `stop` is not found. */
export function expandUntil(reader: Reader, stop: string, sink: Sink, mode: Mode = {}): boolean {
  const { text, quotes } = reader
  while (reader.at < text.length) {
    const character = text[reader.at] ?? ''
    if (character === stop) {
      reader.at++
      return true
    }
    if (quotes && character === "'") sink.fixed(singleQuoted(reader))
    else if (quotes && character === '"') sink.fixed(doubleQuoted(reader, mode))
    else if (character === '$') sink.plain(expandVariable(reader, mode))
    else if (character === reader.escape) sink.fixed(escaped(reader, mode))
    else sink.plain(plainRun(reader, stop, mode))
  }
  return stop === ''
}

/** Characters that mean only themselves, as many as follow each other. */
function plainRun(reader: Reader, stop: string, mode: Mode): string {
  const { text } = reader
  const start = reader.at++
  while (reader.at < text.length && text[reader.at] !== stop && !isSpecial(text[reader.at], reader)) reader.at++
  const run = text.slice(start, reader.at)
  return mode.pattern && reader.escape !== '\\' ? run.replaceAll('\\', '\\\\') : run
}

function isSpecial(character: string | undefined, { quotes, escape: escapeChar }: Reader): boolean {
  return character === '$' || character === escapeChar || (quotes && (character === "'" || character === '"'))
}

/** The escape goes away and the next character means itself; at the end it just goes away. */
function escaped(reader: Reader, mode: Mode): string {
  const character = reader.text[reader.at + 1]
  reader.at += 2
  if (character === undefined) return ''
  if (mode.raw) return `${reader.escape}${character}`
  if (!mode.pattern) return character
  if (/[\p{L}\p{N}\s]/u.test(character))
    reader.fail(`invalid escape '${reader.escape}${character}' in a pattern`, 'escape only characters that mean something')
  return `\\${character}`
}

function singleQuoted(reader: Reader): string {
  const close = reader.text.indexOf("'", reader.at + 1)
  if (close < 0) reader.fail('unexpected end of statement while looking for matching single-quote', "escape a ' that is no quote")
  const inside = reader.text.slice(reader.at + 1, close)
  reader.at = close + 1
  return inside
}

/** In double quotes the escape keeps only `"`, `$` and itself from meaning something; before others it stays. */
function doubleQuoted(reader: Reader, mode: Mode): string {
  const { text, escape: escapeChar } = reader
  const parts: string[] = []
  reader.at++
  while (reader.at < text.length) {
    const character = text[reader.at] ?? ''
    if (character === '"') {
      reader.at++
      return parts.join('')
    }
    if (character === '$') parts.push(expandVariable(reader, mode))
    else {
      const next = text[reader.at + 1]
      const drop = character === escapeChar && (next === '"' || next === '$' || next === escapeChar)
      const literal = drop ? next : character
      if (mode.raw && character === escapeChar) parts.push(escapeChar)
      parts.push(mode.pattern && literal === '\\' && (drop || escapeChar !== '\\') ? '\\\\' : literal)
      reader.at += drop ? 2 : 1
    }
  }
  return reader.fail('unexpected end of statement while looking for matching double-quote', 'escape a " that is no quote')
}
