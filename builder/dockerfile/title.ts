import { heredocText } from './heredoc.ts'
import type { Instruction } from './instruction.ts'

const MAX_LENGTH = 200

/** Credentials in a URL; of ssh it is a name alone, and part of the address. */
const USER_OF_URL = /(\bhttps?:\/\/)[^\s/?#@]+@/gi

/** What progress shows for a step: the instruction as written, on one line, without credentials in URLs; for `RUN <<EOF` with the first line of what it runs. */
export function stepTitle(instruction: Instruction): string {
  const [heredoc] = instruction.kind === 'run' ? instruction.heredocs : []
  const first =
    heredoc === undefined
      ? ''
      : (heredocText(heredoc)
          .split('\n')
          .find((line) => line.trim() !== '') ?? '')
  const title = first === '' ? instruction.source : `${instruction.source} (${first.trim()}...)`
  // Blanks that continuations leave behind, and what a terminal might obey.
  const line = title
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '?')
    .replace(USER_OF_URL, '$1')
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 3)}...` : line
}
