import { formatDuration } from '../progress/format.ts'
import { fit } from '../progress/width.ts'
import type { ReportData, StepData } from './data.ts'
import { type Html, html } from './html.ts'
import { lanesOf } from './lanes.ts'

const LANE = 26
const BAR = 22
/** Height of the axis above the lanes. */
const AXIS = 22
/** Per cent of the width: what takes no time must be seen, too. */
const MIN_WIDTH = 0.25
const MAX_TICKS = 8
const MAX_LABEL = 120

/** Bars in lanes over the time of the build; those of the critical path are in the first lane, and lines lead from one to the next. */
export function timeline(data: ReportData): Html {
  const scale = scaleOf(data)
  const critical = data.criticalPath.flatMap((number) => data.steps[number - 1] ?? [])
  const lanes = lanesOf(data.steps, critical)
  const height = AXIS + lanes.length * LANE
  const laneOf = new Map(lanes.flatMap((lane, index) => lane.map((step) => [step.number, index] as const)))
  const top = (step: StepData) => AXIS + (laneOf.get(step.number) ?? 0) * LANE
  const bars = data.steps.map((step) => bar(step, { x: scale.x(step.started), y: top(step), isCritical: critical.includes(step), scale }))
  const links = critical.slice(1).map((step, index) => {
    const before = critical[index] ?? step
    return html`<line class="link" x1="${scale.x(before.ended)}%" y1="${top(before) + BAR / 2}" x2="${scale.x(step.started)}%" y2="${top(step) + BAR / 2}"/>`
  })
  return html`<div class="scroll"><svg id="timeline" role="group" aria-label="Timeline of the steps" width="100%" height="${height}">${ticks(scale, height)}${links}${bars}</svg></div>`
}

interface Scale {
  readonly total: number
  /** Per cent of the width. */
  x(time: number): number
}

function scaleOf({ started, ended, steps }: ReportData): Scale {
  const from = steps.reduce((least, step) => Math.min(least, step.started), started)
  const to = steps.reduce((most, step) => Math.max(most, step.ended), ended)
  const total = Math.max(1, to - from)
  return { total, x: (time) => percent((time - from) / total) }
}

function percent(part: number): number {
  return Math.round(Math.min(1, Math.max(0, part)) * 100_000) / 1000
}

interface Place {
  readonly x: number
  readonly y: number
  readonly isCritical: boolean
  readonly scale: Scale
}

/** A picture of its own, so that the name is cut where the bar ends. */
function bar(step: StepData, { x, y, isCritical, scale }: Place): Html {
  const width = Math.min(100, Math.max(MIN_WIDTH, scale.x(step.ended) - x))
  const label = `${step.number} ${fit(step.name, MAX_LABEL)}: ${step.status}, ${stepTime(step)}${isCritical ? ', on the critical path' : ''}`
  return html`<a href="#step-${step.number}" class="bar ${step.status}${isCritical ? ' critical' : ''}" aria-label="${label}"><title>${label}</title><svg x="${Math.min(x, 100 - MIN_WIDTH)}%" y="${y}" width="${width}%" height="${BAR}"><rect width="100%" height="${BAR}"/><text x="5" y="15">${fit(step.name, MAX_LABEL)}</text></svg></a>`
}

/** `1.2s`, or milliseconds where that would be nothing. */
export function stepTime({ started, ended }: Pick<StepData, 'started' | 'ended'>): string {
  const milliseconds = Math.max(0, ended - started)
  return milliseconds < 100 ? `${milliseconds}ms` : formatDuration(milliseconds)
}

function ticks(scale: Scale, height: number): Html[] {
  const every = tickEvery(scale.total)
  return Array.from({ length: Math.floor(scale.total / every) + 1 }, (_, index) => {
    const x = percent((index * every) / scale.total)
    const label = stepTime({ started: 0, ended: index * every })
    return html`<line class="tick" x1="${x}%" x2="${x}%" y1="0" y2="${height}"/>${x > 95 ? undefined : html`<text class="tick" x="${x}%" dx="4" y="14">${label}</text>`}`
  })
}

/** Milliseconds between ticks: 1, 2 or 5 times a power of ten. */
function tickEvery(total: number): number {
  const power = 10 ** Math.floor(Math.log10(total / MAX_TICKS))
  const every = [1, 2, 5, 10].find((times) => total / (times * power) <= MAX_TICKS) ?? 10
  return Math.max(1, every * power)
}
