import { TsbuildError } from '../../registry/oci/error.ts'
import { decoded } from './decoded.ts'

/** Where a repository is, and what git may speak to get there: never `file`, `ext` or a helper of another name. */
export interface GitRemote {
  /** As git is given it: without a password. */
  readonly url: string
  readonly protocol: 'https' | 'http' | 'git' | 'ssh'
  /** Value of an Authorization header, from a user name and password in an http(s) URL. */
  readonly authorization: string | undefined
}

/** A commit of a repository, or a directory in it, as a Dockerfile or command line names it. */
export interface GitSource {
  readonly remote: GitRemote
  /** Branch, tag, `refs/...` or commit; undefined is HEAD of the server. */
  readonly ref: string | undefined
  /** '' for all of it. */
  readonly subdir: string
  /** The commit, or its beginning, that must come of it. */
  readonly checksum: string | undefined
  readonly keepGitDir: boolean | undefined
  readonly submodules: boolean
  /** `checkout` is the time of this build; undefined and `commit` the commit's. */
  readonly mtime: 'checkout' | 'commit' | undefined
  /** The commit is fetched by its name, without asking where the ref is. */
  readonly fetchByCommit: boolean
}

const SCP_LIKE = /^([\w][\w.-]*)@([\w][\w.-]*):(?!\/\/)(.+)$/s
const PROTOCOLS: Readonly<Record<string, GitRemote['protocol']>> = { 'https:': 'https', 'http:': 'http', 'git:': 'git', 'ssh:': 'ssh' }
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** `URL[?key=value...][#ref[:subdir]]`. Throws GIT_URL for anything that is not what BuildKit takes, and for what could be read as an option. */
export function readGitUrl(text: string): GitSource {
  const hash = text.indexOf('#')
  const [address, fragment] = hash < 0 ? [text, ''] : [text.slice(0, hash), text.slice(hash + 1)]
  const question = address.indexOf('?')
  const [bare, query] = question < 0 ? [address, ''] : [address.slice(0, question), address.slice(question + 1)]
  const remote = readRemote(bare)
  const colon = fragment.indexOf(':')
  const given = colon < 0 ? { ref: fragment, subdir: '' } : { ref: fragment.slice(0, colon), subdir: fragment.slice(colon + 1) }
  return checked(withQuery({ remote, ...given }, new URLSearchParams(query)), text)
}

/** The place alone, as `.gitmodules` has it. Throws GIT_URL. */
export function readRemote(text: string): GitRemote {
  if (/[\p{Cc}\s]/u.test(text) || text.startsWith('-')) throw wrong(`not the URL of a repository: ${JSON.stringify(text.slice(0, 200))}`)
  const scp = SCP_LIKE.exec(text)
  if (scp !== null) {
    if (scp[3]?.startsWith('-') || scp[3]?.startsWith(':')) throw wrong(`not a path on a git server: ${JSON.stringify(scp[3])}`)
    return { url: text, protocol: 'ssh', authorization: undefined }
  }
  const url = URL.canParse(text) ? new URL(text) : undefined
  const protocol = PROTOCOLS[url?.protocol ?? '']
  if (url === undefined || protocol === undefined)
    throw wrong(`git may not fetch ${JSON.stringify(text.slice(0, 200))}`, 'use https://, http://, ssh://, git:// or user@host:path')
  if (!/^[\w[]/.test(url.hostname) || url.username.startsWith('-') || /^\/*-/.test(url.pathname))
    throw wrong(`not the URL of a repository: ${JSON.stringify(text.slice(0, 200))}`)
  return withoutPassword(url, protocol)
}

/** A user name without a password is part of an ssh address; in http(s) it is credentials, which do not belong on a command line. */
function withoutPassword(url: URL, protocol: GitRemote['protocol']): GitRemote {
  const isWeb = protocol === 'https' || protocol === 'http'
  const pair = `${decoded(url.username)}:${decoded(url.password)}`
  const authorization = isWeb && url.username !== '' ? `Basic ${Buffer.from(pair).toString('base64')}` : undefined
  if (isWeb) url.username = ''
  url.password = ''
  return { url: url.href, protocol, authorization }
}

interface Draft {
  remote: GitRemote
  ref: string
  subdir: string
  checksum?: string
  keepGitDir?: boolean
  submodules?: boolean
  mtime?: 'checkout' | 'commit'
  fetchByCommit?: boolean
}

function withQuery(given: Draft, query: URLSearchParams): Draft {
  const draft = { ...given }
  const agree = (key: 'ref' | 'subdir', value: string, name: string) => {
    if (draft[key] !== '' && draft[key] !== value)
      throw wrong(`${name} conflicts: ${JSON.stringify(draft[key])} and ${JSON.stringify(value)}`)
    draft[key] = value
  }
  for (const key of new Set(query.keys())) {
    const [value = '', second] = query.getAll(key)
    if (second !== undefined) throw wrong(`query ${JSON.stringify(key)} has several values`)
    if (key === 'ref' || key === 'subdir') agree(key, value, key)
    else if (key === 'tag') agree('ref', prefixed('refs/tags/', value), key)
    else if (key === 'branch') agree('ref', prefixed('refs/heads/', value), key)
    else if (key === 'checksum' || key === 'commit') {
      if (draft.checksum !== undefined && draft.checksum !== value) throw wrong('checksum and commit differ')
      draft.checksum = value
    } else if (key === 'keep-git-dir') draft.keepGitDir = truth(key, value)
    else if (key === 'submodules') draft.submodules = truth(key, value)
    else if (key === 'fetch-by-commit') draft.fetchByCommit = truth(key, value)
    else if (key === 'mtime' && (value === 'checkout' || value === 'commit')) draft.mtime = value
    else if (key === 'mtime') throw wrong(`mtime=${value} is not known`, 'checkout or commit')
    else
      throw wrong(
        `unexpected query ${JSON.stringify(key)}`,
        'ref, tag, branch, subdir, checksum, commit, keep-git-dir, submodules, mtime, fetch-by-commit',
      )
  }
  return draft
}

function checked(draft: Draft, text: string): GitSource {
  const { remote, ref, subdir, checksum, keepGitDir, submodules = true, mtime, fetchByCommit = false } = draft
  if (ref !== '' && !isRef(ref)) throw wrong(`not a branch, tag or commit: ${JSON.stringify(ref.slice(0, 200))}`)
  if (checksum !== undefined) checkCommit(checksum)
  if (checksum !== undefined && COMMIT.test(ref) && !ref.startsWith(checksum))
    throw wrong(`the ref ${ref} and the checksum ${checksum} differ`)
  if (fetchByCommit && (checksum === undefined || !COMMIT.test(checksum)) && !COMMIT.test(ref))
    throw wrong('fetch-by-commit needs a whole commit', 'add checksum=<40 hexadecimal digits>')
  const parts = subdir.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..') || subdir.includes('\0'))
    throw wrong(`the directory ${JSON.stringify(subdir)} leaves the repository`, `in ${JSON.stringify(text.slice(0, 200))}`)
  // A whole commit says where it is, and needs no ref to be found by.
  const found = ref === '' && checksum !== undefined && COMMIT.test(checksum) ? checksum : ref
  return { remote, ref: found === '' ? undefined : found, subdir: parts.join('/'), checksum, keepGitDir, submodules, mtime, fetchByCommit }
}

/** Throws GIT_URL unless it is a commit or the beginning of one. */
export function checkCommit(text: string): void {
  if (!/^[0-9a-f]{4,64}$/.test(text))
    throw wrong(`not a commit: ${JSON.stringify(text.slice(0, 200))}`, 'a checksum is the hexadecimal name of a commit, or its beginning')
}

export function isCommit(text: string): boolean {
  return COMMIT.test(text)
}

/** git-check-ref-format(1), and no leading dash. */
function isRef(ref: string): boolean {
  if (ref.length > 1024 || /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|^[-/.]|[/.]$|^@$/u.test(ref)) return false
  return ref.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'))
}

function prefixed(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : `${prefix}${name}`
}

function truth(key: string, value: string): boolean {
  if (['', '1', 'true'].includes(value.toLowerCase())) return true
  if (['0', 'false'].includes(value.toLowerCase())) return false
  throw wrong(`${key}=${value} is not known`, 'true or false')
}

function wrong(message: string, hint?: string): TsbuildError {
  return new TsbuildError('GIT_URL', message, { hint })
}
