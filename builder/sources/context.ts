import { readFile, stat } from 'node:fs/promises'
import { hasCode, TsbuildError } from '../../registry/oci/error.ts'
import type { BuildDeps } from '../deps.ts'
import { MAX_DOCKERFILE_BYTES } from '../dockerfile/lines.ts'
import { type Archive, readArchive } from '../steps/unpack.ts'
import { ArchiveTree } from './archive.ts'
import { firstBytes, looksLikeArchive } from './archive-start.ts'
import { readGitUrl } from './git-url.ts'
import { nameOfUrl, readHttpUrl } from './http.ts'
import { oneFileTree } from './one-file.ts'
import { MAX_SOURCE_BYTES, spool } from './spool.ts'
import type { SourceTree } from './tree.ts'

/** What a context that is no folder turned out to be: files, or a Dockerfile and no files. */
export type OpenedContext =
  | { readonly kind: 'files'; readonly tree: ArchiveTree }
  | { readonly kind: 'dockerfile'; readonly bytes: Uint8Array }

export interface ContextOptions {
  /** How messages call it. */
  readonly label: string
  readonly signal: AbortSignal
}

/** No files at all, called `label`. */
export function emptyContext(label: string, deps: BuildDeps): ArchiveTree {
  return new ArchiveTree([], { label, native: deps.native, temporary: () => deps.store.temporary() })
}

/** A tar, plain or compressed, or else a Dockerfile, from a stream: told by the first bytes. Throws CONTEXT_INVALID, SOURCE_TOO_LARGE. */
export async function streamContext(stream: AsyncIterable<Uint8Array>, options: ContextOptions, deps: BuildDeps): Promise<OpenedContext> {
  const path = await deps.store.temporary()
  await spool(stream, path, { maxBytes: MAX_SOURCE_BYTES, what: options.label })
  return fileContext(path, options, deps)
}

/** The same from a file, which must stay until the build has ended. */
export async function fileContext(
  path: string,
  { label, signal, made }: ContextOptions & { readonly made?: number | undefined },
  deps: BuildDeps,
): Promise<OpenedContext> {
  const start = await firstBytes(path)
  if (!looksLikeArchive(start)) return { kind: 'dockerfile', bytes: await readDockerfile(path, label) }
  const archive = await readContextArchive(path, label, deps, signal)
  const options = { label, native: deps.native, temporary: () => deps.store.temporary(), made }
  return { kind: 'files', tree: new ArchiveTree([{ ...archive, mount: '' }], options) }
}

/** What an http(s) URL gives. Throws what `Remotes.http` throws. */
export async function httpContext(url: string, { label, signal }: ContextOptions, deps: BuildDeps): Promise<OpenedContext> {
  readHttpUrl(url)
  const file = await (await deps.remotes()).http(url, { step: label, signal })
  return fileContext(deps.store.blobs.path(file.digest), { label, signal, made: file.mtime || undefined }, deps)
}

/** The same for a named context: the files of a tar, or else the one file that is there, called as the URL ends. */
export async function httpTree(
  url: string,
  { label, signal, checksum }: ContextOptions & { readonly checksum?: string | undefined },
  deps: BuildDeps,
): Promise<SourceTree> {
  const name = nameOfUrl(readHttpUrl(url))
  const file = await (await deps.remotes()).http(url, { step: label, checksum, signal })
  const archive = await readArchive({ path: deps.store.blobs.path(file.digest), name: url }, deps, signal)
  if (archive === undefined) return { ...oneFileTree(name, file, deps.store), label }
  return new ArchiveTree([{ ...archive, mount: '' }], {
    label,
    native: deps.native,
    temporary: () => deps.store.temporary(),
    made: file.mtime || undefined,
  })
}

/** The files of a repository. Throws what `Remotes.git` throws. */
export async function gitContext(
  text: string,
  { label, signal, keepGitDir }: ContextOptions & { readonly keepGitDir: boolean | undefined },
  deps: BuildDeps,
): Promise<OpenedContext> {
  const source = readGitUrl(text)
  const { tree } = await (await deps.remotes()).git(source, { step: label, keepGitDir: source.keepGitDir ?? keepGitDir, label, signal })
  return { kind: 'files', tree }
}

async function readContextArchive(path: string, label: string, deps: BuildDeps, signal: AbortSignal): Promise<Archive> {
  const found = await readArchive({ path, name: label }, deps, signal).catch((error: unknown) => {
    if (!hasCode(error, 'ARCHIVE_INVALID')) throw error
    const message = `${label} is a tar that cannot be read, or that leads out of its root`
    throw new TsbuildError('CONTEXT_INVALID', message, { cause: (error as Error).cause })
  })
  if (found !== undefined) return found
  throw new TsbuildError('CONTEXT_INVALID', `${label} is compressed, but no tar that can be read`, { hint: 'it may be cut short' })
}

async function readDockerfile(path: string, label: string): Promise<Uint8Array> {
  const { size } = await stat(path)
  if (size > MAX_DOCKERFILE_BYTES)
    throw new TsbuildError('CONTEXT_INVALID', `${label} is no tar, and with ${size} bytes too large for a Dockerfile`, {
      hint: `a Dockerfile has at most ${MAX_DOCKERFILE_BYTES} bytes; a context is a tar, plain or compressed`,
    })
  return readFile(path)
}

/** A file that a URL gives, for `-f URL`. */
export async function httpFile(url: string, maxBytes: number, { label, signal }: ContextOptions, deps: BuildDeps): Promise<Uint8Array> {
  const { digest } = await (await deps.remotes()).http(url, { step: label, signal })
  return deps.store.blobs.read(digest, maxBytes)
}
