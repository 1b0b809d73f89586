import type { Emit, ProgressEvent } from '../../registry/oci/event.ts'
import { printable } from '../printable.ts'
import { type Count, drawing, TAIL_LINES } from './drawing.ts'
import { formatDuration } from './format.ts'
import { warningText } from './plain.ts'
import { type RunningStep, Steps } from './steps.ts'
import { columnsOf, fit } from './width.ts'

export interface Terminal {
  write(text: string): void
  /** At least 1, and asked for anew each time: windows change their size. */
  readonly columns: () => number
  readonly rows: () => number
  readonly now: () => number
  /** False for NO_COLOR (no-color.org). */
  readonly colors: boolean
}

const REDRAW_MS = 100
const SGR = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2 } as const
type Paint = (style: keyof typeof SGR, text: string) => string

/**
 * A line a step: finished ones stay, running ones are drawn anew below them with what they are doing, and below those how far the run is. `stop` leaves the
 * cursor on a clean line.
 */
export function ttyProgress(terminal: Terminal): { readonly emit: Emit; stop(): void } {
  const steps = new Steps(TAIL_LINES)
  const count: Count = { since: terminal.now(), done: 0, cached: 0 }
  const paint: Paint = (style, text) => (terminal.colors ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text)
  let drawn: readonly string[] = []
  const redraw = (above = '') => {
    const before = erased(drawn, terminal)
    drawn = drawing(steps, count, terminal)
    const lines = drawn.map((line) => `${line.startsWith(' ') ? paint('dim', line) : line}\n`)
    terminal.write(before + above + lines.join(''))
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
        if (event.status === 'cached' || event.status === 'done') count[event.status] += 1
        return redraw(step === undefined ? '' : `${finishedLine(step, event, { terminal, paint })}\n`)
      }
      case 'log':
        return void steps.lines(event)
      case 'transfer':
        return void steps.transfer(event, terminal.now())
      case 'warning':
        return redraw(`${paint('yellow', printable(`WARNING ${warningText(event)}`))}\n`)
      case 'note':
        return redraw(`${printable(event.message)}\n`)
    }
  }
  return {
    emit,
    stop: () => {
      clearInterval(timer)
      terminal.write(erased(drawn, terminal))
      drawn = []
    },
  }
}

/** Takes away what was drawn. In a window that has become narrower since, a line takes several rows. */
function erased(drawn: readonly string[], terminal: Terminal): string {
  const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(columnsOf(line) / terminal.columns())), 0)
  return rows === 0 ? '' : `\x1b[${rows}A\x1b[J`
}

function finishedLine(
  step: RunningStep,
  event: Extract<ProgressEvent, { kind: 'finished' }>,
  { terminal, paint }: { terminal: Terminal; paint: Paint },
): string {
  const time = event.status === 'cached' ? '' : ` ${formatDuration(event.time - step.since)}`
  const [style, word] = (
    { done: ['green', 'done'], cached: ['cyan', 'CACHED'], failed: ['red', 'FAILED'], canceled: ['yellow', 'canceled'] } as const
  )[event.status]
  const name = fit(printable(step.name), Math.max(MIN_NAME, terminal.columns() - word.length - time.length - 3))
  return `${name}  ${paint(style, word)}${time}`
}

/** Of a finished step, whose line may take two rows: nothing is drawn over it. */
const MIN_NAME = 20
