import type { Emit } from '../registry/oci/event.ts'
import { parseArgs } from './args.ts'
import { type CommandSpec, type Flags, ignoredFlags, type OptionsOf } from './command-spec.ts'

/** The outside world as commands see it: the only way to environment, clock, streams and signals. */
export interface Context {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Effective user id. */
  readonly uid: number
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly stdin: NodeJS.ReadStream
  /** Standard input to its end. Throws INPUT_TOO_LARGE. */
  readInput(maxBytes: number): Promise<Uint8Array>
  /** Texts that the position of an error may be in, by the name that it gives; as they were when they were read. */
  readonly sources: Map<string, Uint8Array>
  /** Results; everything else goes to standard error. What a terminal could take for a command is escaped in both (printable.ts). */
  readonly print: (text: string) => void
  readonly printError: (text: string) => void
  readonly writeBytes: (bytes: Uint8Array) => Promise<void>
  readonly writeErrorBytes: (bytes: Uint8Array) => Promise<void>
  /** Shows progress as `mode` says until `stop`. */
  progress(mode: ProgressMode): Progress
}

/** Where progress events are shown. */
export interface Progress {
  readonly emit: Emit
  /** A promise while too much waits to be written: output of commands is held back until it resolves. */
  settled(): void | Promise<void>
  stop(): void
}

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'rawjson' | 'quiet'

/** A command: the words after its name -> exit status. */
export type CommandRun = (words: readonly string[], context: Context) => Promise<number>

/** Binds a flag table to what the command does; `--help` is answered here. */
export function command<F extends Flags>(
  spec: CommandSpec<F>,
  action: (options: OptionsOf<F>, operands: readonly string[], context: Context) => Promise<number | undefined>,
): CommandRun {
  return async (words, context) => {
    const parsed = parseArgs(spec, words)
    if (parsed.kind === 'help') {
      context.print(parsed.text)
      return 0
    }
    const { options, operands } = parsed
    if (options.quiet !== true) for (const note of ignoredFlags(spec, options)) context.printError(`${note}\n`)
    return (await action(options, operands, context)) ?? 0
  }
}
