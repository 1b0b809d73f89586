import { isBlank, skipSpace } from '../characters.ts'
import { takeFlags } from '../flags.ts'
import { findHeredocs, readHeredocs } from '../heredoc.ts'
import { readJsonForm } from '../json-form.ts'
import type { LineCursor, LogicalLine } from '../logical-line.ts'
import type { FoundHeredoc, Statement } from '../statement.ts'

/** Instructions whose arguments may announce heredocs; ONBUILD of them may too. */
const WITH_HEREDOCS = /^(?:RUN|COPY|ADD)$/

interface Place {
  readonly file: string
  readonly escape: string
}

/** Splits `line` from `from` on into keyword, flags and arguments, and takes its heredocs from `cursor`. Undefined when nothing stands there. */
export function readStatement(line: LogicalLine, from: number, cursor: LineCursor, place: Place): Statement | undefined {
  const statement = keywordAndFlags(line, from, place)
  if (statement === undefined) return undefined
  const heredocs = heredocsOf(statement, cursor)
  return heredocs.length === 0 ? statement : { ...statement, heredocs, endLine: cursor.index }
}

/** The statement that is the argument of an ONBUILD, with the ONBUILD's heredocs. */
export function innerStatement(outer: Statement): Statement | undefined {
  const inner = keywordAndFlags(outer.line, outer.args, outer)
  return inner && { ...inner, heredocs: outer.heredocs, endLine: outer.endLine }
}

function keywordAndFlags(line: LogicalLine, from: number, place: Place): Statement | undefined {
  const start = skipSpace(line.text, from)
  if (start === line.text.length) return undefined
  let end = start
  while (end < line.text.length && !isBlank(line.text[end])) end++
  const { flags, rest } = takeFlags(line, end, place.escape, place.file)
  const keyword = line.text.slice(start, end).toUpperCase()
  return { line, file: place.file, escape: place.escape, keyword, start, args: rest, flags, heredocs: [], endLine: line.endLine }
}

function heredocsOf(statement: Statement, cursor: LineCursor): FoundHeredoc[] {
  const inner = statement.keyword === 'ONBUILD' ? innerStatement(statement) : statement
  if (inner === undefined || !WITH_HEREDOCS.test(inner.keyword)) return []
  if (!inner.line.text.includes('<<', inner.args) || readJsonForm(inner.line.text.slice(inner.args)) !== undefined) return []
  return readHeredocs(findHeredocs(inner.line.text, inner.args), inner.line, cursor, inner.file)
}
