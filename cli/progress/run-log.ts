import type { MissCause, ProgressEvent } from '../../registry/oci/event.ts'

/** One step, as far as it has come. Times are milliseconds since the epoch. */
export interface LoggedStep {
  readonly id: string
  /** In the order of their beginning, from 1. */
  readonly number: number
  readonly name: string
  readonly inputs: readonly string[]
  readonly started: number
  ended: number | undefined
  status: Extract<ProgressEvent, { kind: 'finished' }>['status'] | undefined
  cause: MissCause | undefined
  layer: { readonly digest: string; readonly size: number } | undefined
  detail: string | undefined
  /** Bytes by blob, the last that was said of each. */
  readonly transfers: Map<string, { readonly bytes: number; readonly note: string | undefined }>
}

/** What happened in a run, step by step. */
export class RunLog {
  readonly #steps = new Map<string, LoggedStep>()

  get steps(): readonly LoggedStep[] {
    return [...this.#steps.values()]
  }

  add(event: ProgressEvent): void {
    if (event.kind === 'started') return this.#start(event)
    const step = 'step' in event ? this.#steps.get(event.step) : undefined
    if (step === undefined) return
    switch (event.kind) {
      case 'missed':
        step.cause = event.cause
        return
      case 'transfer':
        step.transfers.set(event.id, { bytes: event.current, note: event.note })
        return
      case 'finished':
        step.ended = event.time
        step.status = event.status
        step.layer = event.layer
        step.detail = event.detail
    }
  }

  #start({ step, name, time, inputs = [] }: Extract<ProgressEvent, { kind: 'started' }>): void {
    const none = { ended: undefined, status: undefined, cause: undefined, layer: undefined, detail: undefined }
    this.#steps.set(step, { id: step, number: this.#steps.size + 1, name, inputs, started: time, ...none, transfers: new Map() })
  }
}
