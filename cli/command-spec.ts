import { TsbuildError } from '../registry/oci/error.ts'

interface AnyFlag {
  readonly short?: string
  readonly help: string
  readonly hidden?: boolean
  /** Why it changes nothing, for a flag that is known from elsewhere and not needed here: whoever gives it is told. It is not shown in the help. */
  readonly ignored?: string
}

/** One flag of a command. `boolean` also takes `=true` and `=false`, as Docker's flags do; `optional` may stand without a value, then it is `bare`. */
export type Flag = AnyFlag &
  (
    | { readonly kind: 'boolean' }
    | { readonly kind: 'string' | 'list'; readonly value: string }
    | { readonly kind: 'optional'; readonly value: string; readonly bare: string }
  )

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
  /** Flags that others know and we do not, yet: `volume`, or `-v, --volume`. */
  readonly unsupported?: readonly string[]
  /** Everything after the first operand belongs to the operands (run IMAGE COMMAND -x). */
  readonly passThrough?: boolean
}

/** What is wrong with a command line; a second line of `text` is the suggestion. */
export function usageError(spec: { readonly path: readonly string[] }, text: string): TsbuildError {
  const [message = '', suggestion] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n')
  const help = `see tsbuild ${spec.path.join(' ')} --help`
  return new TsbuildError('USAGE', message, { hint: suggestion === undefined ? help : `${suggestion.replace(/[()]/g, '')} ${help}` })
}

/** A line for each flag that was given and changes nothing. */
export function ignoredFlags<F extends Flags>({ flags }: CommandSpec<F>, options: OptionsOf<F>): string[] {
  return Object.entries(flags).flatMap(([name, { ignored }]) => {
    const isGiven = options[name] !== undefined && options[name] !== false
    return isGiven && ignored !== undefined ? [`--${name} changes nothing: ${ignored}`] : []
  })
}
