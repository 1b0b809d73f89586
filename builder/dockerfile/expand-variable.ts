import { expandUntil, type Mode, type Reader } from './expand.ts'
import { MAX_EXPANSION, textSink } from './expand-sink.ts'
import { readShellPattern, splitMatches, trimPrefix, trimSuffix } from './shell-pattern.ts'

/** Deeper than anyone writes, shallow enough for any stack. */
const MAX_DEPTH = 100
const NAME = /(?:\p{Nd}+|[\p{L}_][\p{L}\p{Nd}_]*|[@*#?\-$!])/uy

/** Reads `$name` or `${...}` at `reader.at` and returns what it stands for. `$` before anything else is a dollar sign. */
export function expandVariable(reader: Reader, mode: Mode): string {
  reader.at++
  if (reader.text[reader.at] !== '{') {
    const name = takeName(reader)
    return name === '' ? '$' : plainValue(reader, name, mode)
  }
  reader.at++
  if (++reader.depth > MAX_DEPTH) reader.fail(`variables are nested more than ${MAX_DEPTH} deep`)
  const value = braced(reader, mode)
  reader.depth--
  return value
}

function takeName(reader: Reader): string {
  NAME.lastIndex = reader.at
  const name = NAME.exec(reader.text)?.[0] ?? ''
  reader.at += name.length
  return name
}

/** The plain forms: an unset variable is empty, and is noted. */
function plainValue(reader: Reader, name: string, mode: Mode): string {
  const value = lookUp(reader, name, mode)
  if (value === undefined && !mode.dead && /^[\p{L}_]/u.test(name)) reader.unset.add(name)
  return value ?? ''
}

function lookUp(reader: Reader, name: string, mode: Mode): string | undefined {
  if (mode.dead) return undefined
  reader.used.add(name)
  return reader.env.get(name)
}

/** After `${`, up to and with `}`. */
function braced(reader: Reader, mode: Mode): string {
  if (reader.at >= reader.text.length) missing(reader, '}')
  const name = takeName(reader)
  if (name === '') reader.fail('syntax error: bad substitution', 'the braces must hold a name; escape a $ that is only a dollar sign')
  const colon = reader.text[reader.at] === ':'
  if (colon) reader.at++
  const operator = reader.text[reader.at++]
  if (operator === undefined) return missing(reader, '}')
  if (operator === '}' && !colon) return plainValue(reader, name, mode)
  if (operator === '-' || operator === '+' || operator === '?') return alternative(reader, { name, operator, colon }, mode)
  if (!colon && (operator === '#' || operator === '%')) return trimmed(reader, name, operator, mode)
  if (!colon && operator === '/') return replaced(reader, name, mode)
  return reader.fail(`unsupported modifier (${colon ? ':' : ''}${operator}) in substitution`, 'known are :- :+ :? - + ? # ## % %% / and //')
}

interface Alternative {
  readonly name: string
  readonly operator: '-' | '+' | '?'
  /** With a colon an empty value counts as none. */
  readonly colon: boolean
}

/** `${v:-w}`, `${v:+w}`, `${v:?w}`: `w` is looked into only when it is what counts. */
function alternative(reader: Reader, { name, operator, colon }: Alternative, mode: Mode): string {
  const value = lookUp(reader, name, mode)
  const present = value !== undefined && !(colon && value === '')
  const word = takePart(reader, '}', { dead: mode.dead === true || present !== (operator === '+') })
  if (operator === '+') return present ? word : ''
  if (present) return value
  if (operator === '-' || mode.dead) return word
  return reader.fail(
    `${name}: ${word === '' ? `is not allowed to be ${colon && value === '' ? 'empty' : 'unset'}` : word}`,
    `give it a value: ARG ${name}=..., or --build-arg ${name}=...`,
  )
}

function trimmed(reader: Reader, name: string, operator: '#' | '%', mode: Mode): string {
  const longest = reader.text[reader.at] === operator
  if (longest) reader.at++
  const pattern = readShellPattern(takePart(reader, '}', { dead: mode.dead === true, pattern: true }))
  const value = plainValue(reader, name, mode)
  const result = operator === '#' ? trimPrefix(pattern, value, longest) : trimSuffix(pattern, value, longest)
  return result ?? tooMuch(reader)
}

function replaced(reader: Reader, name: string, mode: Mode): string {
  const all = reader.text[reader.at] === '/'
  if (all) reader.at++
  const pattern = readShellPattern(takePart(reader, '/', { dead: mode.dead === true, pattern: true }))
  // The replacement is text, whatever operator the braces are inside of; BuildKit leaves its escapes in it.
  const replacement = takePart(reader, '}', { dead: mode.dead === true, raw: true })
  const pieces = splitMatches(pattern, plainValue(reader, name, mode), all) ?? tooMuch(reader)
  if (replacement.length * (pieces.length - 1) > MAX_EXPANSION) reader.fail('the value is longer than 1 MiB')
  return pieces.join(replacement)
}

/** Expands up to `stop`, which has to come. */
function takePart(reader: Reader, stop: '}' | '/', mode: Mode): string {
  const sink = textSink(() => reader.fail('the value is longer than 1 MiB'))
  if (!expandUntil(reader, stop, sink, mode)) missing(reader, stop)
  return sink.text()
}

function missing(reader: Reader, what: string): never {
  return reader.fail(what === '/' ? `syntax error: missing '/' in \${}` : `syntax error: missing '${what}'`)
}

function tooMuch(reader: Reader): never {
  return reader.fail('pattern and value are too long to match')
}
