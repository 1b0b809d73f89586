import type { Instruction } from '../instruction.ts'
import { type Statement, syntaxError } from '../statement.ts'
import { didYouMean } from '../suggest.ts'
import { readCmd, readEntrypoint, readRun, readShell } from './command.ts'
import { readFrom } from './from.ts'
import { readHealthcheck } from './healthcheck.ts'
import { readOnbuild } from './onbuild.ts'
import { readArg, readEnv, readLabel } from './pairs.ts'
import { readExpose, readMaintainer, readStopsignal, readUser, readVolume, readWorkdir } from './plain.ts'
import { readAdd, readCopy } from './transfer.ts'

const READERS: Readonly<Record<string, (statement: Statement) => Instruction>> = {
  ADD: readAdd,
  ARG: readArg,
  CMD: readCmd,
  COPY: readCopy,
  ENTRYPOINT: readEntrypoint,
  ENV: readEnv,
  EXPOSE: readExpose,
  FROM: readFrom,
  HEALTHCHECK: readHealthcheck,
  LABEL: readLabel,
  MAINTAINER: readMaintainer,
  ONBUILD: readOnbuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readStopsignal,
  USER: readUser,
  VOLUME: readVolume,
  WORKDIR: readWorkdir,
}

/** Throws DOCKERFILE_SYNTAX for an unknown keyword, and what the keyword's own reader throws. */
export function readInstruction(statement: Statement): Instruction {
  const reader = Object.hasOwn(READERS, statement.keyword) ? READERS[statement.keyword] : undefined
  if (reader !== undefined) return reader(statement)
  const { start, line, keyword } = statement
  const word = { start, end: start + keyword.length }
  throw syntaxError(
    statement,
    `unknown instruction: ${line.text.slice(start, word.end)}`,
    didYouMean(keyword, Object.keys(READERS)) ?? hint(keyword),
    word,
  )
}

function hint(keyword: string): string | undefined {
  return keyword.startsWith('#') ? undefined : 'a line that goes on with the one above needs an escape (\\) at the end of that one'
}
