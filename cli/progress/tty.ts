import { styleText } from 'node:util'
import type { Emit, ProgressEvent } from '../../registry/oci/event.ts'
import { formatDuration, formatTransfer, printable } from './format.ts'
import { warningText } from './plain.ts'
import { type RunningStep, Steps } from './steps.ts'

export interface Terminal {
  write(text: string): void
  readonly columns: () => number
  readonly rows: () => number
  readonly now: () => number
}

const REDRAW_MS = 100

/** A line a step: finished ones stay, running ones are drawn anew below them with what they are doing. `stop` leaves the cursor on a clean line. */
export function ttyProgress(terminal: Terminal): { readonly emit: Emit; stop(): void } {
  const steps = new Steps()
  let drawn = 0
  const erase = () => (drawn === 0 ? '' : `\x1b[${drawn}A\x1b[J`)
  const redraw = (above = '') => {
    const lines = [...steps.running.values()].flatMap((step) => linesOf(step, terminal)).slice(0, Math.max(1, terminal.rows() - 2))
    terminal.write(erase() + above + lines.map((line) => `${line}\n`).join(''))
    drawn = lines.length
  }
  const timer = setInterval(() => {
    if (steps.running.size > 0) redraw()
  }, REDRAW_MS)
  timer.unref()

  const emit = (event: ProgressEvent): void => {
    switch (event.kind) {
      case 'started':
        steps.start(event)
        return redraw()
      case 'finished': {
        const step = steps.finish(event.step)
        return redraw(step === undefined ? '' : `${finishedLine(step, event, terminal)}\n`)
      }
      case 'log':
        return void steps.lines(event)
      case 'transfer':
        return void steps.transfer(event, terminal.now())
      case 'warning':
        return redraw(`${styleText('yellow', `WARNING ${warningText(event)}`)}\n`)
      case 'note':
        return redraw(`${printable(event.message)}\n`)
    }
  }
  return {
    emit,
    stop: () => {
      clearInterval(timer)
      terminal.write(erase())
      drawn = 0
    },
  }
}

function finishedLine(step: RunningStep, event: Extract<ProgressEvent, { kind: 'finished' }>, terminal: Terminal): string {
  const time = formatDuration(event.time - step.since)
  const mark = {
    done: styleText('green', 'done'),
    cached: styleText('cyan', 'CACHED'),
    failed: styleText('red', 'FAILED'),
    canceled: styleText('yellow', 'canceled'),
  }[event.status]
  return `${fit(printable(step.name), terminal.columns() - 18)}  ${mark}${event.status === 'cached' ? '' : ` ${time}`}`
}

function linesOf(step: RunningStep, terminal: Terminal): string[] {
  const now = terminal.now()
  const lines = [`${fit(printable(step.name), terminal.columns() - 10)}  ${formatDuration(now - step.since)}`]
  for (const transfer of step.transfers.values()) {
    if (transfer.note !== undefined || transfer.current === transfer.total) continue
    lines.push(fit(`  ${transfer.id} ${formatTransfer(transfer.current, transfer.total, now - transfer.since)}`, terminal.columns() - 1))
  }
  if (step.lastLine !== '') lines.push(styleText('dim', fit(`  ${printable(step.lastLine)}`, terminal.columns() - 1)))
  return lines
}

function fit(text: string, columns: number): string {
  const width = Math.max(10, columns)
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}
