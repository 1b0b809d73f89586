import { createReadStream, mkdirSync, rmSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import type { BuildResult } from '../builder/build.ts'
import { writeTree } from '../builder/outputs.ts'
import { bytesOfText } from '../native/wire.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { asStep } from '../registry/oci/event.ts'
import { formatReference, parseReference, withDefaultTag } from '../registry/oci/reference.ts'
import type { Context } from './context.ts'
import type { Workspace } from './wire.ts'

type Kind = 'image' | 'registry' | 'oci' | 'docker' | 'local' | 'tar'

/** One `--output`. */
export interface Output {
  readonly kind: Kind
  /** File or folder; `-` is standard output. */
  readonly dest: string | undefined
  /** Full names that this output gives, besides --tag. */
  readonly names: readonly string[]
  readonly push: boolean
  /** oci, docker: a tar file, not a folder. */
  readonly tar: boolean
  readonly rewriteTimestamps: boolean
}

const KEYS: Record<Kind, readonly string[]> = {
  image: ['name', 'push', 'rewrite-timestamp', 'oci-mediatypes'],
  registry: ['name', 'rewrite-timestamp', 'oci-mediatypes'],
  oci: ['dest', 'name', 'tar', 'rewrite-timestamp', 'oci-mediatypes'],
  docker: ['dest', 'name', 'rewrite-timestamp'],
  local: ['dest'],
  tar: ['dest'],
}

/** Reads `-o` values as BuildKit does: `type=...,key=value`, or a folder alone (local), or `-` (tar). Without any the image is kept under its names. */
export function outputsOf(
  texts: readonly string[],
  { push, names }: { readonly push: boolean; readonly names: readonly string[] },
): Output[] {
  const outputs = texts.map(outputOf)
  if (push) outputs.push({ kind: 'registry', dest: undefined, names: [], push: true, tar: false, rewriteTimestamps: false })
  if (outputs.length === 0) outputs.push({ kind: 'image', dest: undefined, names: [], push: false, tar: false, rewriteTimestamps: false })
  for (const output of outputs) {
    if (output.push && names.length === 0 && output.names.length === 0)
      throw new TsbuildError('USAGE', 'a name is needed to push the image', { hint: 'add --tag registry/name' })
  }
  return outputs
}

function outputOf(text: string): Output {
  const fields = text.includes('=')
    ? new Map(text.split(',').map(pairOf))
    : new Map([
        ['type', text === '-' ? 'tar' : 'local'],
        ['dest', text],
      ])
  const kind = fields.get('type')
  if (kind === undefined || !(kind in KEYS))
    throw new TsbuildError('USAGE', `--output ${text}: type ${kind ?? 'is missing'}`, { hint: `one of ${Object.keys(KEYS).join(', ')}` })
  fields.delete('type')
  for (const [key, value] of fields) {
    if (!KEYS[kind as Kind].includes(key))
      throw new TsbuildError('USAGE', `--output ${text}: ${key} is not known for ${kind}`, {
        hint: `known: ${KEYS[kind as Kind].join(', ')}`,
      })
    if (key === 'oci-mediatypes' && value !== 'true') throw new TsbuildError('USAGE', `--output ${text}: only OCI media types are written`)
  }
  const dest = fields.get('dest')
  if (KEYS[kind as Kind].includes('dest') && (dest === undefined || dest === ''))
    throw new TsbuildError('USAGE', `--output ${text}: dest is missing`, { hint: `type=${kind},dest=PATH` })
  const names = (fields.get('name') ?? '').split(',').filter((name) => name !== '')
  return {
    kind: kind as Kind,
    dest,
    names: names.map((name) => formatReference(withDefaultTag(parseReference(name)))),
    push: kind === 'registry' || isTrue(fields.get('push')),
    tar: fields.get('tar') !== 'false',
    rewriteTimestamps: isTrue(fields.get('rewrite-timestamp')),
  }
}

function pairOf(field: string): [string, string] {
  const equals = field.indexOf('=')
  return equals < 0 ? [field, 'true'] : [field.slice(0, equals), field.slice(equals + 1)]
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1'
}

interface Built {
  readonly result: BuildResult
  /** Of --tag, in full. */
  readonly names: readonly string[]
  readonly epoch: number | undefined
}

/** Does what each output says: names first, so that nothing is pushed that is not kept. */
export async function carryOut(outputs: readonly Output[], built: Built, workspace: Workspace, context: Context): Promise<void> {
  const { manifest } = built.result
  const names = [
    ...new Set([
      ...built.names,
      ...outputs.filter((output) => output.kind === 'image' || output.kind === 'registry').flatMap((output) => output.names),
    ]),
  ]
  for (const name of names) await workspace.store.names.set(name, manifest)
  if (names.length > 0) await workspace.refreshIndex()
  for (const output of outputs) {
    if (output.push) await pushAll(output.names.length > 0 ? output.names : built.names, built, workspace, context)
    else if (output.kind !== 'image') await exportTo(output, built, workspace, context)
  }
}

async function pushAll(names: readonly string[], { result }: Built, workspace: Workspace, context: Context): Promise<void> {
  const { push } = await import('../registry/remote/push.ts')
  const { store, emit } = workspace
  for (const name of names) {
    await asStep({ id: name, name: `push ${name}`, emit, now: context.now }, async () => {
      await push(
        result.manifest,
        [parseReference(name)],
        { step: name, signal: context.signal },
        { client: await workspace.client(), store, emit },
      )
    })
  }
}

async function exportTo(output: Output, built: Built, workspace: Workspace, context: Context): Promise<void> {
  const dest = output.dest ?? '-'
  await asStep({ id: `export ${dest}`, name: `exporting to ${output.kind} ${dest}`, emit: workspace.emit, now: context.now }, async () => {
    switch (output.kind) {
      case 'oci':
      case 'docker':
        return output.tar ? exportArchive(output.kind, dest, built, workspace, context) : exportFolder(dest, output, built, workspace)
      case 'tar':
      case 'local':
        return exportTree(output.kind, dest, built, workspace, context)
      default:
        return
    }
  })
}

async function exportFolder(folder: string, output: Output, { result, names }: Built, workspace: Workspace): Promise<void> {
  const { exportLayout } = await import('../registry/store/layout-copy.ts')
  const [name] = [...output.names, ...names]
  await exportLayout(workspace.store, result.manifest, { folder, refName: refNameOf(name), imageName: name })
}

/** image-spec v1.1, annotations.md: the tag, where there is one. */
function refNameOf(name: string | undefined): string | undefined {
  return name === undefined ? undefined : (parseReference(name).tag ?? name)
}

async function exportArchive(
  kind: 'oci' | 'docker',
  dest: string,
  { result, names }: Built,
  workspace: Workspace,
  context: Context,
): Promise<void> {
  const { writeArchive } = await import('../registry/store/archive.ts')
  await writeOut(
    dest,
    writeArchive(workspace.store, result.manifest, { refName: refNameOf(names[0]), imageName: names[0], docker: kind === 'docker' }),
    context,
  )
}

/** The files of the image as one tar, or as a folder of the caller's. */
async function exportTree(
  kind: 'tar' | 'local',
  dest: string,
  { result, epoch }: Built,
  workspace: Workspace,
  context: Context,
): Promise<void> {
  const temporary = await workspace.store.temporary()
  await writeTree(result.layers, temporary, { epoch, signal: context.signal }, workspace.buildDeps)
  try {
    if (kind === 'tar') return await writeOut(dest, createReadStream(temporary), context)
    mkdirSync(dest, { recursive: true })
    const { skipped } = await workspace.native.flatten(
      { blob: { path: bytesOfText(temporary), codec: 'none' }, target: bytesOfText(dest) },
      context.signal,
    )
    if (skipped > 0)
      workspace.emit({ kind: 'warning', code: 'DEVICES_SKIPPED', message: `${skipped} device nodes were left out of ${dest}` })
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** To standard output, or to a file that is there whole or not at all. */
async function writeOut(dest: string, bytes: AsyncIterable<Uint8Array>, context: Context): Promise<void> {
  if (dest === '-') {
    for await (const chunk of bytes) await context.writeBytes(chunk)
    return
  }
  const { createWriteStream } = await import('node:fs')
  const { pipeline } = await import('node:stream/promises')
  const partial = `${dest}.tsbuild-${process.pid}`
  try {
    await pipeline(bytes, createWriteStream(partial, { flags: 'wx' }), { signal: context.signal })
    await rename(partial, dest)
  } catch (cause) {
    rmSync(partial, { force: true })
    throw new TsbuildError('OUTPUT_WRITE', `cannot write ${dest}`, { cause })
  }
}
