import type { MissCause } from '../registry/oci/event.ts'
import { printable, shortened } from './printable.ts'
import { causeText } from './progress/cause.ts'
import type { LoggedStep } from './progress/run-log.ts'

/** `--explain`, `why`: as text or JSON. */
export type ExplainFormat = 'text' | 'json'

/** A step and why it was done; no cause for one that was found. */
export interface Explained {
  readonly name: string
  readonly cause: MissCause | undefined
}

export function explained(steps: readonly LoggedStep[]): Explained[] {
  return steps.flatMap(({ name, status, cause }) => (status === 'cached' || cause !== undefined ? [{ name, cause }] : []))
}

/** A step a line, and below it the whole values that differ. */
export function explainText(steps: readonly Explained[]): string {
  return steps.map(({ name, cause }) => `${printable(name)}: ${cause === undefined ? 'cached' : causeLines(cause)}\n`).join('')
}

/** One line of JSON: `[{"step": name, "cached": true}, {"step": name, "cached": false, "cause": {"part": ..., "name": ..., "was": ..., "is": ...}}]`. */
export function explainJson(steps: readonly Explained[]): string {
  return `${JSON.stringify(steps.map(({ name, cause }) => ({ step: name, cached: cause === undefined, ...(cause && { cause }) })))}\n`
}

/** The whole values of a cause, before and after, unless the line of its text has them both. */
export function wholeValues(cause: MissCause): readonly [was: string | undefined, is: string | undefined] {
  const text = causeText(cause)
  const isWhole = [cause.was, cause.is].every((value) => value === undefined || text.includes(value))
  return isWhole ? [undefined, undefined] : [cause.was, cause.is]
}

function causeLines(cause: MissCause): string {
  const line = (word: string, value: string | undefined) => (value === undefined ? '' : `\n  ${word} ${printable(shortened(value))}`)
  const [was, is] = wholeValues(cause)
  return `${printable(causeText(cause))}${line('was', was)}${line('is ', is)}`
}
