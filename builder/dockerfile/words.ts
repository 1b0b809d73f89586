import { isBlank, isSpace } from './characters.ts'

/** A word and where it stands: `[start, end)` are offsets in the logical line. */
export interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Words between blanks of `text.slice(from)`; quotes mean nothing here (FROM, COPY, ADD, VOLUME, EXPOSE). */
export function splitBlanks(text: string, from: number): Word[] {
  const words: Word[] = []
  for (let at = from; at < text.length; ) {
    while (isBlank(text[at])) at++
    const start = at
    while (at < text.length && !isBlank(text[at])) at++
    if (at > start) words.push({ text: text.slice(start, at), start, end: at })
  }
  return words
}

/**
 * Words as ENV, LABEL and ARG have them: white space inside quotes and after an escape does not split. Quotes and escapes stay, for expansion to
 * remove; an unbalanced quote reaches to the end and is reported there.
 */
export function splitQuoted(text: string, from: number, escapeChar: string): Word[] {
  const words: Word[] = []
  for (let at = from; at < text.length; ) {
    while (isSpace(text[at])) at++
    const start = at
    at = endOfWord(text, start, escapeChar)
    if (at > start) words.push({ text: text.slice(start, at), start, end: at })
  }
  return words
}

/** Offset after the word that begins at `start`: the first white space outside quotes and not after an escape. Single quotes know no escape. */
export function endOfWord(text: string, start: number, escapeChar: string): number {
  let quote = ''
  let at = start
  for (; at < text.length; at++) {
    const character = text[at]
    if (character === escapeChar && quote !== "'") at++
    else if (quote !== '') quote = character === quote ? '' : quote
    else if (character === '"' || character === "'") quote = character
    else if (isSpace(character)) break
  }
  return Math.min(at, text.length)
}
