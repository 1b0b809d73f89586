import { checkFlags, listFlag, textFlag } from '../flags.ts'
import type { CmdInstruction, Command, EntrypointInstruction, RunInstruction, ShellInstruction } from '../instruction.ts'
import { argumentText, flagError, heredocOf, jsonArguments, type Statement, syntaxError, withBase } from '../statement.ts'
import { didYouMean } from '../suggest.ts'

const RUN_FLAGS = { mount: 'list', network: 'word', security: 'word', device: 'list' } as const

export function readRun(statement: Statement): RunInstruction {
  const { flags } = statement
  checkFlags(flags, RUN_FLAGS, 'RUN')
  return withBase(statement, {
    kind: 'run',
    command: readCommand(statement, 'RUN'),
    mounts: listFlag(flags, 'mount'),
    network: choice(statement, 'network', ['default', 'none', 'host']),
    security: choice(statement, 'security', ['sandbox', 'insecure']),
    devices: listFlag(flags, 'device'),
    heredocs: statement.heredocs.map(heredocOf),
  })
}

/** A flag that takes one of a few words. */
function choice<T extends string>(statement: Statement, name: string, allowed: readonly T[]): T | undefined {
  const value = textFlag(statement.flags, name)
  if (value === undefined) return undefined
  const found = allowed.find((item) => item === value)
  if (found !== undefined) return found
  throw flagError(
    statement,
    name,
    `invalid ${name} mode: ${JSON.stringify(value)}`,
    didYouMean(value, allowed) ?? `write ${allowed.join(', ')}`,
  )
}

export function readCmd(statement: Statement): CmdInstruction {
  checkFlags(statement.flags, {}, 'CMD')
  return withBase(statement, { kind: 'cmd', command: readCommand(statement, 'CMD', true) })
}

export function readEntrypoint(statement: Statement): EntrypointInstruction {
  checkFlags(statement.flags, {}, 'ENTRYPOINT')
  return withBase(statement, { kind: 'entrypoint', command: readCommand(statement, 'ENTRYPOINT', true) })
}

export function readShell(statement: Statement): ShellInstruction {
  checkFlags(statement.flags, {}, 'SHELL')
  const argv = jsonArguments(statement)
  if (argv === undefined) throw syntaxError(statement, 'SHELL requires the arguments to be in JSON form', 'write SHELL ["/bin/bash", "-c"]')
  if (argv.length === 0) throw syntaxError(statement, 'SHELL requires at least one argument')
  return withBase(statement, { kind: 'shell', argv })
}

/** JSON form or text. No text is a command too: that of a shell that has nothing to do. `[]` only where it means "none" (`mayBeNone`). */
export function readCommand(statement: Statement, what: string, mayBeNone = false): Command {
  const argv = jsonArguments(statement)
  if (argv === undefined) return { form: 'shell', text: argumentText(statement) }
  if (argv.length === 0 && !mayBeNone) throw syntaxError(statement, `${what} requires at least one argument`)
  return { form: 'exec', argv }
}
