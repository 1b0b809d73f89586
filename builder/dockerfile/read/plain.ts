import { checkFlags } from '../flags.ts'
import type {
  ExposeInstruction,
  MaintainerInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from '../instruction.ts'
import { argumentText, jsonArguments, type Statement, syntaxError, withBase } from '../statement.ts'
import { splitBlanks } from '../words.ts'

export function readWorkdir(statement: Statement): WorkdirInstruction {
  return withBase(statement, { kind: 'workdir', path: oneArgument(statement) })
}

export function readUser(statement: Statement): UserInstruction {
  return withBase(statement, { kind: 'user', user: oneArgument(statement) })
}

/** As in BuildKit, nobody looks at its flags. */
export function readStopsignal(statement: Statement): StopsignalInstruction {
  return withBase(statement, { kind: 'stopsignal', signal: restOfLine(statement) })
}

export function readMaintainer(statement: Statement): MaintainerInstruction {
  return withBase(statement, { kind: 'maintainer', name: oneArgument(statement) })
}

function oneArgument(statement: Statement): string {
  checkFlags(statement.flags, {}, statement.keyword)
  return restOfLine(statement)
}

/** Inner white space included. */
function restOfLine(statement: Statement): string {
  const text = argumentText(statement)
  if (text === '') throw syntaxError(statement, `${statement.keyword} requires exactly one argument`)
  return text
}

export function readExpose(statement: Statement): ExposeInstruction {
  checkFlags(statement.flags, {}, 'EXPOSE')
  return withBase(statement, { kind: 'expose', ports: atLeastOne(statement, wordsOf(statement)) })
}

export function readVolume(statement: Statement): VolumeInstruction {
  checkFlags(statement.flags, {}, 'VOLUME')
  const paths = atLeastOne(statement, jsonArguments(statement) ?? wordsOf(statement)).map((path) => path.trim())
  if (paths.includes('')) throw syntaxError(statement, 'VOLUME specified can not be an empty string')
  return withBase(statement, { kind: 'volume', paths })
}

function wordsOf({ line, args }: Statement): string[] {
  return splitBlanks(line.text, args).map((word) => word.text)
}

function atLeastOne(statement: Statement, words: string[]): string[] {
  if (words.length === 0) throw syntaxError(statement, `${statement.keyword} requires at least one argument`)
  return words
}
