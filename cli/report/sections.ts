import { formatSize, formatTransfer } from '../progress/format.ts'
import type { ImageData, ReportData, StepData } from './data.ts'
import { type Html, type HtmlValue, html } from './html.ts'
import { stepTime } from './timeline.ts'

/** What went wrong: the step, the last lines of its command, the place in the Dockerfile, what to do. */
export function failureSection({ failure, steps, outcome }: ReportData): Html | undefined {
  if (failure === undefined) return undefined
  const step = steps.find(({ status }) => status === 'failed')
  const where = step === undefined ? undefined : html`<p>In step <a href="#step-${step.number}">${step.number}</a>: ${step.name}</p>`
  const output = failure.output.length === 0 ? undefined : html`<pre class="output">${failure.output.join('\n')}</pre>`
  const excerpt = failure.excerpt === undefined ? undefined : html`<pre>${failure.excerpt}</pre>`
  const hint = failure.hint === undefined ? undefined : html`<p>Hint: ${failure.hint}</p>`
  const title = outcome === 'interrupted' ? 'Interrupted' : 'Failure'
  return section('failure', title, html`<p class="detail">${failure.message}</p>${where}${output}${excerpt}${hint}`)
}

export function resultSection({ result }: ReportData): Html | undefined {
  if (result === undefined) return undefined
  const names = result.names.length === 0 ? 'none' : result.names.map((name) => html`<code>${name}</code> `)
  const index = result.images.length === 1 ? undefined : html`<dt>Index</dt><dd><code>${result.root}</code></dd>`
  const images = result.images.map(
    ({ manifest, config, platform }) =>
      html`<dt>Manifest</dt><dd><code>${manifest}</code></dd><dt>Image ID</dt><dd><code>${config}</code></dd><dt>Platform</dt><dd>${platform}</dd>`,
  )
  return section('result', 'Result', html`<dl><dt>Names</dt><dd>${names}</dd>${index}${images}</dl>`)
}

/** The layers of each image with their sizes, and which step each is of. */
export function layerSection({ result, steps }: ReportData): Html | undefined {
  const images = result?.images.filter(({ layers }) => layers.length > 0) ?? []
  if (images.length === 0) return undefined
  const several = images.length > 1
  return section(
    'layers',
    'Layers',
    images.map((image) => layerTable(image, steps, several)),
  )
}

function layerTable({ layers, platform }: ImageData, steps: readonly StepData[], isOneOfSeveral: boolean): Html {
  const largest = Math.max(1, ...layers.map(({ size }) => size))
  const total = layers.reduce((sum, { size }) => sum + size, 0)
  const makers = makersOf(layers, steps)
  const rows = layers.map(({ digest, size }, index) => {
    const step = makers[index]
    const made = step === undefined ? 'base image' : html`<a href="#step-${step.number}">${step.number}</a> ${step.name}`
    const bar = html`<svg class="size" width="100%" height="10" aria-hidden="true"><rect width="${Math.round((size * 1000) / largest) / 10}%" height="10"/></svg>`
    return [index + 1, html`<code>${digest}</code>`, made, html`<span class="whole">${formatSize(size)}</span>`, bar]
  })
  const caption = `${isOneOfSeveral ? `${platform}: ` : ''}${layers.length} layers, ${formatSize(total)} compressed`
  return table(caption, ['#', 'Digest', 'Step', 'Size', 'Share'], rows)
}

/** The step of each layer: of several that made the same, the later one for the higher layer. */
function makersOf(layers: readonly { readonly digest: string }[], steps: readonly StepData[]): (StepData | undefined)[] {
  const left = [...steps].reverse()
  const topFirst = [...layers].reverse().map(({ digest }) => {
    const at = left.findIndex(({ layer }) => layer?.digest === digest)
    return at < 0 ? undefined : left.splice(at, 1)[0]
  })
  return topFirst.reverse()
}

export function transferSection({ steps }: ReportData): Html | undefined {
  const all = steps.flatMap((step) => step.transfers.map((transfer) => ({ step, transfer })))
  if (all.length === 0) return undefined
  const moved = all.filter(({ transfer }) => transfer.note === undefined)
  const total = moved.reduce((sum, { transfer }) => sum + transfer.current, 0)
  const rows = all.map(({ step, transfer: { id, current, total, note, since, until } }) => [
    html`<a href="#step-${step.number}">${step.number}</a> ${step.name}`,
    html`<code>${id}</code>`,
    note ?? formatTransfer(current, total === current ? undefined : total, until - since),
    stepTime({ started: since, ended: until }),
  ])
  const caption = `${moved.length} of ${all.length} blobs moved, ${formatSize(total)}`
  return section('transfers', 'Transfers', table(caption, ['Step', 'Blob', 'Bytes', 'Time'], rows))
}

export function warningSection({ warnings, notes }: ReportData): Html | undefined {
  if (warnings.length + notes.length === 0) return undefined
  const items = warnings.map(({ code, message, hint, at, page }) => {
    const where = at === undefined ? undefined : html` (${at.file}:${at.startLine})`
    const more = [hint, page].filter((text) => text !== undefined).join('; see ')
    return html`<li><b>${code}</b>: ${message}${where}${more === '' ? '' : `; ${more}`}</li>`
  })
  return section('warnings', 'Warnings and notes', html`<ul>${items}${notes.map((note) => html`<li>${note}</li>`)}</ul>`)
}

/** Which steps were done and which found, and how long the critical path is. */
export function summaryLine({ steps, criticalPath, started, ended }: ReportData): string {
  const count = (status: StepData['status']) => steps.filter((step) => step.status === status).length
  const words = (['done', 'cached', 'failed', 'canceled', 'unfinished'] as const).flatMap((status) => {
    const number = count(status)
    return number === 0 ? [] : [`${number} ${status}`]
  })
  const critical = criticalPath.reduce((sum, number) => sum + timeOf(steps[number - 1]), 0)
  const path =
    criticalPath.length === 0 ? '' : `; critical path: ${criticalPath.length} steps, ${stepTime({ started: 0, ended: critical })}`
  return `${steps.length} steps${words.length === 0 ? '' : ` (${words.join(', ')})`} in ${stepTime({ started, ended })}${path}`
}

function timeOf(step: StepData | undefined): number {
  return step === undefined ? 0 : Math.max(0, step.ended - step.started)
}

export function section(id: string, title: string, body: HtmlValue): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>
`
}

function table(caption: string, titles: readonly string[], rows: readonly (readonly HtmlValue[])[]): Html {
  const head = titles.map((title) => html`<th scope="col">${title}</th>`)
  const body = rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)
  return html`<div class="scroll"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}
