import type { ProgressEvent } from '../../registry/oci/event.ts'
import { shortened } from '../printable.ts'
import { type RunningStep, Steps, type Transfer } from '../progress/steps.ts'

/** Lines of output that are kept of each step. */
const KEPT_LINES = 40

export type Warning = Extract<ProgressEvent, { kind: 'warning' }>

/** A transfer, and when the last of it was heard of. */
export interface TimedTransfer extends Transfer {
  until: number
}

/** What a report needs of a run beside its log: the last lines of each step, the pace of transfers, warnings and notes. */
export class Recorder {
  readonly warnings: Warning[] = []
  readonly notes: string[] = []
  readonly #steps = new Steps(KEPT_LINES)
  readonly #seen = new Map<string, RunningStep>()
  readonly #until = new Map<Transfer, number>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  add(event: ProgressEvent): void {
    switch (event.kind) {
      case 'started':
        this.#seen.set(event.step, this.#steps.start(event))
        return
      case 'finished':
        this.#steps.finish(event.step)
        return
      case 'log':
        this.#steps.lines(event)
        return
      case 'transfer': {
        const transfer = this.#steps.transfer(event, this.#now())
        if (transfer !== undefined) this.#until.set(transfer, this.#now())
        return
      }
      case 'warning':
        this.warnings.push(event)
        return
      case 'note':
        this.notes.push(event.message)
        return
      case 'missed':
    }
  }

  /** The last lines that a step printed, and how many there were before them. */
  outputOf(id: string): { readonly before: number; readonly lines: readonly string[] } {
    const step = this.#seen.get(id)
    if (step === undefined) return { before: 0, lines: [] }
    const begun = this.#steps.begun(step)
    const lines = [...step.lastLines, ...begun].slice(-KEPT_LINES)
    return { before: step.lineCount + begun.length - lines.length, lines: lines.map(shortened) }
  }

  transfersOf(id: string): TimedTransfer[] {
    const transfers = [...(this.#seen.get(id)?.transfers.values() ?? [])]
    return transfers.map((transfer) => ({ ...transfer, until: this.#until.get(transfer) ?? transfer.since }))
  }
}
