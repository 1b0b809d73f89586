import type { ProgressEvent } from '../../registry/oci/event.ts'

/** One blob of a step on its way. */
export interface Transfer {
  readonly id: string
  readonly since: number
  current: number
  total: number | undefined
  note: string | undefined
}

/** A step that has begun and not ended. */
export interface RunningStep {
  readonly number: number
  readonly name: string
  readonly since: number
  readonly transfers: Map<string, Transfer>
  /** Output after the last line end, by stream. */
  readonly partial: Map<string, string>
  lastLine: string
}

/** Numbers steps in the order they begin and keeps what each is doing, for the renderers. */
export class Steps {
  readonly running = new Map<string, RunningStep>()
  #count = 0

  start(event: Extract<ProgressEvent, { kind: 'started' }>): RunningStep {
    this.#count += 1
    const step = { number: this.#count, name: event.name, since: event.time, transfers: new Map(), partial: new Map(), lastLine: '' }
    this.running.set(event.step, step)
    return step
  }

  finish(step: string): RunningStep | undefined {
    const running = this.running.get(step)
    this.running.delete(step)
    return running
  }

  transfer(event: Extract<ProgressEvent, { kind: 'transfer' }>, now: number): Transfer | undefined {
    const step = this.running.get(event.step)
    if (step === undefined) return undefined
    const transfer = step.transfers.get(event.id) ?? { id: event.id, since: now, current: 0, total: undefined, note: undefined }
    transfer.current = event.current
    transfer.total = event.total
    transfer.note = event.note
    step.transfers.set(event.id, transfer)
    return transfer
  }

  /** The lines that an output event completes. */
  lines(event: Extract<ProgressEvent, { kind: 'log' }>): string[] {
    const step = this.running.get(event.step)
    if (step === undefined) return []
    const text = (step.partial.get(event.stream) ?? '') + Buffer.from(event.bytes).toString('utf8')
    const lines = text.split('\n')
    step.partial.set(event.stream, lines.pop() ?? '')
    step.lastLine = lines.at(-1) ?? step.lastLine
    return lines
  }

  /** What a step printed without a line end. */
  rest(step: RunningStep): string[] {
    return [...step.partial.values()].filter((text) => text !== '')
  }
}
