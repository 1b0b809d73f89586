import { TsbuildError } from '../../registry/oci/error.ts'

/** A --chmod value: a function from the mode that a file has to the one it gets. `octal` is set where the value is a number. */
export interface ModeChange {
  readonly octal: number | undefined
  apply(mode: number, isDirectory: boolean): number
}

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/

/** Octal 0 to 07777, or the symbolic clauses of chmod(1) with umask 0. Throws CHMOD_INVALID. */
export function parseChmod(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    const octal = Number.parseInt(text, 8)
    return { octal, apply: () => octal }
  }
  const clauses = text.split(',').map((clause) => CLAUSE.exec(clause))
  if (text === '' || clauses.some((clause) => clause === null)) {
    throw new TsbuildError('CHMOD_INVALID', `not a mode: --chmod=${text}`, { hint: 'write octal digits up to 7777, or u+x style clauses' })
  }
  return {
    octal: undefined,
    apply: (mode, isDirectory) => clauses.reduce((current, clause) => applyClause(current, clause?.[1] ?? '', clause?.[2] ?? '', isDirectory), mode),
  }
}

function applyClause(mode: number, who: string, actions: string, isDirectory: boolean): number {
  const classes = who === '' || who.includes('a') ? 'ugo' : who
  let result = mode
  for (const [, operator = '', permissions = ''] of actions.matchAll(/([-+=])([ugo]|[rwxXst]*)/g)) {
    const bits = bitsOf(permissions, classes, result, isDirectory)
    if (operator === '+') result |= bits
    else if (operator === '-') result &= ~bits
    else result = (result & ~maskOf(classes, isDirectory)) | bits
  }
  return result
}

const SHIFT: Record<string, number> = { u: 6, g: 3, o: 0 }

function bitsOf(permissions: string, classes: string, mode: number, isDirectory: boolean): number {
  let bits = 0
  for (const name of classes) {
    const shift = SHIFT[name] ?? 0
    let three = 0
    for (const permission of permissions) {
      if (permission === 'r') three |= 4
      else if (permission === 'w') three |= 2
      else if (permission === 'x' || (permission === 'X' && (isDirectory || (mode & 0o111) !== 0))) three |= 1
      else if (permission in SHIFT) three |= (mode >> (SHIFT[permission] ?? 0)) & 7
      else if (permission === 's') bits |= name === 'u' ? 0o4000 : name === 'g' ? 0o2000 : 0
      else if (permission === 't') bits |= 0o1000
    }
    bits |= three << shift
  }
  return bits
}

/** What `=` clears: the class's bits; set-id bits of directories stay, as in GNU chmod. */
function maskOf(classes: string, isDirectory: boolean): number {
  let mask = 0
  for (const name of classes) mask |= 7 << (SHIFT[name] ?? 0)
  if (!isDirectory && classes.includes('u')) mask |= 0o4000
  if (!isDirectory && classes.includes('g')) mask |= 0o2000
  return mask
}
