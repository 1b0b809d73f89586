import { isBlank, skipSpace } from '../characters.ts'
import { readDuration } from '../duration.ts'
import { checkFlags, textFlag } from '../flags.ts'
import type { HealthcheckInstruction } from '../instruction.ts'
import { flagError, type Statement, syntaxError, withBase } from '../statement.ts'
import { readCommand } from './command.ts'

const FLAGS = { interval: 'text', timeout: 'text', 'start-period': 'text', 'start-interval': 'text', retries: 'text' } as const
const MINIMUM_NS = 1_000_000

export function readHealthcheck(statement: Statement): HealthcheckInstruction {
  const { text } = statement.line
  let end = statement.args
  while (end < text.length && !isBlank(text[end])) end++
  const word = { start: statement.args, end }
  const type = text.slice(word.start, word.end)
  if (type === '')
    throw syntaxError(statement, 'HEALTHCHECK requires at least one argument', 'write HEALTHCHECK CMD command, or HEALTHCHECK NONE')
  const rest = { ...statement, args: skipSpace(text, end) }
  if (type.toUpperCase() === 'NONE') {
    // As in BuildKit, nobody looks at its flags.
    if (rest.args < text.length) throw syntaxError(rest, 'HEALTHCHECK NONE takes no arguments')
    return withBase(statement, { kind: 'healthcheck' })
  }
  checkFlags(statement.flags, FLAGS, 'HEALTHCHECK')
  if (type.toUpperCase() !== 'CMD')
    throw syntaxError(statement, `unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`, undefined, word)
  if (rest.args === text.length) throw syntaxError(statement, 'missing command after HEALTHCHECK CMD', undefined, word)
  return withBase(statement, {
    kind: 'healthcheck',
    command: readCommand(rest, 'HEALTHCHECK CMD'),
    intervalNs: duration(statement, 'interval'),
    timeoutNs: duration(statement, 'timeout'),
    startPeriodNs: duration(statement, 'start-period'),
    startIntervalNs: duration(statement, 'start-interval'),
    retries: retries(statement),
  })
}

function duration(statement: Statement, name: string): number | undefined {
  const text = textFlag(statement.flags, name)
  if (text === undefined) return undefined
  const ns = readDuration(text)
  if (ns === undefined)
    throw flagError(statement, name, `invalid duration ${JSON.stringify(text)} of --${name}`, 'write it like 30s, 1m30s or 500ms')
  if (ns !== 0 && ns < MINIMUM_NS) throw flagError(statement, name, `--${name}=${text} is less than 1ms`, '0 means: as in the base image')
  return ns
}

function retries(statement: Statement): number | undefined {
  const text = textFlag(statement.flags, 'retries')
  if (text === undefined) return undefined
  if (!/^\+?\d+$/.test(text) || Number(text) > 0x7fffffff)
    throw flagError(statement, 'retries', `--retries must be a number of 0 or more, not ${JSON.stringify(text)}`)
  return Number(text)
}
