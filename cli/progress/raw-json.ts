import { digestOf } from '../../registry/oci/digest.ts'
import type { SourceRange } from '../../registry/oci/error.ts'
import type { Emit, ProgressEvent } from '../../registry/oci/event.ts'

/**
 * One JSON object a line, in the shape of buildx's `--progress=rawjson` (`vertexes`, `statuses`, `logs`, `warnings`; texts of warnings and output in base64,
 * times as RFC 3339), and beside it `missed` (a vertex and why it is not cached) and `notes`.
 */
export function rawJsonProgress(write: (text: string) => void, now: () => number): Emit {
  const vertexes = new Map<string, Vertex>()
  return (event) => {
    const line = lineOf(event, vertexes, now)
    if (line !== undefined) write(`${JSON.stringify(line)}\n`)
  }
}

interface Vertex {
  readonly digest: string
  readonly inputs: readonly string[]
  readonly name: string
  readonly started: string
}

function lineOf(event: ProgressEvent, vertexes: Map<string, Vertex>, now: () => number): object | undefined {
  if (event.kind === 'note') return { notes: [event.message] }
  if (event.kind === 'warning') return { warnings: [warningOf(event)] }
  if (event.kind === 'started') {
    const { step, name, inputs = [], time } = event
    const digests = inputs.flatMap((input) => vertexes.get(input)?.digest ?? [])
    const vertex = { digest: digestOf(`${step} ${name}`), inputs: digests, name, started: isoTime(time) }
    vertexes.set(step, vertex)
    return { vertexes: [vertex] }
  }
  const vertex = vertexes.get(event.step)
  if (vertex === undefined) return undefined
  switch (event.kind) {
    case 'finished': {
      const { status, detail, time } = event
      const failed = status === 'failed' || status === 'canceled'
      const error = failed ? { error: detail ?? status } : {}
      return { vertexes: [{ ...vertex, completed: isoTime(time), ...(status === 'cached' && { cached: true }), ...error }] }
    }
    case 'missed':
      return { missed: [{ vertex: vertex.digest, ...event.cause }] }
    case 'log': {
      const stream = event.stream === 'stdout' ? 1 : 2
      return {
        logs: [{ vertex: vertex.digest, stream, data: Buffer.from(event.bytes).toString('base64'), timestamp: isoTime(now()) }],
      }
    }
    case 'transfer': {
      const { id, current, total, note } = event
      const done = note !== undefined || current === total ? { completed: isoTime(now()) } : {}
      const { digest, started } = vertex
      return {
        statuses: [{ id, vertex: digest, name: note ?? '', total: total ?? 0, current, timestamp: isoTime(now()), started, ...done }],
      }
    }
  }
}

function warningOf({ code, message, hint, at, page }: Extract<ProgressEvent, { kind: 'warning' }>) {
  return {
    level: 1,
    short: base64(`${code}: ${message}`),
    ...(hint !== undefined && { detail: [base64(hint)] }),
    ...(page !== undefined && { url: page }),
    ...(at !== undefined && { file: at.file, range: [rangeOf(at)] }),
  }
}

/** Lines count from 1, characters from 0: as BuildKit has them. */
function rangeOf({ startLine, endLine, startColumn = 1, endColumn = 1 }: SourceRange) {
  return { start: { line: startLine, character: startColumn - 1 }, end: { line: endLine, character: endColumn - 1 } }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
