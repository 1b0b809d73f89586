import { createReadStream, rmSync } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import type { BuildResult } from '../builder/build.ts'
import { writeTrees } from '../builder/outputs.ts'
import { bytesOfText } from '../native/wire.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import { asStep } from '../registry/oci/event.ts'
import { formatPlatform, type Platform } from '../registry/oci/platform.ts'
import { parseReference } from '../registry/oci/reference.ts'
import { makeFolders } from '../registry/store/make-folders.ts'
import { fetchWhole } from './absent.ts'
import type { Context } from './context.ts'
import type { Output } from './output-flags.ts'
import type { Workspace } from './wire.ts'

interface Built {
  readonly result: BuildResult
  /** Of --tag, in full. */
  readonly names: readonly string[]
}

/** Does what each output says. A name comes after the files, which may fail, and before the pushes, so that nothing is pushed that is not kept. */
export async function carryOut(outputs: readonly Output[], built: Built, workspace: Workspace, context: Context): Promise<void> {
  const { root } = built.result
  const names = [
    ...new Set([
      ...built.names,
      ...outputs.filter((output) => output.kind === 'image' || output.kind === 'registry').flatMap((output) => output.names),
    ]),
  ]
  for (const output of outputs) if (output.kind !== 'image' && output.kind !== 'registry') await exportTo(output, built, workspace, context)
  for (const name of names) await workspace.store.names.set(name, root)
  if (names.length > 0) await workspace.refreshIndex()
  for (const { push, names: own } of outputs) if (push) await pushAll(own.length > 0 ? own : built.names, built, workspace, context)
}

async function pushAll(names: readonly string[], { result }: Built, workspace: Workspace, context: Context): Promise<void> {
  const { push } = await import('../registry/remote/push.ts')
  const { store, emit } = workspace
  for (const name of names) {
    await asStep({ id: name, name: `push ${name}`, emit, now: context.now }, async () => {
      await push(
        result.root,
        [parseReference(name)],
        { step: name, signal: context.signal },
        { client: await workspace.client(), store, emit },
      )
    })
  }
}

async function exportTo(output: Output, built: Built, workspace: Workspace, context: Context): Promise<void> {
  const dest = output.dest ?? '-'
  const step = { id: `export ${dest}`, name: `exporting to ${output.kind} ${dest}`, emit: workspace.emit, now: context.now }
  await asStep(step, async () => {
    try {
      if (output.kind === 'oci' || output.kind === 'docker') await exportImage(output, dest, built, workspace, context)
      else if (output.kind === 'tar' || output.kind === 'local') await exportTrees(output, dest, built, workspace, context)
    } catch (cause) {
      if (cause instanceof TsbuildError || typeof (cause as { code?: unknown }).code !== 'string') throw cause
      throw new TsbuildError('OUTPUT_WRITE', `cannot write ${dest}`, { cause, hint: 'give a dest that you may write' })
    }
  })
}

async function exportImage(output: Output, dest: string, built: Built, workspace: Workspace, context: Context): Promise<void> {
  const { root } = built.result
  await fetchWhole(root, workspace, context.signal)
  const names = [...new Set([...output.names, ...built.names])].map((name) => ({ refName: refNameOf(name), imageName: name }))
  if (!output.tar) {
    const { exportLayout } = await import('../registry/store/layout-copy.ts')
    return exportLayout(workspace.store, root, { folder: dest, names })
  }
  const { writeArchive } = await import('../registry/store/archive.ts')
  await writeOut(dest, writeArchive(workspace.store, root, { names, docker: output.kind === 'docker' }), context)
}

/** image-spec v1.1, annotations.md: the tag, where there is one. */
function refNameOf(name: string): string {
  return parseReference(name).tag ?? name
}

/** The files of the image as one tar, or as a folder of the caller's; where platforms are split, those of each below `linux_amd64/` and the like. */
async function exportTrees(output: Output, dest: string, { result }: Built, workspace: Workspace, context: Context): Promise<void> {
  const { signal } = context
  const folderOf = (platform: Platform) => (output.platformSplit ? formatPlatform(platform).replaceAll('/', '_') : '')
  const trees = result.images.map(({ platform, layers, epoch }) => ({ layers, epoch, folder: folderOf(platform) }))
  const write = async <T>(of: typeof trees, use: (path: string) => Promise<T>) => {
    const temporary = await workspace.store.temporary()
    try {
      await writeTrees(of, temporary, signal, workspace.buildDeps)
      return await use(temporary)
    } finally {
      rmSync(temporary, { force: true })
    }
  }
  if (output.kind === 'tar') return await write(trees, (path) => writeOut(dest, createReadStream(path), context))
  makeFolders(dest)
  const { skipped } = await write(trees, (path) =>
    workspace.native.flatten({ blob: { path: bytesOfText(path), codec: 'none' }, target: bytesOfText(dest) }, signal),
  )
  if (skipped > 0) workspace.emit({ kind: 'warning', code: 'DEVICES_SKIPPED', message: `${skipped} device nodes were left out of ${dest}` })
}

/** To standard output, into a device or pipe that is at `dest` already, or to a file that is there whole or not at all. */
async function writeOut(dest: string, bytes: AsyncIterable<Uint8Array>, context: Context): Promise<void> {
  if (dest === '-') {
    for await (const chunk of bytes) await context.writeBytes(chunk)
    return
  }
  const { createWriteStream } = await import('node:fs')
  const { pipeline } = await import('node:stream/promises')
  const partial = `${dest}.tsbuild-${process.pid}`
  try {
    // A rename would put a file in the place of /dev/null, for everybody on the machine.
    if (await isDeviceOrPipe(dest)) return await pipeline(bytes, createWriteStream(dest, { flags: 'w' }), { signal: context.signal })
    await pipeline(bytes, createWriteStream(partial, { flags: 'wx' }), { signal: context.signal })
    await rename(partial, dest)
  } catch (cause) {
    rmSync(partial, { force: true })
    if (cause instanceof TsbuildError) throw cause // of the image, not of the file
    throw new TsbuildError('OUTPUT_WRITE', `cannot write ${dest}`, { cause })
  }
}

async function isDeviceOrPipe(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  })
  return found !== undefined && !found.isFile() && !found.isDirectory()
}
