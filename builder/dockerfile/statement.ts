import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { endOfText } from './characters.ts'
import type { FlagUse, Heredoc, InstructionBase } from './instruction.ts'
import { readJsonForm } from './json-form.ts'
import { type LogicalLine, rangeOf } from './logical-line.ts'
import type { Word } from './words.ts'

/** One instruction on its way from text to type: keyword and flags are read, the arguments are still text. */
export interface Statement {
  readonly line: LogicalLine
  readonly file: string
  readonly escape: string
  /** In upper case. */
  readonly keyword: string
  /** Offset in `line.text` of the keyword; not 0 inside ONBUILD. */
  readonly start: number
  /** Offset of the first argument. */
  readonly args: number
  readonly flags: readonly FlagUse[]
  readonly heredocs: readonly FoundHeredoc[]
  /** Last line of the last heredoc, else of the instruction. */
  readonly endLine: number
}

/** A heredoc and the words that announce it (`<<EOF`, `<< EOF`). */
export interface FoundHeredoc extends Heredoc {
  readonly start: number
  readonly end: number
}

/** What of it stays in the instruction. */
export function heredocOf({ name, fd, expand, stripTabs, content }: FoundHeredoc): Heredoc {
  return { name, fd, expand, stripTabs, content }
}

/**
 * What every instruction carries, added to what it has of its own: in place, since a literal that is spread into another costs V8 ten times as much, and
 * there is one of these for each line.
 */
export function withBase<const T extends object>(statement: Statement, own: T): T & InstructionBase {
  const { line, start, flags } = statement
  const whole = own as T & { -readonly [K in keyof InstructionBase]: InstructionBase[K] }
  whole.at = wholeRange(statement)
  whole.source = line.text.slice(start, endOfText(line.text, start))
  whole.flags = flags
  whole.comments = line.comments
  return whole
}

export function wholeRange({ file, line, endLine }: Statement): SourceRange {
  return { file, startLine: line.startLine, endLine }
}

/** Argument text without white space at its ends. */
export function argumentText({ line, args }: Statement): string {
  return line.text.slice(args, endOfText(line.text, args))
}

/** The arguments in JSON form, or undefined when they are not. */
export function jsonArguments(statement: Statement): string[] | undefined {
  const words = readJsonForm(argumentText(statement))
  if (words === 'not-strings') throw syntaxError(statement, 'arrays must be comprised of strings only', 'put each item in double quotes')
  return words
}

/** DOCKERFILE_SYNTAX that points at `word`, else at the arguments, else at the keyword. */
export function syntaxError(statement: Statement, message: string, hint?: string, word?: Pick<Word, 'start' | 'end'>): TsbuildError {
  const { line, file, args, start } = statement
  const end = endOfText(line.text)
  const range = word ?? (args < end ? { start: args, end } : { start, end: start + statement.keyword.length })
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { hint, at: rangeOf(line, file, range.start, range.end) })
}

/** DOCKERFILE_SYNTAX that points at the flag `--name`. */
export function flagError(statement: Statement, name: string, message: string, hint?: string): TsbuildError {
  const flag = statement.flags.find((candidate) => candidate.name === name)
  return new TsbuildError('DOCKERFILE_SYNTAX', message, { hint, at: flag?.at ?? wholeRange(statement) })
}
