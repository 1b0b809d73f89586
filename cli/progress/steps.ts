import { StringDecoder } from 'node:string_decoder'
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
  readonly partial: Map<string, PartialLine>
  /** The last whole lines of its output. */
  lastLines: readonly string[]
  lineCount: number
}

/** Characters of a line without an end: what is longer is shown in pieces. */
export const MAX_LINE = 64 << 10

/** Numbers steps in the order they begin and keeps what each is doing, for the renderers. */
export class Steps {
  readonly running = new Map<string, RunningStep>()
  readonly #keptLines: number
  #count = 0

  constructor(keptLines = 0) {
    this.#keptLines = keptLines
  }

  start({ step: id, name, time: since }: Extract<ProgressEvent, { kind: 'started' }>): RunningStep {
    this.#count += 1
    const output = { partial: new Map(), lastLines: [], lineCount: 0 }
    const step: RunningStep = { number: this.#count, name, since, transfers: new Map(), ...output }
    this.running.set(id, step)
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
    const partial = step.partial.get(event.stream) ?? new PartialLine()
    step.partial.set(event.stream, partial)
    const lines = partial.add(event.bytes)
    step.lineCount += lines.length
    const all = [...step.lastLines, ...lines]
    step.lastLines = all.slice(Math.max(0, all.length - this.#keptLines))
    return lines
  }

  /** What a step has begun to print, for whoever shows it while it runs. */
  begun(step: RunningStep): string[] {
    return [...step.partial.values()].map((partial) => partial.text).filter((text) => text !== '')
  }

  /** What a step printed without a line end, once it has ended. */
  rest(step: RunningStep): string[] {
    return [...step.partial.values()].map((partial) => partial.end()).filter((text) => text !== '')
  }
}

/** The line that a stream of bytes has begun: never more than MAX_LINE characters, each looked at once. */
class PartialLine {
  readonly #decoder = new StringDecoder('utf8') // a character may be split over two pieces
  #pieces: string[] = []
  #length = 0

  /** The lines that these bytes complete; one that grows too long is completed where it is. */
  add(bytes: Uint8Array): string[] {
    const [first = '', ...rest] = this.#decoder.write(bytes as Buffer).split('\n')
    const lines = this.#grow(first)
    for (const text of rest) lines.push(this.#take(), ...this.#grow(text))
    return lines
  }

  get text(): string {
    return this.#pieces.join('')
  }

  end(): string {
    this.#pieces.push(this.#decoder.end())
    return this.#take()
  }

  #grow(text: string): string[] {
    const full: string[] = []
    let at = 0
    while (this.#length + text.length - at > MAX_LINE) {
      const end = at + MAX_LINE - this.#length
      const cut = isLowSurrogate(text.charCodeAt(end)) ? end - 1 : end
      this.#pieces.push(text.slice(at, cut))
      full.push(this.#take())
      at = cut
    }
    this.#pieces.push(text.slice(at))
    this.#length += text.length - at
    return full
  }

  #take(): string {
    const line = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    return line
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
