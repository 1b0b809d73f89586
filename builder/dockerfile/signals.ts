/** Linux's signals by number, from 1 (signal(7), x86 and arm). */
const NAMES =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  )
const ALIASES: Readonly<Record<string, number>> = { IOT: 6, CLD: 17, POLL: 29, UNUSED: 31 }
const REAL_TIME = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/
const RTMIN = 34
const RTMAX = 64

/**
 * A signal's number from its number or name, with or without SIG, in any case; undefined when there is none. Any number but 0 is one, as for BuildKit:
 * which of them there are is known where the image runs.
 */
export function readSignal(text: string): number | undefined {
  if (/^[-+]?\d{1,9}$/.test(text)) return Number(text) || undefined
  const name = text.toUpperCase().replace(/^SIG/, '')
  const index = NAMES.indexOf(name)
  if (index >= 0) return index + 1
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : realTime(name)
}

/** `RTMIN+n` and `RTMAX-n`. */
function realTime(name: string): number | undefined {
  const match = REAL_TIME.exec(name)
  if (match === null || match[2] === (match[1] === 'MIN' ? '-' : '+')) return undefined
  const distance = Number(match[3] ?? 0)
  const number = match[1] === 'MIN' ? RTMIN + distance : RTMAX - distance
  return number >= RTMIN && number <= RTMAX ? number : undefined
}
