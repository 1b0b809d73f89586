import { printable } from '../printable.ts'
import { table } from '../table.ts'
import { causeText } from './cause.ts'
import { formatDuration, formatSize } from './format.ts'
import type { LoggedStep } from './run-log.ts'
import { fit } from './width.ts'

/** Columns of a step's name: the whole name stands above. */
const MAX_NAME = 60

/** The steps of a run in a table: what became of each and why, its time, the compressed size of its layer. */
export function summaryTable(steps: readonly LoggedStep[]): string {
  const rows = steps.map((step) => [
    String(step.number),
    fit(printable(step.name), MAX_NAME),
    step.ended === undefined || step.status === 'cached' ? '' : formatDuration(step.ended - step.started),
    step.layer === undefined ? '' : formatSize(step.layer.size),
    printable(outcomeOf(step)),
  ])
  return table([['#', 'STEP', 'TIME', 'LAYER', 'RESULT'], ...rows])
}

/** Whether any step of a Dockerfile had to be done. */
export function didAnything(steps: readonly LoggedStep[]): boolean {
  return steps.some(({ cause }) => cause !== undefined)
}

function outcomeOf({ status, cause }: LoggedStep): string {
  if (status === 'cached') return 'cached'
  const why = cause === undefined ? '' : causeText(cause)
  if (status === undefined || status === 'done') return why || 'done'
  return why === '' ? status : `${status}; ${why}`
}
