import { existsSync, readFileSync, rmSync } from 'node:fs'
import { isBadLayer } from '../../native/failure.ts'
import type { PackEntry } from '../../native/requests/layers.ts'
import { type Bytes, bytesOfText } from '../../native/wire.ts'
import { asDiffID, type DiffID, digestFromBytes, digestOf, hexOf, isDigest } from '../../registry/oci/digest.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { FORMAT, writeWhole } from '../../registry/store/place.ts'
import type { MountedArchive } from './archive-index.ts'
import { git } from './git-command.ts'
import { fetchInto, isRefusal, type Mirror, type MirrorDeps, type Resolved } from './git-mirror.ts'
import { listFolder } from './list-folder.ts'

type Archive = Omit<MountedArchive, 'mount'>

/** The files of a commit as a tar. It is kept as a blob of the store, which is its own DiffID, with its table of contents: made once a commit. */
export function commitArchive(mirror: Mirror, commit: string, deps: MirrorDeps): Promise<Archive> {
  return kept(`${mirror.folder}/trees/${commit}`, deps, async (output) => {
    await git(['--git-dir', mirror.folder, 'archive', '--format=tar', `--output=${output}`, commit], deps, { signal: deps.signal })
  })
}

/**
 * `.git` of a checkout of that commit: its objects and no others, HEAD at it, the branch or tag it came from, an index that says that nothing has changed.
 * No hook, no remote credentials, no log.
 */
export function gitDirArchive(mirror: Mirror, { commit, ref }: Resolved, deps: MirrorDeps): Promise<Archive> {
  const name = `${commit}-${hexOf(digestOf(ref ?? '')).slice(0, 16)}.git`
  return kept(`${mirror.folder}/trees/${name}`, deps, async (output) => {
    const folder = await deps.store.temporary()
    try {
      await makeGitDir(mirror, { commit, ref }, folder, deps)
      await packFolder(folder, output, await timeOf(mirror, commit, deps), deps)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

async function makeGitDir(mirror: Mirror, { commit, ref }: Resolved, folder: string, deps: MirrorDeps): Promise<void> {
  const { signal } = deps
  const inside = (...args: string[]) => git(['--git-dir', `${folder}/.git`, '--work-tree', folder, ...args], deps, { signal })
  const format = commit.length === 64 ? 'sha256' : 'sha1'
  await git(['init', '--quiet', `--object-format=${format}`, folder], deps, { signal })
  const wanted = ref?.startsWith('refs/tags/') === true ? await tagObject(mirror, { commit, ref }, deps) : commit
  const fetch = ['fetch', '--quiet', '--depth=1', '--no-tags', '--no-write-fetch-head', '--update-head-ok', '--', `file://${mirror.folder}`]
  await git(['--git-dir', `${folder}/.git`, ...fetch, `+${wanted}:${ref ?? 'refs/tsbuild/head'}`], deps, { signal, ownRepository: true })
  await inside('update-ref', '--no-deref', 'HEAD', commit)
  if (ref === undefined) await inside('update-ref', '-d', 'refs/tsbuild/head')
  await inside('config', 'remote.origin.url', mirror.remote.url)
  await inside('config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*')
  await inside('read-tree', commit)
  for (const name of ['logs', 'FETCH_HEAD', 'ORIG_HEAD', 'hooks']) rmSync(`${folder}/.git/${name}`, { recursive: true, force: true })
}

/** An annotated tag is more than its commit, which may have come by another way: `git describe` wants it. */
async function tagObject(mirror: Mirror, { commit, ref }: Resolved, deps: MirrorDeps): Promise<string> {
  const kept = `refs/tsbuild/tag-of-${commit}`
  await fetchInto(mirror, ['--depth=1', `+${ref}:${kept}`], deps).catch((error: unknown) => {
    if (!isRefusal(error)) throw error
    return fetchInto(mirror, [`+${ref}:${kept}`], deps)
  })
  const found = await git(['--git-dir', mirror.folder, 'rev-parse', '--verify', `${kept}^{commit}`], deps, { signal: deps.signal })
  return found.toString('utf8').trim() === commit ? kept : commit
}

/** Seconds since the epoch. */
async function timeOf({ folder }: Mirror, commit: string, deps: MirrorDeps): Promise<number> {
  const text = await git(['--git-dir', folder, 'show', '-s', '--format=%ct', commit], deps, { signal: deps.signal })
  return Number(text.toString('utf8').trim())
}

async function packFolder(folder: string, output: string, seconds: number, { store, signal }: MirrorDeps): Promise<void> {
  const root = bytesOfText(folder)
  const found = await listFolder(root, store.native, signal)
  const entries = found.map(({ path, type, mode, size }): PackEntry => {
    const source = type === 'file' ? ({ kind: 'file', root: 0, path } as const) : ({ kind: 'none' } as const)
    const plain = { uid: 0, gid: 0, link: '', rdevMajor: 0, rdevMinor: 0, xattrs: [], mtime: { seconds, nanoseconds: 0 } }
    return {
      path,
      type,
      mode: type === 'directory' ? 0o755 : mode & 0o111 ? 0o755 : 0o644,
      size: type === 'file' ? size : 0,
      source,
      ...plain,
    }
  })
  const request = {
    output: bytesOfText(output),
    toc: '' as Bytes,
    roots: [root],
    blobs: [],
    entries,
    codec: 'none',
    level: 0,
    threads: 0,
  } as const
  await store.native.pack(request, signal)
}

/** The archive that the record at `path` names, if blob and table of contents are there; else what `make` writes. */
async function kept(path: string, deps: MirrorDeps, make: (output: string) => Promise<void>): Promise<Archive> {
  const known = readRecord(path)
  if (known !== undefined && (await deps.store.blobs.stat(known)) !== undefined) return archiveOf(known, deps)
  const [output, toc] = [await deps.store.temporary(), await deps.store.temporary()]
  try {
    await make(output)
    const { diffID: bytes, tarSize } = await deps.store.native.index(
      { blob: { path: bytesOfText(output), codec: 'none' }, toc: bytesOfText(toc) },
      deps.signal,
    )
    const diffID = asDiffID(digestFromBytes(bytes))
    await deps.store.tocs.adopt(toc, diffID)
    await deps.store.blobs.adopt(output, diffID, tarSize)
    await writeWhole(deps.store, path, Buffer.concat([Buffer.of(FORMAT), Buffer.from(diffID)]))
    return await archiveOf(diffID, deps)
  } catch (cause) {
    if (isBadLayer(cause)) throw new TsbuildError('GIT_FAILED', 'git wrote an archive that cannot be read', { cause })
    throw cause
  } finally {
    for (const file of [output, toc]) rmSync(file, { force: true })
  }
}

async function archiveOf(diffID: DiffID, { store, signal }: MirrorDeps): Promise<Archive> {
  const path = store.blobs.path(diffID)
  await store.tocs.ensure({ diffID, path, codec: 'none' }, signal)
  const toc = store.tocs.read(diffID)
  if (toc === undefined)
    throw new TsbuildError('TOC_MISSING', `${diffID}: its table of contents went away`, { hint: 'run the command again' })
  return { path: bytesOfText(path), codec: 'none', entries: toc.entries }
}

function readRecord(path: string): DiffID | undefined {
  if (!existsSync(path)) return undefined
  const bytes = readFileSync(path)
  const text = bytes.toString('latin1', 1)
  return bytes[0] === FORMAT && isDigest(text) ? asDiffID(text) : undefined
}
