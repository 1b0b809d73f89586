import type { MissCause } from '../../registry/oci/event.ts'
import { LIST_FIELDS } from '../steps/select.ts'

type Field = (typeof LIST_FIELDS)[number]
type Line = readonly unknown[]

/** Two lists of files (`listFiles`) -> the first file that is not as it was, in the order of the lists; undefined where they name the same files. */
export function firstFileChange(was: string, is: string): MissCause | undefined {
  const [before, after] = [linesByName(was), linesByName(is)]
  const changed = [...after].filter(([name, line]) => before.get(name) !== line).map(([name]) => name)
  const gone = [...before.keys()].filter((name) => !after.has(name))
  const more = changed.length + gone.length - 1
  const [name = gone[0]] = changed
  if (name === undefined) return undefined
  const cause = changeOf(name, before.get(name), after.get(name))
  const renamed = gone.find((old) => before.get(name) === undefined && contentOf(before.get(old)) === contentOf(after.get(name)))
  const all =
    renamed === undefined ? { ...cause, more } : { ...cause, was: `name ${shown(renamed)}`, is: `name ${shown(name)}`, more: more - 1 }
  return all.more === 0 ? { ...all, more: undefined } : all
}

/** Names may come twice, below two sources: the first is number 0. */
function linesByName(text: string): Map<string, string> {
  const lines = new Map<string, string>()
  let source = 0
  for (const line of text.split('\n')) {
    if (line === '') source += 1
    else lines.set(`${source}/${String(read(line)[0])}`, line)
  }
  return lines
}

function changeOf(name: string, was: string | undefined, is: string | undefined): MissCause {
  const cause = { part: 'file', name: shown(name) } as const
  if (was === undefined || is === undefined) return { ...cause, was: was && digestOf(read(was)), is: is && digestOf(read(is)) }
  const [before, after] = [read(was), read(is)]
  const field = LIST_FIELDS.find((_, index) => JSON.stringify(before[index]) !== JSON.stringify(after[index]))
  if (field === undefined || field === 'sha256') return { ...cause, was: digestOf(before), is: digestOf(after) }
  return { ...cause, was: shownValue(field, before), is: shownValue(field, after) }
}

function shownValue(field: Field, line: Line): string {
  const value = line[LIST_FIELDS.indexOf(field)]
  if (field === 'mode') return `mode ${Number(value).toString(8).padStart(4, '0')}`
  return `${field} ${typeof value === 'string' ? value : JSON.stringify(value ?? null)}`
}

function digestOf(line: Line): string {
  const sha256 = line[LIST_FIELDS.indexOf('sha256')]
  return typeof sha256 === 'string' && sha256 !== '' ? `sha256:${sha256}` : String(line[LIST_FIELDS.indexOf('type')])
}

/** A file without its name. */
function contentOf(line: string | undefined): string | undefined {
  return line === undefined ? undefined : JSON.stringify(read(line).slice(1))
}

function read(line: string): Line {
  return JSON.parse(line) as Line
}

/** Without the number of its source; what is copied whole has no name. */
function shown(name: string): string {
  return name.slice(name.indexOf('/') + 1) || '.'
}
