import { existsSync, readdirSync, statSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import type { IgnoreMatcher } from '../builder/dockerfile/ignore.ts'
import { MAX_DOCKERFILE_BYTES } from '../builder/dockerfile/lines.ts'
import { didYouMean } from '../builder/dockerfile/suggest.ts'
import type { ArchiveTree } from '../builder/sources/archive.ts'
import type { SourceTree } from '../builder/sources/tree.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'
import { type ContextPlace, contextPlace } from './context-place.ts'
import { contextFolder, folderTree, ignoreRulesOf } from './folder-context.ts'
import { openElsewhere } from './other-context.ts'
import type { Workspace } from './wire.ts'

export interface DockerfileText {
  readonly bytes: Uint8Array
  readonly file: string
  /** Absolute path; undefined when it is no file of this machine. */
  readonly path: string | undefined
}

/** A context and the Dockerfile that goes with it. */
export interface BuildInput {
  readonly dockerfile: DockerfileText
  readonly tree: SourceTree
  /** Its ignore rules, where it has any. */
  readonly ignore: IgnoreMatcher | undefined
}

/** What can be read before the store is open: `open` does the rest. */
export interface PendingInput {
  /** Dockerfile and ignore rules alone, for who builds nothing: no store is opened for a folder. */
  peek(open: () => Promise<Workspace>): Promise<Omit<BuildInput, 'tree'>>
  open(workspace: Workspace, options: { readonly keepGitDir: boolean | undefined }): Promise<BuildInput>
}

/**
 * Finds context and Dockerfile. Of a folder the Dockerfile is read at once: `-f` relative to the current folder, else Dockerfile or dockerfile in the
 * context. Of any other context a relative `-f` is in it, an absolute one on this machine. Errors can show the Dockerfile once it was read.
 * Throws CONTEXT_MISSING, CONTEXT_INVALID, DOCKERFILE_MISSING.
 */
export async function buildInput(file: string | undefined, text: string, context: Context): Promise<PendingInput> {
  const place = contextPlace(text, context.cwd)
  if (place.kind === 'stdin' && file === '-')
    throw new TsbuildError('USAGE', 'context and Dockerfile cannot both come from standard input', { hint: 'give one of them as a file' })
  const early = await earlyDockerfile(file, place, context)
  const openIn = async (workspace: Workspace, keepGitDir: boolean | undefined) => {
    const input = await opened(place, { file, early, keepGitDir }, workspace, context)
    context.sources.set(input.dockerfile.file, input.dockerfile.bytes)
    return input
  }
  return {
    open: (workspace, { keepGitDir }) => openIn(workspace, keepGitDir),
    async peek(open) {
      if (place.kind !== 'folder' || early === undefined) return openIn(await open(), undefined)
      const { ignore } = await ignoreRulesOf(await contextFolder(place.path), early.path, context)
      return { dockerfile: early, ignore }
    },
  }
}

interface Opening {
  readonly file: string | undefined
  readonly early: DockerfileText | undefined
  readonly keepGitDir: boolean | undefined
}

async function opened(
  place: ContextPlace,
  { file, early, keepGitDir }: Opening,
  workspace: Workspace,
  context: Context,
): Promise<BuildInput> {
  const known = early ?? (isUrl(file) ? await fetched(file, workspace, context) : undefined)
  if (place.kind === 'folder') {
    if (known === undefined) throw new Error('the Dockerfile of a folder was read before')
    const tree = await folderTree(await contextFolder(place.path), known.path, { label: 'the build context' }, workspace, context)
    return { dockerfile: known, tree, ignore: tree.ignore }
  }
  const found = await openElsewhere(place, { label: 'the build context', keepGitDir }, workspace, context)
  if (found.kind === 'files')
    return { tree: found.tree, dockerfile: known ?? (await dockerfileIn(found.tree, file, context)), ignore: undefined }
  if (place.kind === 'tar')
    throw new TsbuildError('CONTEXT_MISSING', `the build context ${place.path} is no folder and no tar`, {
      hint: 'give a folder; -f names a Dockerfile',
    })
  const { emptyContext } = await import('../builder/sources/context.ts')
  if (file !== undefined)
    throw new TsbuildError('USAGE', `two Dockerfiles: the context is one, and -f ${file} names another`, { hint: 'leave out -f' })
  const name = place.kind === 'stdin' ? '-' : place.url
  const tree = emptyContext('the build context, which is empty: all that was given is a Dockerfile', workspace.buildDeps)
  return { tree, dockerfile: { bytes: found.bytes, file: name, path: undefined }, ignore: undefined }
}

async function earlyDockerfile(file: string | undefined, place: ContextPlace, context: Context): Promise<DockerfileText | undefined> {
  if (isUrl(file)) return undefined
  if (file === '-') return keep({ bytes: await context.readInput(MAX_DOCKERFILE_BYTES), file: '-', path: undefined }, context)
  if (place.kind === 'folder') return keep(await localDockerfile(file, place.path, context), context)
  return file !== undefined && isAbsolute(file) ? keep(await localDockerfile(file, dirname(file), context), context) : undefined
}

function keep(dockerfile: DockerfileText, context: Context): DockerfileText {
  context.sources.set(dockerfile.file, dockerfile.bytes)
  return dockerfile
}

async function localDockerfile(file: string | undefined, folder: string, context: Context): Promise<DockerfileText> {
  const path = file === undefined ? defaultDockerfile(folder) : resolve(context.cwd, file)
  try {
    const stat = statSync(path)
    if (stat.size > MAX_DOCKERFILE_BYTES)
      throw new TsbuildError('DOCKERFILE_SYNTAX', `${path} is larger than ${MAX_DOCKERFILE_BYTES} bytes`)
    if (stat.isFile()) await staysInside(path, [folder, dirname(path)])
    return { bytes: await readFile(path), file: file ?? shown(path, context.cwd), path }
  } catch (error) {
    if (file === undefined) await contextFolder(folder)
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR'))
      throw new TsbuildError('DOCKERFILE_MISSING', `no Dockerfile at ${path}`, { hint: nearFile(path) ?? '-f names another file' })
    if (isErrno(error, 'EISDIR')) throw new TsbuildError('DOCKERFILE_MISSING', `${path} is a folder, not a Dockerfile`)
    throw error instanceof TsbuildError ? error : new TsbuildError('DOCKERFILE_MISSING', `cannot read ${path}`, { cause: error })
  }
}

/** A file beside it whose name is nearly that. */
function nearFile(path: string): string | undefined {
  try {
    return didYouMean(basename(path), readdirSync(dirname(path)))
  } catch {
    return undefined // there is no such folder either
  }
}

/** A context made by somebody else must not show a file of this machine by a link that it calls Dockerfile. */
async function staysInside(path: string, folders: readonly string[]): Promise<void> {
  const real = await realpath(path)
  for (const folder of folders) if (real.startsWith(`${(await realpath(folder)).replace(/\/$/, '')}/`)) return
  throw new TsbuildError('DOCKERFILE_MISSING', `${path} is a link that leads out of the context and of its folder`, {
    hint: `-f ${real} if you trust it`,
  })
}

function defaultDockerfile(folder: string): string {
  const path = join(folder, 'Dockerfile')
  return !existsSync(path) && existsSync(join(folder, 'dockerfile')) ? join(folder, 'dockerfile') : path
}

function shown(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
}

/** A Dockerfile inside a context that is no folder. */
async function dockerfileIn(tree: ArchiveTree, file: string | undefined, { signal }: Context): Promise<DockerfileText> {
  for (const name of file === undefined ? ['Dockerfile', 'dockerfile'] : [file]) {
    const bytes = await tree.readFile(name, MAX_DOCKERFILE_BYTES, signal)
    if (bytes !== undefined) return { bytes, file: name, path: undefined }
  }
  const name = file ?? 'Dockerfile'
  const { bytesOfText } = await import('../native/wire.ts')
  const hint = (await tree.explainMissing(bytesOfText(name)))?.replace('did you mean', 'did you mean -f')
  throw new TsbuildError('DOCKERFILE_MISSING', `no ${name} in the build context`, { hint: hint ?? '-f names another file of the context' })
}

async function fetched(url: string, { buildDeps }: Workspace, { signal }: Context): Promise<DockerfileText> {
  const { httpFile } = await import('../builder/sources/context.ts')
  return { bytes: await httpFile(url, MAX_DOCKERFILE_BYTES, { label: `Dockerfile ${url}`, signal }, buildDeps), file: url, path: undefined }
}

function isUrl(file: string | undefined): file is string {
  return file !== undefined && /^https?:\/\//i.test(file)
}
