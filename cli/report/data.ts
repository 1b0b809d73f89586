import type { MissCause } from '../../registry/oci/event.ts'
import type { Failure } from '../failure.ts'
import { causeText } from '../progress/cause.ts'
import type { LoggedStep } from '../progress/run-log.ts'
import { criticalPath } from './critical-path.ts'
import type { Recorder, TimedTransfer, Warning } from './recorder.ts'

/** What a report says, and the JSON in its page. Times are milliseconds since the epoch, sizes bytes. */
export interface ReportData {
  readonly format: 1
  readonly outcome: 'done' | 'failed' | 'interrupted'
  readonly started: number
  readonly ended: number
  readonly versions: { readonly tsbuild: string; readonly node: string; readonly system: string }
  /** Of a build that was done. */
  readonly result: ResultData | undefined
  /** Of one that was not. */
  readonly failure: Pick<Failure, 'message' | 'hint' | 'output' | 'excerpt'> | undefined
  readonly steps: readonly StepData[]
  /** Numbers of steps, in order. */
  readonly criticalPath: readonly number[]
  readonly warnings: readonly Omit<Warning, 'kind'>[]
  readonly notes: readonly string[]
}

export interface ResultData {
  /** Digest of the manifest, or of the index of several images. */
  readonly root: string
  readonly names: readonly string[]
  /** One for each platform. */
  readonly images: readonly ImageData[]
}

export interface ImageData {
  readonly platform: string
  readonly manifest: string
  /** The image ID. */
  readonly config: string
  /** Bottom first. */
  readonly layers: readonly { readonly digest: string; readonly diffID: string; readonly size: number }[]
}

export interface StepData {
  readonly number: number
  readonly name: string
  /** Numbers of the steps whose results it needs. */
  readonly inputs: readonly number[]
  readonly started: number
  /** When the build ended, for a step that never did. */
  readonly ended: number
  readonly status: NonNullable<LoggedStep['status']> | 'unfinished'
  /** Why it was not cached, in words and as it is. */
  readonly why: string | undefined
  readonly cause: MissCause | undefined
  readonly layer: LoggedStep['layer']
  readonly detail: string | undefined
  /** Its last lines, and how many there were before them. */
  readonly output: { readonly before: number; readonly lines: readonly string[] }
  readonly transfers: readonly TimedTransfer[]
}

/** How the build went on the whole. */
export type Outcome = Pick<ReportData, 'outcome' | 'started' | 'ended' | 'versions' | 'result' | 'failure'>

export function reportData(log: readonly LoggedStep[], recorder: Recorder, outcome: Outcome): ReportData {
  const numbers = new Map(log.map(({ id, number }) => [id, number]))
  const spans = log.map((step) => ({ ...step, ended: step.ended ?? outcome.ended }))
  const failed = spans.find(({ status }) => status === 'failed')
  return {
    format: 1,
    ...outcome,
    steps: spans.map((step) => stepData(step, numbers, recorder)),
    criticalPath: criticalPath(spans, failed).map(({ number }) => number),
    warnings: recorder.warnings.map(({ kind: _kind, ...warning }) => warning),
    notes: recorder.notes,
  }
}

function stepData(step: LoggedStep & { ended: number }, numbers: ReadonlyMap<string, number>, recorder: Recorder): StepData {
  const { id, number, name, started, ended, status = 'unfinished', cause, layer, detail } = step
  return {
    number,
    name,
    inputs: step.inputs.flatMap((input) => numbers.get(input) ?? []),
    started,
    ended,
    status,
    why: cause === undefined ? undefined : causeText(cause),
    cause,
    layer,
    detail,
    output: recorder.outputOf(id),
    transfers: recorder.transfersOf(id),
  }
}
