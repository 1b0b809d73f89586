/** `--chmod`, octal or as chmod(1) writes it. */
export type Mode = { readonly kind: 'octal'; readonly mode: number } | { readonly kind: 'symbolic'; readonly clauses: readonly Clause[] }

interface Clause {
  /** Of u, g, o; all three for `a` or none. */
  readonly who: readonly Who[]
  readonly operator: '+' | '-' | '='
  /** Letters of rwxXst, or one of u, g, o to copy from. */
  readonly what: string
}

type Who = 'u' | 'g' | 'o'

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/
const ACTION = /([-+=])([ugo]|[rwxXst]*)/g
const SHIFT = { u: 6, g: 3, o: 0 } as const
/** Letter `s` sets the first two, `t` the third. */
const SPECIAL = { u: 0o4000, g: 0o2000, o: 0o1000 } as const
const EVERYBODY: readonly Who[] = ['u', 'g', 'o']

/** Undefined unless it is 0 to 7777 in octal, or clauses like `u+x,go-w,g=u,a=rX`. No umask applies. */
export function readMode(text: string): Mode | undefined {
  if (/^[0-7]+$/.test(text)) {
    const mode = Number.parseInt(text, 8)
    return mode <= 0o7777 ? { kind: 'octal', mode } : undefined
  }
  const clauses: Clause[] = []
  for (const part of text.split(',')) {
    const match = CLAUSE.exec(part)
    if (match === null) return undefined
    const names = match[1] ?? ''
    const who = names === '' || names.includes('a') ? EVERYBODY : EVERYBODY.filter((name) => names.includes(name))
    for (const [, operator, what = ''] of (match[2] ?? '').matchAll(ACTION))
      clauses.push({ who, operator: operator === '-' || operator === '+' ? operator : '=', what })
  }
  return { kind: 'symbolic', clauses }
}

/** The permission bits (07777) of a file that had `mode`; `X` is execution for directories and for what somebody could execute. */
export function applyMode(change: Mode, mode: number, isDirectory: boolean): number {
  if (change.kind === 'octal') return change.mode
  return change.clauses.reduce((current, clause) => applyClause(clause, current, isDirectory), mode & 0o7777)
}

function applyClause({ who, operator, what }: Clause, mode: number, isDirectory: boolean): number {
  const source = what === 'u' || what === 'g' || what === 'o' ? (mode >> SHIFT[what]) & 7 : undefined
  const bits = source ?? permissionBits(what, isDirectory || (mode & 0o111) !== 0)
  let result = mode
  for (const name of who) {
    const letter = name === 'o' ? 't' : 's'
    const named = source === undefined && what.includes(letter)
    const mask = (bits << SHIFT[name]) | (named ? SPECIAL[name] : 0)
    // `=` leaves the set-id bits of a directory alone unless it names them, as GNU chmod does.
    const cleared = (7 << SHIFT[name]) | (isDirectory && letter === 's' && !named ? 0 : SPECIAL[name])
    if (operator === '=') result &= ~cleared
    result = operator === '-' ? result & ~mask : result | mask
  }
  return result
}

function permissionBits(letters: string, mayExecute: boolean): number {
  let bits = 0
  if (letters.includes('r')) bits |= 4
  if (letters.includes('w')) bits |= 2
  if (letters.includes('x') || (letters.includes('X') && mayExecute)) bits |= 1
  return bits
}
