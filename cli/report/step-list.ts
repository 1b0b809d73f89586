import { wholeValues } from '../explain.ts'
import { formatSize, formatTransfer } from '../progress/format.ts'
import type { ReportData, StepData } from './data.ts'
import { type Html, html } from './html.ts'
import { stepTime } from './timeline.ts'

/** Every step with what is known of it, to be opened; those that failed are open. */
export function stepList({ steps, criticalPath }: ReportData): Html {
  const critical = new Set(criticalPath)
  return html`<ol class="steps">${steps.map((step) => html`<li>${stepItem(step, critical.has(step.number))}</li>`)}</ol>`
}

function stepItem(step: StepData, isCritical: boolean): Html {
  const size = step.layer === undefined ? '' : formatSize(step.layer.size)
  const open = step.status === 'failed' ? html` open` : undefined
  const mark = isCritical ? html` <span class="mark" title="on the critical path">critical</span>` : undefined
  return html`<details id="step-${step.number}"${open}><summary><span class="number">${step.number}</span><span class="name">${step.name}${mark}</span><span class="badge ${step.status}">${step.status}</span><span class="amount">${step.status === 'cached' ? '' : stepTime(step)}</span><span class="amount">${size}</span></summary><div class="body">${whyOf(step)}${inputsOf(step)}${layerOf(step)}${transfersOf(step)}${detailOf(step)}${outputOf(step)}</div></details>
`
}

function whyOf({ status, why, cause }: StepData): Html | undefined {
  if (cause === undefined) return status === 'cached' ? html`<p>Found in the cache.</p>` : undefined
  const [was, is] = wholeValues(cause)
  const values = [
    was === undefined ? undefined : html`<dt>was</dt><dd><pre>${was}</pre></dd>`,
    is === undefined ? undefined : html`<dt>is</dt><dd><pre>${is}</pre></dd>`,
  ]
  return html`<p>Not cached: <span class="why">${why}</span></p>${values.some((value) => value !== undefined) ? html`<dl>${values}</dl>` : undefined}`
}

function inputsOf({ inputs }: StepData): Html | undefined {
  if (inputs.length === 0) return undefined
  return html`<p>Needs the result of step ${inputs.map((number, index) => html`${index === 0 ? '' : ', '}<a href="#step-${number}">${number}</a>`)}.</p>`
}

function layerOf({ layer }: StepData): Html | undefined {
  return layer === undefined ? undefined : html`<p>Layer <code>${layer.digest}</code>, ${formatSize(layer.size)}</p>`
}

function transfersOf({ transfers }: StepData): Html | undefined {
  if (transfers.length === 0) return undefined
  const items = transfers.map(({ id, current, total, note, since, until }) => {
    const moved = note ?? formatTransfer(current, total === current ? undefined : total, until - since)
    return html`<li><code>${id}</code> ${moved}</li>`
  })
  return html`<p>Transfers:</p><ul>${items}</ul>`
}

function detailOf({ detail }: StepData): Html | undefined {
  return detail === undefined ? undefined : html`<p class="detail">${detail}</p>`
}

function outputOf({ output: { before, lines } }: StepData): Html | undefined {
  if (lines.length === 0) return undefined
  const title = before === 0 ? 'Output' : `Last ${lines.length} lines of output, after ${before} more`
  return html`<p>${title}:</p><pre class="output">${lines.map((line) => line.replace(/\r+$/, '')).join('\n')}</pre>`
}
