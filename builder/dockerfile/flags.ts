import { TsbuildError } from '../../registry/oci/error.ts'
import { skipSpace } from './characters.ts'
import type { FlagUse } from './instruction.ts'
import { type LogicalLine, rangeOf } from './logical-line.ts'
import { suggest } from './suggest.ts'
import { endOfWord } from './words.ts'

/** Takes the `--name[=value]` words from `from` on; `rest` is where the arguments begin. A bare `--` ends them. */
export function takeFlags(line: LogicalLine, from: number, escapeChar: string, file: string): { flags: FlagUse[]; rest: number } {
  const flags: FlagUse[] = []
  let at = skipSpace(line.text, from)
  while (line.text.startsWith('--', at)) {
    const end = endOfWord(line.text, at, escapeChar)
    const word = unquote(line.text.slice(at, end), escapeChar)
    const start = at
    at = skipSpace(line.text, end)
    if (word === '--') break
    const equals = word.indexOf('=')
    const name = word.slice(2, equals < 0 ? undefined : equals)
    flags.push({ name, value: equals < 0 ? undefined : word.slice(equals + 1), at: rangeOf(line, file, start, end) })
  }
  return { flags, rest: at }
}

/** Takes quotes and escapes away. */
export function unquote(word: string, escapeChar: string): string {
  let out = ''
  let quote = ''
  for (let at = 0; at < word.length; at++) {
    const character = word[at] ?? ''
    if (character === escapeChar && quote !== "'") out += word[++at] ?? ''
    else if (character === quote) quote = ''
    else if (quote === '' && (character === '"' || character === "'")) quote = character
    else out += character
  }
  return out
}

/** An empty `text` is as if it were not there, a `word` is never empty, a `list` may be repeated; `switch` is bare, `=true` or `=false`. */
export type FlagKind = 'text' | 'word' | 'list' | 'switch'
export type FlagTable = Readonly<Record<string, FlagKind>>

/** Throws DOCKERFILE_SYNTAX unless each flag is in `table`, has a value where one is due, and is given once unless a list. */
export function checkFlags(flags: readonly FlagUse[], table: FlagTable, keyword: string): void {
  if (flags.length === 0) return // most instructions: nothing is made for them
  const seen = new Set<string>()
  for (const { name, value, at } of flags) {
    const kind = Object.hasOwn(table, name) ? table[name] : undefined
    if (kind === undefined)
      throw new TsbuildError('DOCKERFILE_SYNTAX', `unknown flag: --${name}`, { at, hint: hintFor(name, table, keyword) })
    if ((value === '' && kind !== 'text') || (value === undefined && kind !== 'switch'))
      throw new TsbuildError('DOCKERFILE_SYNTAX', `missing a value on flag: --${name}`, { at, hint: `write --${name}=VALUE` })
    if (kind === 'switch' && !/^(?:true|false)?$/i.test(value ?? ''))
      throw new TsbuildError('DOCKERFILE_SYNTAX', `expecting boolean value for flag --${name}, not: ${value}`, {
        at,
        hint: 'write true or false',
      })
    if (kind !== 'list' && seen.has(name)) throw new TsbuildError('DOCKERFILE_SYNTAX', `duplicate flag specified: --${name}`, { at })
    seen.add(name)
  }
}

function hintFor(name: string, table: FlagTable, keyword: string): string {
  const known = Object.keys(table)
  const near = suggest(name, known)
  if (near !== undefined) return `did you mean --${near}?`
  return known.length === 0 ? `${keyword} takes no flags` : `${keyword} takes ${known.map((flag) => `--${flag}`).join(', ')}`
}

/** Undefined when the flag is not given, or empty. */
export function textFlag(flags: readonly FlagUse[], name: string): string | undefined {
  return flags.length === 0 ? undefined : flags.find((flag) => flag.name === name)?.value || undefined
}

export function listFlag(flags: readonly FlagUse[], name: string): string[] {
  if (flags.length === 0) return []
  return flags.flatMap((flag) => (flag.name === name && flag.value !== undefined ? [flag.value] : []))
}

/** Undefined when the flag is not given. */
export function switchFlag(flags: readonly FlagUse[], name: string): boolean | undefined {
  const flag = flags.find((candidate) => candidate.name === name)
  return flag === undefined ? undefined : flag.value?.toLowerCase() !== 'false'
}
