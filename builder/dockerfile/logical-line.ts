import type { SourceRange } from '../../registry/oci/error.ts'
import { isSpace, skipSpace, trim } from './characters.ts'
import type { Line } from './lines.ts'

/** Where reading stands: `index` is the next physical line (from 0). Moved by whoever takes lines. */
export interface LineCursor {
  readonly lines: readonly Line[]
  index: number
}

/** An instruction's lines joined at their continuations, and where each part of the text stands in the file. */
export interface LogicalLine {
  readonly text: string
  readonly startLine: number
  readonly endLine: number
  readonly pieces: readonly Piece[]
  /** Comment lines above it, without `#`. */
  readonly comments: readonly string[]
  /** A blank line stood inside (rule NoEmptyContinuation). */
  readonly emptyContinuation: boolean
}

/** From `offset` of the text on, up to the next piece, characters stand in `line` from `column` on (both from 1). */
interface Piece {
  readonly offset: number
  readonly line: number
  readonly column: number
}

/**
 * Takes the next instruction's lines, with the blank and comment lines before them; undefined at the end of the file. Lines are joined without
 * anything between; continued lines keep their leading white space; comments and blank lines inside are dropped. An escape at the end of the file
 * ends the instruction.
 */
export function readLogicalLine(cursor: LineCursor, escapeChar: string): LogicalLine | undefined {
  const comments = readComments(cursor)
  const startLine = cursor.index + 1
  const parts: string[] = []
  const pieces: Piece[] = []
  let offset = 0
  let emptyContinuation = false
  let open = true
  while (open && cursor.index < cursor.lines.length) {
    const line = cursor.lines[cursor.index++]?.text ?? ''
    const start = skipSpace(line, 0)
    if (parts.length > 0 && (start === line.length || line[start] === '#')) {
      emptyContinuation ||= start === line.length
      continue
    }
    const from = parts.length === 0 ? start : 0
    const end = continuationAt(line, escapeChar)
    open = end !== undefined
    pieces.push({ offset, line: cursor.index, column: from + 1 })
    parts.push(line.slice(from, Math.max(from, end ?? line.length)))
    offset += parts.at(-1)?.length ?? 0
  }
  if (parts.length === 0) return undefined
  return {
    text: parts.length === 1 ? (parts[0] ?? '') : parts.join(''),
    startLine,
    endLine: cursor.index,
    pieces,
    comments,
    emptyContinuation,
  }
}

const NO_COMMENTS: string[] = []

/** Of most lines the first character tells: nothing is made of them. */
function beginsInstruction(text = ''): boolean {
  const first = text.charCodeAt(0)
  return (first >= 0x41 && first <= 0x5a) || (first >= 0x61 && first <= 0x7a)
}

/** Skips blank and comment lines; only comments directly above count, and an empty one forgets those above it. */
function readComments(cursor: LineCursor): string[] {
  let comments: string[] = NO_COMMENTS
  for (; cursor.index < cursor.lines.length; cursor.index++) {
    if (beginsInstruction(cursor.lines[cursor.index]?.text)) break
    const line = trim(cursor.lines[cursor.index]?.text ?? '')
    if (line !== '' && !line.startsWith('#')) break
    const comment = trim(line.slice(1))
    if (comment === '') comments = NO_COMMENTS
    else if (comments === NO_COMMENTS) comments = [comment]
    else comments.push(comment)
  }
  return comments
}

/** Offset of the escape that continues the line: the last character but blanks, and not itself after an escape. */
function continuationAt(line: string, escapeChar: string): number | undefined {
  let at = line.length - 1
  while (at >= 0 && (line[at] === ' ' || line[at] === '\t')) at--
  return at >= 0 && line[at] === escapeChar && line[at - 1] !== escapeChar ? at : undefined
}

/** The range in the file of `text.slice(start, end)`, white space at its ends not counted. */
export function rangeOf(line: LogicalLine, file: string, start: number, end: number): SourceRange {
  let last = Math.min(end, line.text.length) - 1
  while (last > start && isSpace(line.text[last])) last--
  const from = positionOf(line, start)
  const to = positionOf(line, Math.max(start, last))
  return { file, startLine: from.line, endLine: to.line, startColumn: from.column, endColumn: to.column + 1 }
}

function positionOf(line: LogicalLine, offset: number): { line: number; column: number } {
  let low = 0
  let high = line.pieces.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((line.pieces[middle]?.offset ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  const piece = line.pieces[low]
  if (piece === undefined) return { line: line.startLine, column: 1 }
  return { line: piece.line, column: piece.column + offset - piece.offset }
}
