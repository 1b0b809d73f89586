import { parseBoolean } from './booleans.ts'
import { type CommandSpec, type Flags, usageError } from './command-spec.ts'

/** Go's habits for commander: `--rm=false` is no flag at all, `--rm=true` is `--rm`, `-t=x` is `--tag=x`, a bare optional flag gets its value. */
export function normalise<F extends Flags>(spec: CommandSpec<F>, words: readonly string[]): string[] {
  const normal: string[] = []
  let isValue = false
  for (const [index, word] of words.entries()) {
    if (isValue) normal.push(word)
    else if (word === '--' || (spec.passThrough === true && !word.startsWith('-'))) return [...normal, ...words.slice(index)]
    else normal.push(...normalFlag(spec, longForm(spec, word)))
    isValue = !isValue && takesNextWord(spec, word)
  }
  return normal
}

function longForm<F extends Flags>(spec: CommandSpec<F>, word: string): string {
  const [, short, value] = /^-(\w)=(.*)$/s.exec(word) ?? []
  const name = short === undefined ? undefined : Object.keys(spec.flags).find((key) => spec.flags[key]?.short === short)
  return name === undefined ? word : `--${name}=${value}`
}

function normalFlag<F extends Flags>(spec: CommandSpec<F>, word: string): string[] {
  const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
  const flag = Object.hasOwn(spec.flags, name) ? spec.flags[name] : undefined
  if (flag === undefined) refuseUnsupported(spec, word)
  if (flag?.kind === 'optional' && value === undefined) return [`--${name}=${flag.bare}`]
  if (flag?.kind !== 'boolean' || value === undefined) return [word]
  const isGiven = parseBoolean(value)
  if (isGiven === undefined) throw usageError(spec, `--${name} takes true or false, not ${JSON.stringify(value)}`)
  return isGiven ? [`--${name}`] : []
}

/** Throws USAGE for `--volume`, `--volume=x`, `-v` and `-vx` where `unsupported` has `-v, --volume`. */
function refuseUnsupported<F extends Flags>(spec: CommandSpec<F>, word: string): void {
  const [, long, short] = /^(?:--([^=]+)|-(\w))/.exec(word) ?? []
  for (const names of spec.unsupported ?? []) {
    const [, ownShort, ownLong] = /^(?:-(\w), --)?(.+)$/.exec(names) ?? []
    if (ownLong === long || (short !== undefined && short === ownShort)) throw usageError(spec, `--${ownLong} is not supported yet`)
  }
}

/** True for a flag whose value is the word after it. */
function takesNextWord<F extends Flags>(spec: CommandSpec<F>, word: string): boolean {
  const found = Object.entries(spec.flags).find(
    ([name, flag]) => word === `--${name}` || (flag.short !== undefined && word === `-${flag.short}`),
  )
  return found !== undefined && (found[1].kind === 'string' || found[1].kind === 'list')
}
