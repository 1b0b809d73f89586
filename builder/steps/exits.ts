import { constants } from 'node:os'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { type InlineFile, SCRIPT_FOLDER } from '../plan/graph.ts'

/** What a step began with. */
export interface StepFiles {
  /** Links followed. */
  has(path: string): boolean
  /** The text of a regular file that is not large. */
  read(path: string): Promise<string | undefined>
}

export interface ExitSurroundings {
  readonly cwd: string
  /** The heredoc that was executed as a file. */
  readonly script: InlineFile | undefined
  readonly files: StepFiles | undefined
}

/** How shells and env(1) complain of a command that is not there: dash, busybox, bash, zsh, ksh. */
const COMPLAINTS = [
  /: ([^:]{1,200}): (?:command )?not found$/,
  /: command not found: ([^\n]{1,200})$/,
  /: ([^:]{0,100}\/[^:]{0,100}): (?:cannot execute: required file not found|No such file or directory)$/,
  /^(?:\S*\/)?env: (?:can't execute )?['‘"]([^\n]{1,200})['’"]: No such file or directory$/,
] as const
const BAD_INTERPRETER = /: ([^:]{1,200}): ([^:]{1,200}): bad interpreter: /
const INSTALL = 'install it in an earlier step, or check PATH'
const LINE_FEEDS = 'save the file with line feeds alone'
/** A shell ends with this and the number of the signal when one has ended its last command. */
const SIGNALLED = 128

/** What the end of a command means and what to do, from its status and the last lines it printed; undefined where they tell nothing. */
export async function explainExit(
  { exit, signal }: { readonly exit: number; readonly signal: number },
  lines: readonly string[],
  around: ExitSurroundings,
): Promise<string | undefined> {
  if (signal !== 0) return explainSignal(signal)
  if (exit === 127 || exit === 126) {
    const bad = lastMatch(lines, [BAD_INTERPRETER])
    if (bad !== undefined) return noInterpreter(bad[1] ?? '', bad[2] ?? '')
  }
  if (exit === 127) return explainMissing(lastMatch(lines, COMPLAINTS)?.[1], around)
  if (exit === 126) return 'a file was found but could not be executed: check its mode and its #! line'
  if (exit > SIGNALLED && signalName(exit - SIGNALLED) !== undefined)
    return [`${exit} is how a shell tells that ${signalName(exit - SIGNALLED)} ended a command`, explainSignal(exit - SIGNALLED)]
      .filter((part) => part !== undefined)
      .join('; ')
  return undefined
}

/** `SIGKILL` of 9. */
export function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0]
}

function explainSignal(signal: number): string | undefined {
  switch (signalName(signal)) {
    case 'SIGKILL':
      return 'something killed it; a machine out of memory does that'
    case 'SIGSEGV':
    case 'SIGBUS':
    case 'SIGABRT':
      return 'it crashed'
    case 'SIGILL':
      return 'it crashed; a program made for newer processors does that'
    default:
      return undefined
  }
}

async function explainMissing(name: string | undefined, around: ExitSurroundings): Promise<string> {
  if (name === undefined) return `a command was not found in the image: ${INSTALL}`
  if (name.endsWith('\r')) return `command not found: ${name.trimEnd()} with a carriage return behind it: ${LINE_FEEDS}`
  if (!name.includes('/')) return `command not found: ${name}: ${INSTALL}`
  const path = cleanPath(name.startsWith('/') ? name : `${around.cwd}/${name}`)
  const text = path === `${SCRIPT_FOLDER}/${around.script?.name}` ? around.script?.content : await around.files?.read(path)
  const interpreter = /^#![ \t]*([^ \t\n]+)/.exec(text ?? '')?.[1]
  if (interpreter !== undefined && around.files?.has(interpreter) !== true) return noInterpreter(name, interpreter)
  if (around.files?.has(path) === true)
    return `${name} is there, but no such interpreter or loader as it needs: check its #! line; a dynamic program needs its libc in the image`
  return `command not found: ${name}: it is not there, or there is no such interpreter as its #! line names`
}

function noInterpreter(name: string, interpreter: string): string {
  if (interpreter.endsWith('\r')) return `no such interpreter: the #! line of ${name} ends in a carriage return: ${LINE_FEEDS}`
  return `no such interpreter: ${interpreter}, which the #! line of ${name} names: install it in an earlier step, or name another`
}

function lastMatch(lines: readonly string[], patterns: readonly RegExp[]): RegExpExecArray | undefined {
  for (const line of [...lines].reverse())
    for (const pattern of patterns) {
      const match = pattern.exec(line)
      if (match !== null) return match
    }
  return undefined
}
