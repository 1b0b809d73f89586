import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { digestOf, hexOf } from '../../registry/oci/digest.ts'
import { hasCode, TsbuildError } from '../../registry/oci/error.ts'
import { markUsed } from '../../registry/store/last-use.ts'
import type { Store } from '../../registry/store/store.ts'
import { type GitSettings, git } from './git-command.ts'
import { type GitRemote, type GitSource, isCommit } from './git-url.ts'

export interface MirrorDeps extends GitSettings {
  readonly store: Store
  readonly signal: AbortSignal
  readonly onProgress?: ((text: string) => void) | undefined
}

/** What a source means today. */
export interface Resolved {
  readonly commit: string
  /** `refs/heads/main`, `refs/tags/v1`; undefined for HEAD and for a commit. */
  readonly ref: string | undefined
}

/** Objects of one remote repository that were fetched so far: `cache/git/<digest of URL and format>`, bare, with nothing in it that git would run. Its file `made` holds the URL, without a password. */
export interface Mirror {
  readonly remote: GitRemote
  readonly folder: string
}

/** As git does: a tag before a branch of the same name. Asks the server, unless a commit is named. Throws GIT_REF for what is not there. */
export async function resolveRef({ remote, ref, checksum, fetchByCommit }: GitSource, deps: MirrorDeps): Promise<Resolved> {
  if (fetchByCommit && checksum !== undefined && isCommit(checksum)) return { commit: checksum, ref: undefined }
  if (ref !== undefined && isCommit(ref)) return { commit: ref, ref: undefined }
  const names = ref === undefined ? ['HEAD'] : candidates(ref)
  const patterns = names.flatMap((name) => (name.startsWith('refs/heads/') || name === 'HEAD' ? [name] : [name, `${name}^{}`]))
  const listed = refsOf((await git(['ls-remote', '--', remote.url, ...patterns], deps, { ...deps, remote })).toString('utf8'))
  for (const name of names) {
    const commit = listed.get(`${name}^{}`) ?? listed.get(name)
    if (commit !== undefined) return { commit, ref: name === 'HEAD' ? undefined : name }
  }
  const what = ref === undefined ? 'HEAD' : JSON.stringify(ref)
  throw new TsbuildError('GIT_REF', `${remote.url} has no ${what}`, { hint: 'name a branch, a tag or a whole commit after the #' })
}

function candidates(ref: string): string[] {
  return ref.startsWith('refs/') ? [ref] : [`refs/tags/${ref}`, `refs/heads/${ref}`, `refs/${ref}`]
}

function refsOf(text: string): Map<string, string> {
  const lines = text.split('\n').map((line) => /^([0-9a-f]{40}|[0-9a-f]{64})\t(\S+)$/.exec(line))
  return new Map(lines.flatMap((match) => (match?.[1] === undefined || match[2] === undefined ? [] : [[match[2], match[1]]])))
}

/** The repository with this commit in it, fetched if need be, no deeper than that. To be called with `lockKeyOf(remote)` held. */
export async function mirrorWith(remote: GitRemote, { commit, ref }: Resolved, deps: MirrorDeps): Promise<Mirror> {
  const mirror = await openMirror(remote, commit, deps)
  if (await has(mirror, commit, deps)) return mirror
  const kept = `refs/tsbuild/${commit}`
  const all = ['+refs/heads/*:refs/tsbuild/heads/*', '+refs/tags/*:refs/tsbuild/tags/*']
  const tries: Fetch[] = [
    ...(ref === undefined ? [] : [{ options: ['--depth=1'], refspecs: [`+${ref}:${kept}`] }]),
    { options: ['--depth=1'], refspecs: [`+${commit}:${kept}`] },
    { options: existsSync(`${mirror.folder}/shallow`) ? ['--unshallow'] : [], refspecs: all },
  ]
  for (const [index, fetch] of tries.entries()) {
    try {
      await fetchInto(mirror, fetch, deps)
    } catch (error) {
      // Servers of old serve only what a ref points to; then all refs are fetched.
      if (index === tries.length - 1 || !isRefusal(error)) throw error
    }
    if (await has(mirror, commit, deps)) return mirror
  }
  throw new TsbuildError('GIT_REF', `${remote.url} has no commit ${commit}`, { hint: 'it is in no branch and no tag of that repository' })
}

interface Fetch {
  readonly options: readonly string[]
  readonly refspecs: readonly string[]
}

async function fetchInto({ remote, folder }: Mirror, { options, refspecs }: Fetch, deps: MirrorDeps): Promise<void> {
  const always = ['--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--progress']
  await git(['--git-dir', folder, 'fetch', ...always, ...options, '--', remote.url, ...refspecs], deps, { ...deps, remote })
}

/** Fetches one ref of the server as `kept`, no deeper than its commit, or whole from a server of plain files, which knows no depth. */
export async function fetchRef(mirror: Mirror, ref: string, { kept, deps }: { kept: string; deps: MirrorDeps }): Promise<void> {
  const refspecs = [`+${ref}:${kept}`]
  try {
    await fetchInto(mirror, { options: ['--depth=1'], refspecs }, deps)
  } catch (error) {
    if (!hasCode(error, 'GIT_FAILED') || !isPlainFiles(error)) throw error
    await fetchInto(mirror, { options: [], refspecs }, deps)
  }
}

export function lockKeyOf(remote: GitRemote): string {
  return `git-${hexOf(digestOf(remote.url)).slice(0, 40)}`
}

async function has({ folder }: Mirror, commit: string, deps: MirrorDeps): Promise<boolean> {
  try {
    await git(['--git-dir', folder, 'cat-file', '-e', `${commit}^{tree}`], deps, { signal: deps.signal })
    return true
  } catch (error) {
    if (hasCode(error, 'GIT_FAILED')) return false
    throw error
  }
}

async function openMirror(remote: GitRemote, commit: string, deps: MirrorDeps): Promise<Mirror> {
  const format = commit.length === 64 ? 'sha256' : 'sha1'
  const folder = `${deps.store.root}/cache/git/${hexOf(digestOf(`${format} ${remote.url}`))}`
  const mirror = { remote, folder }
  if (existsSync(`${folder}/made`)) {
    markUsed(`${folder}/made`, deps.store.now())
    removeStaleLocks(folder)
    return mirror
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  await git(['init', '--quiet', '--bare', `--object-format=${format}`, folder], deps, { signal: deps.signal })
  await git(['--git-dir', folder, 'config', 'uploadpack.allowAnySHA1InWant', 'true'], deps, { signal: deps.signal })
  mkdirSync(`${folder}/info`, { recursive: true })
  // What a checkout has, an archive is to have, too: gitattributes(5), "Creating an archive".
  writeFileSync(`${folder}/info/attributes`, '* -export-ignore -export-subst\n')
  writeFileSync(`${folder}/made`, remote.url)
  return mirror
}

/** Of a git that was killed: we hold the lock, so nobody else is at work here. */
function removeStaleLocks(folder: string): void {
  for (const name of ['shallow.lock', 'config.lock', 'packed-refs.lock', 'HEAD.lock']) rmSync(`${folder}/${name}`, { force: true })
  const refs = `${folder}/refs/tsbuild`
  if (!existsSync(refs)) return
  for (const name of readdirSync(refs, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.lock')) rmSync(`${refs}/${name}`, { force: true })
}

function isRefusal(error: unknown): boolean {
  const words = /not our ref|unadvertised|does not allow request|couldn't find remote ref|no such ref|not a valid object/i
  return words.test(String((error as Error).message)) || isPlainFiles(error)
}

/** gitprotocol-http(5), "dumb clients". */
function isPlainFiles(error: unknown): boolean {
  return /dumb http transport/i.test(String((error as Error).message))
}
