import { TsbuildError } from '../../registry/oci/error.ts'

/** /etc/passwd and /etc/group of an image, as text; undefined where the image has none. */
export interface UserFiles {
  readonly passwd: string | undefined
  readonly group: string | undefined
}

export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Who a command runs as. `home` is the directory of the passwd entry, `/` without one. */
export interface StepUser extends Owner {
  /** The gid first, which a process could otherwise leave by a setgid program: CVE-2022-36109. */
  readonly groups: readonly number[]
  readonly home: string
}

const MAX_ID = 2 ** 32 - 2

interface PasswdEntry extends Owner {
  readonly name: string
  readonly home: string
}
interface GroupEntry {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/**
 * `user[:group]` of USER, by name or id. Numbers need no file; a uid without a passwd entry has gid 0; a user without an explicit group gets the passwd gid
 * and all groups that list it; an explicit group replaces them, an empty one (`app:`) is none. Throws USER_UNKNOWN.
 */
export function stepUser(text: string, files: UserFiles): StepUser {
  const [user = '', group] = splitUser(text)
  const entry = passwdEntry(user, files)
  const uid = entry?.uid ?? numeric(user)
  if (uid === undefined) throw unknown('user', user, files.passwd, '/etc/passwd')
  const home = entry?.home ?? '/'
  const gid = !group ? (entry?.gid ?? 0) : groupID(group, files)
  const listing = group || entry === undefined ? [] : groupsListing(entry.name, files)
  return { uid, gid, groups: [...new Set([gid, ...listing])], home }
}

/**
 * `user[:group]` of --chown, and of USER for the folders that WORKDIR makes. A numeric user without a group owns with the same number as gid; a name
 * with its passwd gid; an empty group (`app:`) is 0, as for BuildKit; `root` is 0 in an image that knows no names, too. Throws USER_UNKNOWN.
 */
export function chownOwner(text: string, files: UserFiles): Owner {
  const [user = '', group] = splitUser(text)
  const number = numeric(user)
  const entry = number === undefined ? passwdEntry(user, files) : undefined
  const uid = number ?? entry?.uid ?? rootID(user)
  if (uid === undefined) throw unknown('user', user, files.passwd, '/etc/passwd')
  const gid = group === undefined ? (entry?.gid ?? uid) : groupID(group || '0', files, rootID(group))
  return { uid, gid }
}

/** True when the owner can be told without looking into the image. */
export function isNumericOwner(text: string): boolean {
  return splitUser(text).every((part) => part !== undefined && numeric(part) !== undefined)
}

/** An empty user is root. */
function splitUser(text: string): [string, string?] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text || '0'] : [text.slice(0, colon) || '0', text.slice(colon + 1)]
}

function numeric(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= MAX_ID ? Number(text) : undefined
}

function passwdEntry(user: string, files: UserFiles): PasswdEntry | undefined {
  const uid = numeric(user)
  let byID: PasswdEntry | undefined
  for (const line of lines(files.passwd)) {
    const entry = readPasswd(line)
    if (entry?.name === user) return entry
    if (uid !== undefined && entry?.uid === uid) byID ??= entry
  }
  return byID
}

function rootID(name: string): number | undefined {
  return name === 'root' ? 0 : undefined
}

/** `otherwise` for a name that the image does not have. */
function groupID(group: string, files: UserFiles, otherwise?: number): number {
  for (const entry of groupsOf(files)) if (entry.name === group) return entry.gid
  const gid = numeric(group) ?? otherwise
  if (gid === undefined) throw unknown('group', group, files.group, '/etc/group')
  return gid
}

function groupsListing(user: string, files: UserFiles): number[] {
  const gids: number[] = []
  for (const entry of groupsOf(files)) if (entry.members.includes(user)) gids.push(entry.gid)
  return gids
}

function* groupsOf(files: UserFiles): Generator<GroupEntry> {
  for (const line of lines(files.group)) {
    const [name, , gid, members] = line.split(':')
    const id = numeric(gid ?? '')
    if (name !== undefined && id !== undefined) yield { name, gid: id, members: (members ?? '').split(',') }
  }
}

function readPasswd(line: string): PasswdEntry | undefined {
  const [name, , uid, gid, , home] = line.split(':')
  const [user, group] = [numeric(uid ?? ''), numeric(gid ?? '')]
  return name === undefined || user === undefined || group === undefined ? undefined : { name, uid: user, gid: group, home: home || '/' }
}

/** One at a time: a file of ten MiB may be nothing but line ends. */
function* lines(text = ''): Generator<string> {
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    if (end > start && text[start] !== '#') yield text.slice(start, end)
  }
}

function unknown(kind: 'user' | 'group', name: string, file: string | undefined, path: string): TsbuildError {
  return new TsbuildError('USER_UNKNOWN', `no ${kind} ${JSON.stringify(name)} in the image`, {
    hint: file === undefined ? `the image has no ${path}; use a number` : `add it in an earlier RUN, or use a number`,
  })
}
