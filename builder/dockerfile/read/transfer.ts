import { checkFlags, listFlag, switchFlag, textFlag } from '../flags.ts'
import type { AddInstruction, CopyInstruction } from '../instruction.ts'
import { type FoundHeredoc, heredocOf, jsonArguments, type Statement, syntaxError, withBase } from '../statement.ts'
import { splitBlanks, type Word } from '../words.ts'

const SHARED_FLAGS = { chown: 'text', chmod: 'text', link: 'switch', exclude: 'list' } as const
const COPY_FLAGS = { from: 'text', ...SHARED_FLAGS, parents: 'switch' } as const
const ADD_FLAGS = { ...SHARED_FLAGS, checksum: 'text', 'keep-git-dir': 'switch', unpack: 'switch' } as const

export function readCopy(statement: Statement): CopyInstruction {
  const { flags } = statement
  checkFlags(flags, COPY_FLAGS, 'COPY')
  const own = { kind: 'copy', from: textFlag(flags, 'from'), parents: switchFlag(flags, 'parents') ?? false } as const
  return Object.assign(readTransfer(statement), own)
}

export function readAdd(statement: Statement): AddInstruction {
  const { flags } = statement
  checkFlags(flags, ADD_FLAGS, 'ADD')
  const own = {
    kind: 'add',
    checksum: textFlag(flags, 'checksum'),
    keepGitDir: switchFlag(flags, 'keep-git-dir'),
    unpack: switchFlag(flags, 'unpack'),
  } as const
  return Object.assign(readTransfer(statement), own)
}

/** What COPY and ADD share. */
function readTransfer(statement: Statement) {
  const { flags, heredocs } = statement
  const { sources, destination } = paths(statement)
  return withBase(statement, {
    sources,
    destination,
    chown: textFlag(flags, 'chown'),
    chmod: textFlag(flags, 'chmod'),
    link: switchFlag(flags, 'link') ?? false,
    exclude: listFlag(flags, 'exclude'),
    heredocs: heredocs.map(heredocOf),
  })
}

/** JSON form, else words at blanks; the words that announce heredocs are no paths. */
function paths(statement: Statement): { sources: string[]; destination: string } {
  const json = jsonArguments(statement)
  const words = json === undefined ? plainWords(statement) : []
  const texts = json ?? words.map((word) => word.text)
  const destination = texts.at(-1)
  const lastHeredoc = statement.heredocs.at(-1)
  if (lastHeredoc !== undefined && lastHeredoc.start > (words.at(-1)?.start ?? -1))
    throw syntaxError(statement, 'cannot accept a heredoc as a destination', 'name the destination after the heredocs', lastHeredoc)
  if (destination === undefined || texts.length + statement.heredocs.length < 2)
    throw syntaxError(
      statement,
      `${statement.keyword} requires at least two arguments, but only ${texts.length} ${texts.length === 1 ? 'was' : 'were'} provided`,
      'destination could not be determined: write the sources, then the destination',
    )
  for (const heredoc of statement.heredocs) checkFileName(statement, heredoc)
  return { sources: texts.slice(0, -1), destination }
}

function plainWords({ line, args, heredocs }: Statement): Word[] {
  let next = 0
  return splitBlanks(line.text, args).filter((word) => {
    while ((heredocs[next]?.end ?? Number.POSITIVE_INFINITY) <= word.start) next++
    return word.start < (heredocs[next]?.start ?? Number.POSITIVE_INFINITY)
  })
}

/** The name becomes a file in the destination, and nothing else. */
function checkFileName(statement: Statement, heredoc: FoundHeredoc): void {
  if (!heredoc.name.includes('/') && heredoc.name !== '.' && heredoc.name !== '..') return
  throw syntaxError(
    statement,
    `invalid heredoc name ${JSON.stringify(heredoc.name)}`,
    'the name becomes a file name: it cannot hold "/"',
    heredoc,
  )
}
