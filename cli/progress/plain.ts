import type { Emit, ProgressEvent } from '../../registry/oci/event.ts'
import { printable, shortened } from '../printable.ts'
import { causeText } from './cause.ts'
import { formatDuration, formatSize } from './format.ts'
import { Steps } from './steps.ts'

/** Stable lines, each with the number of its step: `#3 [2/4] RUN make`, `#3 0.52 output`, `#3 DONE 1.2s`. */
export function plainProgress(write: (text: string) => void, now: () => number): Emit {
  const steps = new Steps()
  const finished = new Set<string>()
  const print = (lines: readonly string[]) => write(lines.map((line) => `${printable(line)}\n`).join(''))
  return (event: ProgressEvent): void => {
    switch (event.kind) {
      case 'started': {
        const step = steps.start(event)
        return print([shortened(`#${step.number} ${step.name}`)])
      }
      case 'finished': {
        const step = steps.finish(event.step)
        if (step === undefined) return
        return print([...steps.rest(step), ending(event, event.time - step.since)].map((line) => `#${step.number} ${line}`))
      }
      case 'missed':
        return print([`#${steps.running.get(event.step)?.number} not cached: ${causeText(event.cause)}`])
      case 'log': {
        const step = steps.running.get(event.step)
        const seconds = step === undefined ? '' : ((now() - step.since) / 1000).toFixed(3)
        return print(steps.lines(event).map((line) => `#${step?.number} ${seconds} ${line.replace(/\r$/, '')}`))
      }
      case 'transfer': {
        const transfer = steps.transfer(event, now())
        const isDone = transfer !== undefined && (event.note !== undefined || transfer.current === transfer.total)
        const key = `${event.step} ${event.id}`
        if (!isDone || finished.has(key)) return
        finished.add(key)
        return print([`#${steps.running.get(event.step)?.number} ${event.id} ${event.note ?? formatSize(event.current)}`])
      }
      case 'warning':
        return print([`WARNING: ${warningText(event)}`])
      case 'note':
        return print([event.message])
    }
  }
}

function ending(event: Extract<ProgressEvent, { kind: 'finished' }>, milliseconds: number): string {
  const detail = event.detail === undefined ? '' : ` ${event.detail}`
  switch (event.status) {
    case 'cached':
      return 'CACHED'
    case 'done':
      return `DONE ${formatDuration(milliseconds)}${detail}`
    case 'failed':
      return shortened(`ERROR:${detail}`)
    case 'canceled':
      return 'CANCELED'
  }
}

/** One line, not yet made printable. */
export function warningText(event: Extract<ProgressEvent, { kind: 'warning' }>): string {
  const where = event.at === undefined ? '' : ` (${event.at.file}:${event.at.startLine})`
  return `${event.code}: ${shortened(event.message)}${where}${event.hint === undefined ? '' : `; ${event.hint}`}`
}
