/** Columns 2 wide: East Asian scripts and pictures (Unicode UAX #11, the blocks that matter). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const NARROW_ONLY = /^[\x20-\x7e]*$/
const COMBINING = /^\p{M}/u

/** Columns that a line without controls takes on a terminal. */
export function columnsOf(text: string): number {
  if (NARROW_ONLY.test(text)) return text.length
  let columns = 0
  for (const character of text) columns += widthOf(character)
  return columns
}

/** The text, or as much of its beginning as fits in `columns` with an ellipsis. Tabs become blanks. */
export function fit(text: string, columns: number): string {
  const line = text.replaceAll('\t', '  ')
  if (columnsOf(line) <= columns) return line
  let shown = ''
  let left = columns - 1
  for (const character of line) {
    left -= widthOf(character)
    if (left < 0) break
    shown += character
  }
  return columns < 1 ? '' : `${shown}…`
}

function widthOf(character: string): number {
  return WIDE.test(character) ? 2 : COMBINING.test(character) ? 0 : 1
}
