import { TsbuildError } from '../../registry/oci/error.ts'
import { didYouMean } from '../dockerfile/suggest.ts'
import { type Entry, KINDS, type Kind } from './entry.ts'

/** Names that BuildKit has for kinds of its cache. */
const KINDS_OF_BUILDKIT: Readonly<Record<string, readonly Kind[]>> = {
  regular: ['step', 'snapshot'],
  'exec.cachemount': ['mount'],
  'source.local': ['context'],
  'source.http': ['download'],
  'source.git.checkout': ['git'],
  frontend: [],
}
const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3 }
const FLAGS = {
  shared: ({ shared }: Entry) => shared,
  private: ({ shared }: Entry) => !shared,
  reclaimable: ({ reclaimable }: Entry) => reclaimable,
  inuse: ({ reclaimable }: Entry) => !reclaimable,
} as const
const KEYS = ['until', 'unused-for', 'type', 'id', 'description', 'shared', 'private', 'reclaimable', 'inuse'] as const
type Key = (typeof KEYS)[number]

export interface Filter {
  readonly matches: (entry: Entry) => boolean
  readonly unusedMs: number
}

interface Term {
  readonly key: Key
  readonly matches: (entry: Entry) => boolean
  readonly unusedMs: number
}

/**
 * `until=24h`, `type=exec.cachemount`, `id=3f2a`, `description~=npm`, `shared`, `private`, `reclaimable`, `inuse`; `!=` is the opposite of `=`, `~=` takes a regular
 * expression. Of one key any may hold, of several keys each must. Throws USAGE.
 */
export function readFilters(texts: readonly string[]): Filter {
  const terms = texts.map(termOf)
  const keys = [...new Set(terms.map(({ key }) => key))]
  return {
    matches: (entry) => keys.every((key) => terms.some((term) => term.key === key && term.matches(entry))),
    unusedMs: Math.max(0, ...terms.map(({ unusedMs }) => unusedMs)),
  }
}

function termOf(text: string): Term {
  const [, name = '', operator = '', value = ''] = /^([^=!~]*)(!=|~=|==?)?(.*)$/s.exec(text) ?? []
  const key = KEYS.find((known) => known === name)
  if (key === undefined) throw refused(text, 'is not known', didYouMean(name, KEYS) ?? KEYS.join(', '))
  if (key === 'until' || key === 'unused-for') return { key, matches: () => true, unusedMs: durationOf(text, operator, value) }
  return { key, matches: matcherOf(key, { text, operator, value }), unusedMs: 0 }
}

interface Given {
  readonly text: string
  readonly operator: string
  readonly value: string
}

function matcherOf(key: Exclude<Key, 'until' | 'unused-for'>, given: Given): (entry: Entry) => boolean {
  if (key === 'type') return kindMatcher(given)
  if (key === 'id' || key === 'description') return textMatcher(given, (entry) => entry[key])
  return flagMatcher(given, FLAGS[key])
}

function kindMatcher({ text, operator, value }: Given): (entry: Entry) => boolean {
  if (operator === '~=' || operator === '') throw refused(text, 'takes = or !=', `type=${KINDS.join(', type=')}`)
  const names = [...KINDS, ...Object.keys(KINDS_OF_BUILDKIT)]
  const kinds = Object.hasOwn(KINDS_OF_BUILDKIT, value) ? KINDS_OF_BUILDKIT[value] : KINDS.filter((kind) => kind === value)
  if (!names.includes(value)) throw refused(text, 'is no type', didYouMean(value, names) ?? names.join(', '))
  return ({ kind }) => (kinds ?? []).includes(kind) === (operator !== '!=')
}

/** `=` takes the beginning of an id or description: ids are shown short. */
function textMatcher({ text, operator, value }: Given, textOf: (entry: Entry) => string): (entry: Entry) => boolean {
  if (value === '') throw refused(text, 'has no value', 'write key=value')
  if (operator === '~=') {
    const expression = expressionOf(text, value)
    return (entry) => expression.test(textOf(entry))
  }
  return (entry) => textOf(entry).startsWith(value) === (operator !== '!=')
}

function expressionOf(text: string, value: string): RegExp {
  try {
    return new RegExp(value, 'u')
  } catch (cause) {
    throw refused(text, 'is no regular expression', String((cause as Error).message).replaceAll('\n', ' '))
  }
}

function flagMatcher({ text, operator, value }: Given, isSet: (entry: Entry) => boolean): (entry: Entry) => boolean {
  const wanted = { '': true, true: true, 1: true, false: false, 0: false }[value]
  if (wanted === undefined || operator === '~=') throw refused(text, 'takes true or false', 'alone it is true')
  return (entry) => isSet(entry) === (wanted === (operator !== '!='))
}

/** Go's duration syntax, in milliseconds. */
function durationOf(text: string, operator: string, value: string): number {
  const parts = [...value.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)]
  const isWhole = value === '0' || (parts.length > 0 && parts.map(([part]) => part).join('') === value)
  if (!isWhole || (operator !== '=' && operator !== '==')) throw refused(text, 'is no duration', 'write until=24h, until=1h30m')
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (UNIT_MS[unit] ?? 0), 0)
}

function refused(text: string, why: string, hint: string): TsbuildError {
  return new TsbuildError('USAGE', `--filter ${JSON.stringify(text)} ${why}`, { hint })
}
