import { digestOf, hexOf } from '../../registry/oci/digest.ts'
import type { ReportData } from './data.ts'
import { type Html, html, raw, scriptJson } from './html.ts'
import { SCRIPT } from './script.ts'
import { failureSection, layerSection, resultSection, section, summaryLine, transferSection, warningSection } from './sections.ts'
import { stepList } from './step-list.ts'
import { STYLE } from './style.ts'
import { timeline } from './timeline.ts'

/** Nothing may be fetched, and nothing runs but what has these hashes: text that got through as markup would still do nothing. */
const POLICY = [
  "default-src 'none'",
  `script-src ${cspHash(SCRIPT)}`,
  `style-src ${cspHash(STYLE)}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** The whole page: it needs no other file and no network, and says the same without its script. Its data is also in it as JSON. */
export function reportPage(data: ReportData): string {
  const title = titleOf(data)
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body>
<a class="skip" href="#steps">Skip to the steps</a>
<main>
<h1>${title}</h1>
<p>${summaryLine(data)}</p>
<p class="dim">${new Date(data.started).toISOString()}; tsbuild ${data.versions.tsbuild}, Node ${data.versions.node}, ${data.versions.system}</p>
${failureSection(data)}${resultSection(data)}${data.steps.length === 0 ? undefined : [timelineSection(data), stepSection(data)]}${layerSection(data)}${transferSection(data)}${warningSection(data)}</main>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${raw(SCRIPT)}</script>
</body>
</html>
`.markup
}

function titleOf({ outcome, result }: ReportData): string {
  const name = result?.names[0]
  return `Build ${outcome}${name === undefined ? '' : `: ${name}`}`
}

function timelineSection(data: ReportData): Html {
  const tools = html`<div class="tools" hidden><button type="button" data-action="larger">Zoom in</button><button type="button" data-action="smaller">Zoom out</button></div>`
  const legend = html`<p class="dim">Each bar is a step; side by side in time are steps that ran at once. The first lane is the critical path: what the end of the build waited for.</p>`
  return section('timeline-section', 'Timeline', [legend, tools, timeline(data)])
}

function stepSection(data: ReportData): Html {
  const tools = html`<div class="tools" hidden><input id="filter" type="search" placeholder="Filter the steps" aria-label="Filter the steps"><button type="button" data-action="open">Open all</button><button type="button" data-action="close">Close all</button></div>`
  return section('steps', 'Steps', [tools, stepList(data)])
}

function cspHash(text: string): string {
  return `'sha256-${Buffer.from(hexOf(digestOf(text)), 'hex').toString('base64')}'`
}
