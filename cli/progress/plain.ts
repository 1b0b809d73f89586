import type { Emit, ProgressEvent } from '../../registry/oci/event.ts'
import { formatDuration, formatSize, printable } from './format.ts'
import { Steps } from './steps.ts'

/** Stable lines, each with the number of its step: `#3 [2/4] RUN make`, `#3 0.52 output`, `#3 DONE 1.2s`. */
export function plainProgress(write: (text: string) => void, now: () => number): Emit {
  const steps = new Steps()
  const finished = new Set<string>()
  return (event: ProgressEvent): void => {
    switch (event.kind) {
      case 'started': {
        const step = steps.start(event)
        return write(`#${step.number} ${printable(step.name)}\n`)
      }
      case 'finished': {
        const step = steps.finish(event.step)
        if (step === undefined) return
        const rest = steps.rest(step).map((line) => `#${step.number} ${printable(line)}\n`)
        return write(`${rest.join('')}#${step.number} ${ending(event, event.time - step.since)}\n`)
      }
      case 'log': {
        const step = steps.running.get(event.step)
        const seconds = step === undefined ? '' : ((now() - step.since) / 1000).toFixed(3)
        return write(
          steps
            .lines(event)
            .map((line) => `#${step?.number} ${seconds} ${printable(line.replace(/\r$/, ''))}\n`)
            .join(''),
        )
      }
      case 'transfer': {
        const transfer = steps.transfer(event, now())
        const isDone = transfer !== undefined && (event.note !== undefined || transfer.current === transfer.total)
        const key = `${event.step} ${event.id}`
        if (!isDone || finished.has(key)) return
        finished.add(key)
        return write(`#${steps.running.get(event.step)?.number} ${event.id} ${event.note ?? formatSize(event.current)}\n`)
      }
      case 'warning':
        return write(`WARNING: ${warningText(event)}\n`)
      case 'note':
        return write(`${printable(event.message)}\n`)
    }
  }
}

function ending(event: Extract<ProgressEvent, { kind: 'finished' }>, milliseconds: number): string {
  const detail = event.detail === undefined ? '' : ` ${printable(event.detail)}`
  switch (event.status) {
    case 'cached':
      return 'CACHED'
    case 'done':
      return `DONE ${formatDuration(milliseconds)}${detail}`
    case 'failed':
      return `ERROR:${detail}`
    case 'canceled':
      return 'CANCELED'
  }
}

export function warningText(event: Extract<ProgressEvent, { kind: 'warning' }>): string {
  const where = event.at === undefined ? '' : ` (${event.at.file}:${event.at.startLine})`
  return printable(`${event.code}: ${event.message}${where}${event.hint === undefined ? '' : `; ${event.hint}`}`)
}
