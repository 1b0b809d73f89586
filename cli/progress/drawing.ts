import { printable } from '../printable.ts'
import { formatDuration, formatTransfer } from './format.ts'
import type { RunningStep, Steps } from './steps.ts'
import type { Terminal } from './tty.ts'
import { fit } from './width.ts'

/** Last lines of output that a running step shows where there is room. */
export const TAIL_LINES = 6

/** How far a run is. */
export interface Count {
  readonly since: number
  done: number
  cached: number
}

/**
 * What stands below the finished steps: as many of the running ones as the window has room for, each with its share of the lines, and how far the run is.
 * Each line leaves the last column free, so that none takes two rows.
 */
export function drawing(steps: Steps, count: Count, terminal: Terminal): string[] {
  const running = [...steps.running.values()]
  if (running.length === 0) return []
  const width = terminal.columns() - 1
  const room = Math.max(1, terminal.rows() - 2)
  const isOnly = running.length + count.done + count.cached === 1
  const total = isOnly || room < 3 ? [] : [countLine(running.length, count, terminal.now())]
  const share = Math.max(1, Math.floor((room - total.length) / running.length))
  const now = terminal.now()
  const lines = running.flatMap((step) => linesOf(step, steps.begun(step), { share, width, now }))
  return [...lines.slice(0, room - total.length), ...total].map((line) => fit(line, width))
}

/** `12.3s: 2 cached, 3 done, 2 running` */
function countLine(running: number, { since, done, cached }: Count, now: number): string {
  const words = Object.entries({ cached, done, running }).flatMap(([word, number]) => (number === 0 ? [] : [`${number} ${word}`]))
  return `${formatDuration(now - since)}: ${words.join(', ')}`
}

interface Room {
  /** Lines for this step. */
  readonly share: number
  readonly width: number
  readonly now: number
}

/** What a running step is doing: its transfers, then the end of its output. */
function linesOf(step: RunningStep, begun: readonly string[], { share, width, now }: Room): string[] {
  const time = `  ${formatDuration(now - step.since)}`
  const moving = [...step.transfers.values()].filter(({ note, current, total }) => note === undefined && current !== total)
  const transfers = moving.map(
    ({ id, current, total, since }) =>
      `${fit(printable(id), Math.max(1, Math.floor(width / 3)))} ${formatTransfer(current, total, now - since)}`,
  )
  const lines = [fit(printable(step.name), width - time.length) + time, ...indented(transfers, width).slice(0, share - 1)]
  const left = Math.min(TAIL_LINES, share - lines.length)
  const output = [...step.lastLines, ...begun].map(lastWritten).filter((line) => line !== '')
  return left <= 0 ? lines : [...lines, ...indented(output.slice(-left), width)]
}

/** Two columns in; of a long line only what may be seen is looked at. */
function indented(lines: readonly string[], width: number): string[] {
  return lines.map((line) => printable(`  ${line.slice(0, width * 2)}`))
}

/** What a line shows in which a command went back to write over it, as bars of progress do. */
function lastWritten(line: string): string {
  return line.replace(/\r+$/, '').split('\r').at(-1) ?? ''
}
