import { Command, CommanderError, Option } from 'commander'
import { type CommandSpec, type Flag, type Flags, type OptionsOf, usageError } from './command-spec.ts'
import { normalise } from './words.ts'

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
  option.negate = false // --no-cache is no opposite of --cache
  if (flag.hidden || flag.ignored !== undefined) option.hideHelp()
  return flag.kind === 'list' ? option.argParser((item: string, items: string[] = []) => [...items, item]) : option
}

function optionsOf<F extends Flags>(flags: F, values: Record<string, unknown>): OptionsOf<F> {
  const options = Object.entries(flags).map(([name, flag]) => {
    const value = values[camelCase(name)]
    return [name, flag.kind === 'boolean' ? value === true : flag.kind === 'list' ? (value ?? []) : value]
  })
  return Object.fromEntries(options) as OptionsOf<F>
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
