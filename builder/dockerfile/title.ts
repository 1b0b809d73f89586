import { heredocText } from './heredoc.ts'
import type { Instruction } from './instruction.ts'

const MAX_LENGTH = 200

/** What progress shows for a step: the instruction as written, on one line; for `RUN <<EOF` with the first line of what it runs. */
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
  const line = title.replace(/\s+/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '?')
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 3)}...` : line
}
