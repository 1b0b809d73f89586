/** What Go's `unicode.IsSpace` holds for white space; JavaScript's `\s` differs by U+0085 and U+FEFF. */
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

/** True for one character (or undefined: the end) that is white space. */
export function isSpace(character: string | undefined): boolean {
  if (character === undefined || character === '') return false
  return character <= '\x7f' ? character === ' ' || (character >= '\t' && character <= '\r') : SPACE.test(character)
}

/** The white space between words of an instruction. Line feeds cannot occur there. */
export function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\v' || character === '\f' || character === '\r'
}

/** Offset of the first character at or after `from` that is no white space, else the length. */
export function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && isSpace(text[at])) at++
  return at
}

/** Length of `text` without the white space at its end, not less than `from`. */
export function endOfText(text: string, from = 0): number {
  let end = text.length
  while (end > from && isSpace(text[end - 1])) end--
  return end
}

export function trim(text: string): string {
  const start = skipSpace(text, 0)
  return text.slice(start, endOfText(text, start))
}
