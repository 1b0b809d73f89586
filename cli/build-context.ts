import { existsSync, statSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type IgnoreMatcher, readIgnore } from '../builder/dockerfile/ignore.ts'
import { MAX_DOCKERFILE_BYTES } from '../builder/dockerfile/lines.ts'
import { DirectoryTree } from '../builder/sources/directory.ts'
import { FileDigests } from '../builder/sources/file-digests.ts'
import { bytesOfText } from '../native/wire.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'
import type { Workspace } from './wire.ts'

export interface DockerfileText {
  readonly bytes: Uint8Array
  readonly file: string
  /** Absolute path; undefined when it came from standard input. */
  readonly path: string | undefined
}

/** `-f`, relative to the current folder; else Dockerfile or dockerfile in the context. Errors can show it from then on. Throws DOCKERFILE_MISSING. */
export async function dockerfileOf(file: string | undefined, folder: string, context: Context): Promise<DockerfileText> {
  const dockerfile = await readDockerfile(file, folder, context)
  context.sources.set(dockerfile.file, dockerfile.bytes)
  return dockerfile
}

async function readDockerfile(file: string | undefined, folder: string, context: Context): Promise<DockerfileText> {
  if (folder === '-' || /^(https?|git|ssh):\/\/|^[\w.-]+@[\w.-]+:/.test(folder)) {
    throw new TsbuildError('CONTEXT_UNSUPPORTED', `a context from ${folder === '-' ? 'standard input' : folder} is not supported yet`, {
      hint: 'give a folder',
    })
  }
  if (file === '-') return { bytes: await context.readInput(MAX_DOCKERFILE_BYTES), file: '-', path: undefined }
  const path = file === undefined ? defaultDockerfile(resolve(context.cwd, folder)) : resolve(context.cwd, file)
  try {
    if (statSync(path).size > MAX_DOCKERFILE_BYTES)
      throw new TsbuildError('DOCKERFILE_SYNTAX', `${path} is larger than ${MAX_DOCKERFILE_BYTES} bytes`)
    return { bytes: await readFile(path), file: file ?? shown(path, context.cwd), path }
  } catch (error) {
    if (file === undefined) await contextFolder(folder, context)
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR'))
      throw new TsbuildError('DOCKERFILE_MISSING', `no Dockerfile at ${path}`, { hint: '-f names another file' })
    if (isErrno(error, 'EISDIR')) throw new TsbuildError('DOCKERFILE_MISSING', `${path} is a folder, not a Dockerfile`)
    throw error instanceof TsbuildError ? error : new TsbuildError('DOCKERFILE_MISSING', `cannot read ${path}`, { cause: error })
  }
}

function defaultDockerfile(folder: string): string {
  const path = join(folder, 'Dockerfile')
  return !existsSync(path) && existsSync(join(folder, 'dockerfile')) ? join(folder, 'dockerfile') : path
}

function shown(path: string, cwd: string): string {
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path
}

/** The context as a tree, without what its ignore file leaves out; `digests` are to be saved after the build. Throws CONTEXT_MISSING. */
export async function openContext(folder: string, dockerfile: DockerfileText, workspace: Workspace, context: Context) {
  const root = await contextFolder(folder, context)
  const digests = new FileDigests(workspace.store.root, workspace.native, context.now)
  const { ignore, ignoreFile } = await ignoreRulesOf(root, dockerfile.path, context)
  const tree = new DirectoryTree(bytesOfText(root), { native: workspace.native, digests, ignore, ignoreFile, signal: context.signal })
  return { tree, digests, ignore }
}

/** The rules of the ignore file of a context that need not be opened. Throws CONTEXT_MISSING. */
export async function ignoreOf(folder: string, dockerfile: DockerfileText, context: Context): Promise<IgnoreMatcher> {
  return (await ignoreRulesOf(await contextFolder(folder, context), dockerfile.path, context)).ignore
}

async function contextFolder(folder: string, { cwd }: Context): Promise<string> {
  const root = await realpath(resolve(cwd, folder)).catch((cause: unknown) => {
    const why = isErrno(cause, 'ENOENT') ? undefined : cause
    throw new TsbuildError('CONTEXT_MISSING', `no build context at ${resolve(cwd, folder)}`, {
      cause: why,
      hint: 'give a folder that exists',
    })
  })
  if (statSync(root).isDirectory()) return root
  throw new TsbuildError('CONTEXT_MISSING', `the build context ${root} is no folder`, { hint: 'give a folder; -f names a Dockerfile' })
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the context. */
async function ignoreRulesOf(root: string, dockerfile: string | undefined, { sources }: Context) {
  const candidates = [
    ...(dockerfile === undefined ? [] : [join(dirname(dockerfile), `${basename(dockerfile)}.dockerignore`)]),
    join(root, '.dockerignore'),
  ]
  for (const file of candidates) {
    const text = await readFile(file).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined
      throw new TsbuildError('DOCKERIGNORE_SYNTAX', `cannot read ${file}`, { cause: error })
    })
    if (text === undefined) continue
    sources.set(file, text)
    return { ignore: readIgnore(text, file), ignoreFile: basename(file) }
  }
  return { ignore: readIgnore('', '.dockerignore'), ignoreFile: '.dockerignore' }
}
