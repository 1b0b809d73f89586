import { statSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type IgnoreMatcher, MAX_IGNORE_BYTES, readIgnore, readIgnoreWhenUsed } from '../builder/dockerfile/ignore.ts'
import { DirectoryTree } from '../builder/sources/directory.ts'
import { bytesOfText } from '../native/wire.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import type { Context } from './context.ts'
import type { Workspace } from './wire.ts'

/** A folder as a tree, without what its ignore file leaves out. What was read of it is remembered by `workspace.digests`. */
export async function folderTree(
  root: string,
  dockerfile: string | undefined,
  { label }: { readonly label: string },
  { native, digests }: Workspace,
  context: Context,
): Promise<DirectoryTree> {
  const { ignore, ignoreFile } = await ignoreRulesOf(root, dockerfile, context)
  return new DirectoryTree(bytesOfText(root), { native, digests, ignore, ignoreFile, label, signal: context.signal })
}

/** Its real path. Throws CONTEXT_MISSING. */
export async function contextFolder(folder: string): Promise<string> {
  const root = await realpath(folder).catch((cause: unknown) => {
    const why = isErrno(cause, 'ENOENT') ? undefined : cause
    throw new TsbuildError('CONTEXT_MISSING', `no build context at ${folder}`, { cause: why, hint: 'give a folder that exists' })
  })
  if (statSync(root).isDirectory()) return root
  throw new TsbuildError('CONTEXT_MISSING', `the build context ${root} is no folder`, { hint: 'give a folder; -f names a Dockerfile' })
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the context. Mistakes in it are told once something of the context is used. */
export async function ignoreRulesOf(
  root: string,
  dockerfile: string | undefined,
  { sources }: Context,
): Promise<{ readonly ignore: IgnoreMatcher; readonly ignoreFile: string }> {
  const candidates = [
    ...(dockerfile === undefined ? [] : [join(dirname(dockerfile), `${basename(dockerfile)}.dockerignore`)]),
    join(root, '.dockerignore'),
  ]
  for (const file of candidates) {
    const text = await readRules(file)
    if (text === undefined) continue
    sources.set(file, text)
    return { ignore: readIgnoreWhenUsed(text, file), ignoreFile: basename(file) }
  }
  return { ignore: readIgnore('', '.dockerignore'), ignoreFile: '.dockerignore' }
}

async function readRules(file: string): Promise<Uint8Array | undefined> {
  try {
    if (statSync(file).size > MAX_IGNORE_BYTES)
      throw new TsbuildError('DOCKERIGNORE_SYNTAX', `${file} is larger than ${MAX_IGNORE_BYTES} bytes`)
    return await readFile(file)
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined
    throw error instanceof TsbuildError ? error : new TsbuildError('DOCKERIGNORE_SYNTAX', `cannot read ${file}`, { cause: error })
  }
}
