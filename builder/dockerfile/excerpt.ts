import type { SourceRange } from '../../registry/oci/error.ts'

const RULE = '-'.repeat(20)
/** Lines of a long range beyond this are left out in the middle. */
const MAX_LINES = 20
const MAX_WIDTH = 200

/**
 * The lines around `at`, for below an error: `file:line`, then numbered lines, those meant marked with `>>>`, and the columns underlined when they are
 * known and on one line, or the word that is meant where it first stands alone. Ends without a line feed. Control characters are shown as `?`: a Dockerfile must not talk to the terminal.
 */
export function excerpt(source: string | Uint8Array, at: SourceRange): string {
  return excerptOf(linesOf(source), at)
}

/** For many excerpts of one text. */
export function linesOf(source: string | Uint8Array): string[] {
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
  return text.split('\n').map((line) => line.replace(/\r+$/, ''))
}

/** As `excerpt`, of lines that are split already. */
export function excerptOf(lines: readonly string[], at: SourceRange): string {
  const pad = at.startLine === at.endLine ? 2 : 1
  const first = Math.max(1, at.startLine - pad)
  const last = Math.min(lines.length, at.endLine + pad)
  const shown: string[] = []
  const word = placeOfWord(lines, at)
  for (let number = first; number <= last; number++) {
    if (number === first + MAX_LINES && last - number > MAX_LINES) {
      shown.push(row('...', '', ''))
      number = last - MAX_LINES + 1
    }
    const line = lines[number - 1] ?? ''
    // The last line feed ends a line, it begins none.
    if (number === lines.length && line === '' && number > at.endLine) break
    const meant = number >= at.startLine && number <= at.endLine
    shown.push(row(String(number), meant ? '>>>' : '', visible(line.slice(0, MAX_WIDTH))))
    if (number === word?.startLine) shown.push(...underline(line, word))
    else if (meant && at.startLine === at.endLine) shown.push(...underline(line, at))
  }
  return [`${at.file}:${at.startLine}`, RULE, ...shown, RULE].join('\n')
}

function row(number: string, marker: string, line: string): string {
  return ` ${number.padStart(3)} | ${marker.padEnd(3)} ${line}`.trimEnd()
}

/** Where the word stands between blanks, quotes and what else parts words; none when it does not, as one that continues on the next line. */
function placeOfWord(lines: readonly string[], { file, startLine, endLine, startColumn, word }: SourceRange): SourceRange | undefined {
  if (word === undefined || word === '' || startColumn !== undefined) return undefined
  for (let number = startLine; number <= Math.min(endLine, startLine + MAX_LINES); number++) {
    const line = lines[number - 1] ?? ''
    for (let found = line.indexOf(word); found >= 0; found = line.indexOf(word, found + 1))
      if (isApart(line[found - 1]) && isApart(line[found + word.length]))
        return { file, startLine: number, endLine: number, startColumn: found + 1, endColumn: found + 1 + word.length }
  }
  return undefined
}

function isApart(character: string | undefined): boolean {
  return character === undefined || /[\s"'=,[\]]/.test(character)
}

/** Carets below the columns; tabs stay tabs, so that they stand below what they mean. */
function underline(line: string, { startColumn, endColumn }: SourceRange): string[] {
  if (startColumn === undefined || endColumn === undefined || startColumn > MAX_WIDTH) return []
  const before = line.slice(0, startColumn - 1).replace(/[^\t]/g, ' ')
  const width = Math.max(1, Math.min(endColumn, line.length + 1, MAX_WIDTH + 1) - startColumn)
  return [row('', '', before + '^'.repeat(width))]
}

function visible(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu, (character) => (character === '\t' ? character : '?'))
}
