import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { withKeyLock } from '../../registry/store/lock.ts'
import { join } from '../../registry/store/resolve-path.ts'
import { ArchiveTree } from './archive.ts'
import type { MountedArchive } from './archive-index.ts'
import { commitArchive, gitDirArchive } from './git-archive.ts'
import { listCommit, type Submodule, submodulesOf } from './git-listing.ts'
import { lockKeyOf, type MirrorDeps, mirrorWith, type Resolved, resolveRef } from './git-mirror.ts'
import type { GitRemote, GitSource } from './git-url.ts'

export interface GitDeps extends MirrorDeps {
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export interface GitTree {
  readonly commit: string
  readonly tree: ArchiveTree
}

const MAX_DEPTH = 10
const MAX_SUBMODULES = 500

/**
 * The files of a commit: 0644 or 0755, of root, dated as the commit is. Submodules are where they belong, each fetched under the same rules as the repository
 * itself; `.git` is there only when it is asked for. Nothing is checked out: git writes a tar, which is read from where it lies.
 * Throws GIT_*, CHECKSUM_MISMATCH, SOURCE_TOO_LARGE, SUBDIR_MISSING.
 */
export async function gitTree(
  source: GitSource,
  options: { readonly label: string; readonly keepGitDir: boolean },
  deps: GitDeps,
): Promise<GitTree> {
  const { remote, checksum } = source
  const resolved = await resolveRef(source, deps)
  if (checksum !== undefined && !resolved.commit.startsWith(checksum))
    throw new TsbuildError(
      'CHECKSUM_MISMATCH',
      `${remote.url}: ${source.ref ?? 'HEAD'} is the commit ${resolved.commit}, but the checksum asks for ${checksum}`,
      {
        hint: 'the branch or tag has moved, or the checksum is of another one',
      },
    )
  const walk: Walk = { ...options, submodules: source.submodules, archives: [], count: 0 }
  await collect({ remote, resolved, mount: '', depth: 0 }, walk, deps)
  const { native, temporary } = { native: deps.store.native, temporary: () => deps.store.temporary() }
  const mtime = source.mtime === 'checkout' ? { mtime: Math.floor(deps.now() / 1000) } : {}
  return {
    commit: resolved.commit,
    tree: new ArchiveTree(walk.archives, { label: options.label, native, temporary, root: source.subdir, ...mtime }),
  }
}

interface Walk {
  readonly keepGitDir: boolean
  readonly submodules: boolean
  readonly archives: MountedArchive[]
  count: number
}

interface Place {
  readonly remote: GitRemote
  readonly resolved: Resolved
  readonly mount: Bytes
  readonly depth: number
}

/** Adds the archives of a repository, then those of its submodules, which lie over its empty directories. */
async function collect(at: Place, walk: Walk, deps: GitDeps): Promise<void> {
  const { remote, resolved, mount } = at
  const found = await withKeyLock(deps.store, lockKeyOf(remote), () => fetchOne(at, walk, deps), { signal: deps.signal })
  walk.archives.push(...found.archives.map((archive) => ({ ...archive, mount })))
  for (const submodule of found.submodules) {
    walk.count += 1
    if (at.depth >= MAX_DEPTH || walk.count > MAX_SUBMODULES)
      throw new TsbuildError(
        'GIT_SUBMODULE',
        `${remote.url}: submodules in more than ${MAX_DEPTH} levels, or more than ${MAX_SUBMODULES}`,
        {
          hint: 'submodules=false leaves them out',
        },
      )
    const { path, commit } = submodule
    const inner = {
      remote: submodule.remote,
      resolved: { commit, ref: undefined },
      mount: join(mount, bytesOfText(path)),
      depth: at.depth + 1,
    }
    await collect(inner, walk, deps).catch((error: unknown) => {
      throw inSubmodule(error, submodule, resolved)
    })
  }
}

async function fetchOne({ remote, resolved }: Place, walk: Walk, deps: GitDeps) {
  const mirror = await mirrorWith(remote, resolved, deps)
  const listing = await listCommit(mirror, resolved.commit, deps)
  const archives = [await commitArchive(mirror, resolved.commit, deps)]
  if (walk.keepGitDir) archives.push(await gitDirArchive(mirror, resolved, deps))
  return { archives, submodules: walk.submodules ? await submodulesOf(mirror, resolved.commit, listing, deps) : [] }
}

function inSubmodule(error: unknown, { path }: Submodule, { commit }: Resolved): unknown {
  if (!(error instanceof TsbuildError) || error.message.startsWith('submodule ')) return error
  const hint = error.hint ?? 'submodules=false in the URL leaves submodules out'
  return new TsbuildError(error.code, `submodule ${path} of ${commit.slice(0, 12)}: ${error.message}`, { cause: error.cause, hint })
}
