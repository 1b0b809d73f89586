import { TsbuildError } from '../../registry/oci/error.ts'
import { isSpace, skipSpace } from './characters.ts'
import { unquote } from './flags.ts'
import type { Heredoc, RunInstruction } from './instruction.ts'
import { type LineCursor, type LogicalLine, rangeOf } from './logical-line.ts'
import type { FoundHeredoc } from './statement.ts'
import { endOfWord } from './words.ts'

/** `<<NAME` before its body is known. */
export type HeredocMark = Omit<FoundHeredoc, 'content'>

/**
 * Finds the heredocs that `text` announces from `from` on: a word that begins with digits?`<<`-?NAME, the name perhaps after white space and perhaps
 * quoted. Not in quotes, not `<<<`, not in `((arithmetic))` where it shifts bits. The escape is `\` whatever the directive says: the shell reads this.
 */
export function findHeredocs(text: string, from: number): HeredocMark[] {
  const marks: HeredocMark[] = []
  if (!text.includes('<<', from)) return marks
  for (let at = skipSpace(text, from); at < text.length; at = skipSpace(text, at)) {
    const mark = markAt(text, at)
    if (mark !== undefined) marks.push(mark)
    at = mark?.end ?? endOfShellWord(text, at)
  }
  return marks
}

const MARK = /(\d*)<<(-?)(?!<)/y

function markAt(text: string, start: number): HeredocMark | undefined {
  MARK.lastIndex = start
  const match = MARK.exec(text)
  if (match === null) return undefined
  const from = skipSpace(text, start + match[0].length)
  const end = endOfWord(text, from, '\\')
  const word = text.slice(from, end)
  const name = unquote(word, '\\')
  // Another redirection or nothing at all follows: then this is the shell's business.
  if (name === '' || word.includes('<')) return undefined
  return { name, fd: Number(match[1] || 0), expand: name === word, stripTabs: match[2] === '-', start, end }
}

/** As `endOfWord`, but `$((1 << 2))` and `((x << 2))` are one word. */
function endOfShellWord(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    if (text.startsWith('((', at)) {
      const close = text.indexOf('))', at + 2)
      if (close < 0) return text.length
      at = close + 1
    } else if (text[at] === '\\') at++
    else if (text[at] === '"' || text[at] === "'") at = closeOfQuote(text, at)
    else if (isSpace(text[at])) return at
  }
  return text.length
}

function closeOfQuote(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\' && text[start] === '"') at++
    else if (text[at] === text[start]) return at
  }
  return text.length
}

/** Takes the bodies of `marks`, one after the other, from the lines that follow. Throws DOCKERFILE_SYNTAX when one does not end. */
export function readHeredocs(marks: readonly HeredocMark[], line: LogicalLine, cursor: LineCursor, file: string): FoundHeredoc[] {
  return marks.map((mark) => {
    const content: string[] = []
    while (cursor.index < cursor.lines.length) {
      const next = cursor.lines[cursor.index++]
      if (next === undefined) break
      if ((mark.stripTabs ? next.text.replace(/^\t+/, '') : next.text) === mark.name) return { ...mark, content: content.join('') }
      content.push(next.text + next.end)
    }
    throw new TsbuildError('DOCKERFILE_SYNTAX', `unterminated heredoc: no line is exactly ${JSON.stringify(mark.name)}`, {
      at: rangeOf(line, file, mark.start, mark.end),
      hint: /[;&|<>()]/.test(mark.name)
        ? 'put a space after the name of the heredoc'
        : 'the last line must hold the name alone, without white space',
    })
  })
}

/** The content as it is used: without leading tabs for `<<-`. */
export function heredocText(heredoc: Heredoc): string {
  return heredoc.stripTabs ? heredoc.content.replace(/^\t+/gm, '') : heredoc.content
}

/**
 * What a RUN starts. `shell`: `text` is the last argument of the stage's SHELL. `script`: `text` begins with `#!` and is to be a file of mode 0755 called
 * `name`, whose path is the last argument of the SHELL.
 */
export type RunForm =
  | { readonly kind: 'exec'; readonly argv: readonly string[] }
  | { readonly kind: 'shell'; readonly text: string }
  | { readonly kind: 'script'; readonly name: string; readonly text: string }

/** A heredoc alone is the command itself; otherwise the shell gets line and bodies as they were written. Never expanded. */
export function runForm({ command, heredocs }: Pick<RunInstruction, 'command' | 'heredocs'>): RunForm {
  if (command.form === 'exec') return { kind: 'exec', argv: command.argv }
  const [only] = heredocs
  if (only === undefined) return { kind: 'shell', text: command.text }
  if (heredocs.length > 1 || markAt(command.text, 0)?.end !== command.text.length)
    return { kind: 'shell', text: withHeredocs(command.text, heredocs) }
  const text = heredocText(only)
  return text.startsWith('#!') ? { kind: 'script', name: only.name, text } : { kind: 'shell', text }
}

/** `text` and below it each body with its terminator. */
export function withHeredocs(text: string, heredocs: readonly Heredoc[]): string {
  return text + heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`).join('')
}
