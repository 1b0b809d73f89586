import { accessSync, constants, readFileSync } from 'node:fs'
import type { IdKind } from '../builder/deps.ts'

/** What the guess looks at. */
export interface IdSource {
  /** TSBUILD_IDS. */
  readonly ids: string | undefined
  readonly uid: number
  /** Text of a file, undefined when it cannot be read. */
  text(path: string): string | undefined
  isProgram(path: string): boolean
}

/**
 * Which ids steps will have, without starting the helper: what native/src/helper/id-map.cc will find. `single` only where nothing else can be; once the
 * helper runs, `idKindOf` knows.
 */
export function guessIdKind(source: IdSource): IdKind {
  if (source.ids === 'single') return 'single'
  const own = source.text('/proc/self/uid_map')
  if (own !== undefined && countIds(own) === 1) return 'single'
  if (source.uid === 0 || source.ids === 'own' || source.ids === 'ranges') return ''
  const name = nameOf(source)
  const hasRanges = ['/etc/subuid', '/etc/subgid'].every((file) => hasRange(source.text(file) ?? '', name, source.uid))
  return hasRanges && ['newuidmap', 'newgidmap'].every((program) => isInstalled(program, source)) ? '' : 'single'
}

/** From the text of the helper's uid_map and gid_map. */
export function idKindOf(idMap: string): IdKind {
  return countIds(idMap) <= 2 ? 'single' : ''
}

/** This machine, for `guessIdKind`. */
export function idSource(env: Readonly<Record<string, string | undefined>>, uid: number): IdSource {
  return { ids: env.TSBUILD_IDS, uid, text: textOf, isProgram }
}

/** user_namespaces(7): lines of three numbers, the last of which is how many. */
function countIds(map: string): number {
  return map
    .split('\n')
    .map((line) => Number(line.trim().split(/\s+/)[2] ?? 0))
    .reduce((sum, count) => sum + count, 0)
}

function nameOf(source: IdSource): string | undefined {
  const lines = (source.text('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'))
  return lines.find((fields) => fields[2] === String(source.uid))?.[0]
}

/** subuid(5): `name or uid:first:count`. */
function hasRange(text: string, name: string | undefined, uid: number): boolean {
  return text.split('\n').some((line) => {
    const [owner, first, count, ...more] = line.split(':')
    const isOurs = owner !== '' && (owner === name || owner === String(uid))
    return isOurs && more.length === 0 && first !== undefined && Number.parseInt(count ?? '', 10) > 0
  })
}

/** The helper has no PATH, so it looks in these. */
function isInstalled(program: string, source: IdSource): boolean {
  const folders = ['/usr/bin', '/bin', '/usr/sbin', '/usr/local/bin', '/run/wrappers/bin']
  return folders.some((folder) => source.isProgram(`${folder}/${program}`))
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // as good as empty: no ranges are known then
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
