import { Command, CommanderError, Option } from 'commander'
import { TsbuildError } from '../registry/oci/error.ts'
import { parseBoolean } from './booleans.ts'

/** One flag of a command. `boolean` also takes `=true` and `=false`, as Docker's flags do; `optional` may stand without a value, then it is `bare`. */
export type Flag =
  | { readonly kind: 'boolean'; readonly short?: string; readonly help: string; readonly hidden?: boolean }
  | { readonly kind: 'string' | 'list'; readonly short?: string; readonly value: string; readonly help: string; readonly hidden?: boolean }
  | {
      readonly kind: 'optional'
      readonly short?: string
      readonly value: string
      readonly bare: string
      readonly help: string
      readonly hidden?: boolean
    }

export type Flags = Readonly<Record<string, Flag>>

/** What a flag table gives: names as in the table, `list` may be repeated. */
export type OptionsOf<F extends Flags> = {
  readonly [K in keyof F]: F[K]['kind'] extends 'boolean' ? boolean : F[K]['kind'] extends 'list' ? readonly string[] : string | undefined
}

/** A command line to be: `path` is `['store', 'check']`, `operands` in commander's notation (`<image>`, `[command...]`). */
export interface CommandSpec<F extends Flags> {
  readonly path: readonly string[]
  readonly summary: string
  readonly operands: readonly { readonly name: string; readonly help: string }[]
  readonly flags: F
  /** Everything after the first operand belongs to the operands (run IMAGE COMMAND -x). */
  readonly passThrough?: boolean
}

export type Parsed<F extends Flags> =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly options: OptionsOf<F>; readonly operands: readonly string[] }

/** Reads the words after the command's name. Throws USAGE for an unknown flag (with the nearest one that exists), a missing operand or a missing value. */
export function parseArgs<F extends Flags>(spec: CommandSpec<F>, words: readonly string[]): Parsed<F> {
  const command = commandOf(spec)
  let help: string | undefined
  let text = ''
  let operands: readonly string[] = []
  command.configureOutput({
    writeOut: (out) => {
      help = (help ?? '') + out
    },
    writeErr: (out) => {
      text += out
    },
  })
  command.action(() => {
    operands = command.args
  })
  try {
    command.parse(normalise(spec, words), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (help !== undefined) return { kind: 'help', text: help }
    throw usageError(spec, text === '' ? error.message : text)
  }
  return { kind: 'run', options: optionsOf(spec.flags, command.opts()), operands }
}

export function usageError(spec: { readonly path: readonly string[] }, text: string): TsbuildError {
  const [message = '', suggestion] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n')
  const help = `see tsbuild ${spec.path.join(' ')} --help`
  return new TsbuildError('USAGE', message, { hint: suggestion === undefined ? help : `${suggestion.replace(/[()]/g, '')} ${help}` })
}

function commandOf<F extends Flags>(spec: CommandSpec<F>): Command {
  const command = new Command(`tsbuild ${spec.path.join(' ')}`)
    .description(spec.summary)
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
  command.helpOption('-h, --help', 'show this help')
  if (spec.passThrough) command.passThroughOptions()
  for (const { name, help } of spec.operands) command.argument(name, help)
  for (const [name, flag] of Object.entries(spec.flags)) command.addOption(optionOf(name, flag))
  return command
}

function optionOf(name: string, flag: Flag): Option {
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const value = flag.kind === 'boolean' ? '' : ` <${flag.value}>`
  const option = new Option(`${short}--${name}${value}`, flag.help)
  if (flag.hidden) option.hideHelp()
  return flag.kind === 'list' ? option.argParser((item: string, items: string[] = []) => [...items, item]) : option
}

function optionsOf<F extends Flags>(flags: F, values: Record<string, unknown>): OptionsOf<F> {
  const options = Object.entries(flags).map(([name, flag]) => {
    // Commander reads --no-cache as the opposite of --cache.
    if (flag.kind === 'boolean' && name.startsWith('no-')) return [name, values[camelCase(name.slice(3))] === false]
    const value = values[camelCase(name)]
    return [name, flag.kind === 'boolean' ? value === true : flag.kind === 'list' ? (value ?? []) : value]
  })
  return Object.fromEntries(options) as OptionsOf<F>
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** Go's habits for commander: `--rm=false` is no flag at all, `--rm=true` is `--rm`, a bare optional flag gets its value. */
function normalise<F extends Flags>(spec: CommandSpec<F>, words: readonly string[]): string[] {
  const normal: string[] = []
  let isValue = false
  for (const [index, word] of words.entries()) {
    const isOperand = !isValue && !word.startsWith('-')
    if (word === '--' || (isOperand && spec.passThrough === true)) return [...normal, ...words.slice(index)]
    isValue = !isValue && takesNextWord(spec, word)
    const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    const flag = spec.flags[name]
    if (flag?.kind === 'boolean' && value !== undefined) {
      const given = parseBoolean(value)
      if (given === undefined) throw usageError(spec, `--${name} takes true or false, not ${JSON.stringify(value)}`)
      if (given) normal.push(`--${name}`)
    } else if (flag?.kind === 'optional' && value === undefined) normal.push(`--${name}=${flag.bare}`)
    else normal.push(word)
  }
  return normal
}

/** True for a flag whose value is the word after it. */
function takesNextWord<F extends Flags>(spec: CommandSpec<F>, word: string): boolean {
  const found = Object.entries(spec.flags).find(
    ([name, flag]) => word === `--${name}` || (flag.short !== undefined && word === `-${flag.short}`),
  )
  return found !== undefined && (found[1].kind === 'string' || found[1].kind === 'list')
}
