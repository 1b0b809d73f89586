/** The style of a report. Dark only on screens: paper is light. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1a1d21; --dim: #555c66; --line: #d4d8de; --panel: #f4f6f8; --link: #0b57a8;
  --done: #bcd9f5; --cached: #d3e8d0; --failed: #f6b8b3; --canceled: #e3e3e3; --critical: #a33c00; --bar-text: #14181d; }
@media screen and (prefers-color-scheme: dark) {
  :root { --back: #14171b; --text: #e6e8eb; --dim: #a4acb7; --line: #3a414b; --panel: #1e2329; --link: #7ab8ff;
    --done: #1d4d7d; --cached: #27502a; --failed: #84231f; --canceled: #444a52; --critical: #ff9d5c; --bar-text: #f2f4f6; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0.5rem 0; } h2 { font-size: 1.1rem; margin: 1.5rem 0 0.5rem; }
a { color: var(--link); } code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--panel); padding: 0.5rem; margin: 0.25rem 0; white-space: pre-wrap; }
p { margin: 0.4rem 0; overflow-wrap: anywhere; } dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0.3rem 0; }
dt { color: var(--dim); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; } ul { padding-left: 1.2rem; overflow-wrap: anywhere; }
.dim, caption { color: var(--dim); } .detail { font-weight: 600; white-space: pre-wrap; }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: 0.2rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.whole { white-space: nowrap; }
.size { min-width: 60px; } .size rect { fill: var(--critical); }
.tools { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.4rem 0; } .tools[hidden] { display: none; }
button, input { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 0.2rem 0.6rem; }
#timeline { display: block; min-width: 100%; background: var(--panel); }
#timeline text { font: 12px system-ui, sans-serif; fill: var(--bar-text); } #timeline text.tick { fill: var(--dim); }
line.tick { stroke: var(--line); } line.link { stroke: var(--critical); stroke-width: 2; }
.bar rect { fill: var(--done); } .bar.cached rect { fill: var(--cached); } .bar.failed rect { fill: var(--failed); }
.bar.canceled rect, .bar.unfinished rect { fill: var(--canceled); } .bar.critical rect { stroke: var(--critical); stroke-width: 4; }
.bar:focus { outline: none; } .bar:focus-visible rect { stroke: var(--text); stroke-width: 6; stroke-dasharray: 6 3; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.steps { list-style: none; margin: 0; padding: 0; } .steps li { border-bottom: 1px solid var(--line); } .steps li[hidden] { display: none; }
summary { display: grid; grid-template-columns: 3rem 1fr 6rem 4.5rem 5rem; gap: 0.5rem; padding: 0.25rem 0; cursor: pointer; }
summary::-webkit-details-marker { display: none; } .name { min-width: 0; overflow-wrap: anywhere; max-height: 4.4em; overflow: hidden; }
details[open] .name { max-height: none; } .number::before { content: '\\25b8  '; } details[open] .number::before { content: '\\25be  '; }
.number, .amount { color: var(--dim); text-align: right; } .body { padding: 0 0 0.5rem 3rem; }
details:target > summary { background: var(--panel); } .mark { color: var(--critical); font-size: 0.85em; font-weight: 600; }
.badge { justify-self: start; align-self: start; color: var(--bar-text); background: var(--done); border-radius: 4px; padding: 0 0.4rem; }
.badge.cached { background: var(--cached); } .badge.failed { background: var(--failed); } .badge.canceled, .badge.unfinished { background: var(--canceled); }
@media (max-width: 640px) { summary { grid-template-columns: 2rem 1fr 5rem; } .body { padding-left: 0; } }
@media print {
  .tools, .skip { display: none; } details::details-content { content-visibility: visible; block-size: auto; } .steps li { break-inside: avoid-page; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } #timeline { width: 100%; } .scroll { overflow: visible; } .name { max-height: none; }
}
`
