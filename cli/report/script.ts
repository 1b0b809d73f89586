/** What a report does beyond showing: it is whole without. Opens the step that an address names, filters, zooms, and takes arrow keys in the timeline. */
export const SCRIPT = `
'use strict'
const all = (selector) => [...document.querySelectorAll(selector)]
const items = all('.steps > li')
const details = all('.steps details')
const bars = all('#timeline a')
const timeline = document.getElementById('timeline')

function openTarget() {
  const target = document.getElementById(location.hash.slice(1))
  if (!(target instanceof HTMLDetailsElement)) return
  target.open = true
  target.parentElement.hidden = false
  target.scrollIntoView({ block: 'nearest' })
  target.querySelector('summary').focus({ preventScroll: true })
}
function filter(text) {
  const wanted = text.toLowerCase()
  for (const item of items) item.hidden = !item.querySelector('summary').textContent.toLowerCase().includes(wanted)
}
function zoomBy(factor) {
  const percent = Math.min(6400, Math.max(100, parseFloat(timeline.getAttribute('width')) * factor))
  timeline.setAttribute('width', percent + '%')
}
function moveFocus(event) {
  const at = bars.indexOf(document.activeElement)
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: bars.length - 1 }[event.key]
  if (at < 0 || bars[to] === undefined) return
  event.preventDefault()
  bars[at].setAttribute('tabindex', '-1')
  bars[to].setAttribute('tabindex', '0')
  bars[to].focus()
}
const actions = {
  open: () => details.forEach((one) => { one.open = true }),
  close: () => details.forEach((one) => { one.open = false }),
  larger: () => zoomBy(2),
  smaller: () => zoomBy(0.5),
}
all('[data-action]').forEach((button) => button.addEventListener('click', actions[button.dataset.action]))
all('.tools').forEach((tools) => { tools.hidden = false })
bars.forEach((bar, index) => bar.setAttribute('tabindex', index === 0 ? '0' : '-1'))
timeline?.addEventListener('keydown', moveFocus)
document.getElementById('filter')?.addEventListener('input', (event) => filter(event.target.value))
addEventListener('hashchange', openTarget)
addEventListener('beforeprint', actions.open)
openTarget()
`
