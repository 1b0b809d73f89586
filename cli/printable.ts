/** Characters. A command of RUN in a message is rarely longer. */
const MAX_MESSAGE = 4000
/** Controls (C0, C1), format characters (those that turn the direction of text are among them), halves of surrogate pairs, and what ends a line or paragraph. */
const UNSAFE = /(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const UNSAFE_BUT_LINE_FEED = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** One line of text from outside, safe for a terminal: what could move its cursor, colour it or reorder it is shown as `\x1b` or `\u009b`. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped)
}

/** The same for text of several lines. JSON stays the JSON it was: JSON.stringify leaves no control character below 0x20, and `\uNNNN` is its escape. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE_BUT_LINE_FEED, escaped)
}

/** A message as it is printed: of one that repeats a huge word of somebody's file, the beginning and the end. */
export function shortened(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE / 2)} ... ${text.slice(-MAX_MESSAGE / 2)}`
}

function escaped(character: string): string {
  if (character < ' ') return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at).toString(16).padStart(4, '0'))
  return units.map((unit) => `\\u${unit}`).join('')
}
