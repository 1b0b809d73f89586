import { hasCode, TsbuildError } from '../../registry/oci/error.ts'
import { git } from './git-command.ts'
import type { Mirror, MirrorDeps } from './git-mirror.ts'
import { type GitRemote, readRemote } from './git-url.ts'
import { MAX_SOURCE_BYTES } from './spool.ts'

/** Where a commit names commits of other repositories. */
export interface Listing {
  readonly links: readonly { readonly path: string; readonly commit: string }[]
  readonly hasModules: boolean
}

export interface Submodule {
  readonly path: string
  readonly commit: string
  readonly remote: GitRemote
}

/** Directories are counted, too. */
const MAX_FILES = 1_000_000

/**
 * Looks through a commit before anything is made of it: a few kilobytes of objects can name billions of files, or of directories without any.
 * Throws SOURCE_TOO_LARGE.
 */
export async function listCommit({ folder, remote }: Mirror, commit: string, deps: MirrorDeps): Promise<Listing> {
  const links: { path: string; commit: string }[] = []
  let [files, bytes, rest, hasModules] = [0, 0, '', false]
  const onOutput = (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\0')
    rest = lines.pop() ?? ''
    files += lines.length
    for (const line of lines) {
      // MODE TYPE OBJECT SIZE<tab>PATH: by position, as there may be a million.
      const tab = line.indexOf('\t')
      const size = Number(line.slice(line.lastIndexOf(' ', tab) + 1, tab))
      if (!Number.isNaN(size)) bytes += size
      if (line.startsWith('160000 commit '))
        links.push({ path: Buffer.from(line.slice(tab + 1), 'latin1').toString('utf8'), commit: line.slice(14, line.indexOf(' ', 14)) })
      else if (line.endsWith('\t.gitmodules')) hasModules = true
    }
    if (files > MAX_FILES || bytes > MAX_SOURCE_BYTES)
      throw new TsbuildError(
        'SOURCE_TOO_LARGE',
        `${remote.url}: ${commit} has more than ${MAX_FILES} files and directories or ${MAX_SOURCE_BYTES} bytes`,
      )
  }
  await git(['--git-dir', folder, 'ls-tree', '-r', '-t', '-z', '-l', '--full-tree', commit], deps, { signal: deps.signal, onOutput })
  return { links, hasModules }
}

/** The repositories that the links of a commit lead to, by its `.gitmodules`: gitmodules(5). Throws GIT_SUBMODULE for a link it does not tell about. */
export async function submodulesOf(mirror: Mirror, commit: string, { links, hasModules }: Listing, deps: MirrorDeps): Promise<Submodule[]> {
  if (links.length === 0) return []
  const urls = hasModules ? await urlsByPath(mirror, commit, deps) : new Map<string, string>()
  return links.map(({ path, commit: wanted }) => {
    const url = urls.get(path)
    if (url === undefined)
      throw new TsbuildError('GIT_SUBMODULE', `${mirror.remote.url}: .gitmodules has no URL of the submodule ${path}`, {
        hint: 'submodules=false in the URL leaves submodules out',
      })
    const isRelative = url.startsWith('./') || url.startsWith('../')
    return { path, commit: wanted, remote: entrusted(isRelative ? besides(mirror.remote, url) : readRemote(url), mirror.remote) }
  })
}

async function urlsByPath({ folder }: Mirror, commit: string, deps: MirrorDeps): Promise<Map<string, string>> {
  const args = [
    '--git-dir',
    folder,
    'config',
    '-z',
    '--no-includes',
    `--blob=${commit}:.gitmodules`,
    '--get-regexp',
    '^submodule\\..*\\.(path|url)$',
  ]
  const text = await git(args, deps, { signal: deps.signal }).catch((error: unknown) => {
    if (hasCode(error, 'GIT_FAILED')) return Buffer.alloc(0) // nothing that matches
    throw error
  })
  const modules = new Map<string, { path?: string; url?: string }>()
  for (const item of text.toString('utf8').split('\0')) {
    const [, name, key, value] = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(item) ?? []
    if (name === undefined || key === undefined || value === undefined) continue
    modules.set(name, { ...modules.get(name), [key]: value })
  }
  return new Map([...modules.values()].flatMap(({ path, url }) => (path === undefined || url === undefined ? [] : [[path, url]])))
}

/** `https://host:port`, `user@host:`, and the path on it. Only the path is changed by what a repository says. */
const PLACES = [/^([a-z]+:\/\/[^/]+)(|\/.*)$/s, /^([^/:]+:)(.*)$/s]

/** A URL relative to the repository's own: gitmodules(5), "submodule.<name>.url". */
function besides(remote: GitRemote, relative: string): GitRemote {
  const [, server, path] = PLACES.map((place) => place.exec(remote.url)).find((match) => match !== null) ?? []
  if (server === undefined || path === undefined) throw new Error(`${remote.url}: not what readRemote makes`)
  const parts = path.split('/').filter(Boolean)
  for (const part of relative.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined)
      throw new TsbuildError('GIT_SUBMODULE', `${relative} leads above the server of ${remote.url}`, {
        hint: 'submodules=false in the URL leaves submodules out',
      })
  }
  const root = server.includes('://') || path.startsWith('/') ? '/' : ''
  return readRemote(`${server}${root}${parts.join('/')}`)
}

/** A submodule with the credentials of the repository that names it, if it is of the same origin and has none. */
function entrusted(submodule: GitRemote, { url, authorization }: GitRemote): GitRemote {
  return submodule.authorization === undefined && isSameOrigin(submodule.url, url) ? { ...submodule, authorization } : submodule
}

function isSameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin
}
