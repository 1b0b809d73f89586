import { resolve } from 'node:path'
import type { BuildResult } from '../builder/build.ts'
import type { SharedContent } from '../builder/shared-cache/format.ts'
import type { CacheSource, Imported } from '../builder/shared-cache/import.ts'
import type { SharedMount } from '../builder/shared-cache/mounts.ts'
import type { RegistryCache, SharedDeps } from '../builder/shared-cache/registry.ts'
import type { Descriptor } from '../registry/oci/descriptor.ts'
import { hasCode } from '../registry/oci/error.ts'
import { asStep } from '../registry/oci/event.ts'
import type { Platform } from '../registry/oci/platform.ts'
import type { Reference } from '../registry/oci/reference.ts'
import type { CacheOrigin, CachePlace, CacheTarget } from './cache-flags.ts'
import type { Context } from './context.ts'
import type { Workspace } from './wire.ts'

/** What a shared cache is read and written with. */
interface Surroundings {
  readonly workspace: Workspace
  readonly context: Context
  /** Of the build: which images of an index an inline cache is read from. */
  readonly platforms: readonly Platform[]
}

/** `--cache-from`, to be read when the build begins. */
export function cacheSources(origins: readonly CacheOrigin[], surroundings: Surroundings): CacheSource[] {
  return origins.map((origin) => ({
    label: `--cache-from ${origin.text}`,
    read: (signal) => asStep(stepOf('import', origin, surroundings), () => readOrNothing(origin, surroundings, signal)),
  }))
}

/** A cache that is not there yet is one without steps: every first build has that. */
async function readOrNothing(origin: CacheOrigin, surroundings: Surroundings, signal: AbortSignal): ReturnType<CacheSource['read']> {
  try {
    return await readFrom(origin, surroundings, signal)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error
    surroundings.workspace.emit({ kind: 'note', message: `--cache-from ${origin.text}: nothing there yet` })
    return { steps: [], mounts: [] }
  }
}

async function readFrom(place: CacheOrigin, surroundings: Surroundings, signal: AbortSignal): ReturnType<CacheSource['read']> {
  const { workspace } = surroundings
  if (place.type === 'local') {
    const cache = await layoutCache(place, surroundings)
    return claimed(await cache.read(), (blob) => cache.claim(blob, workspace.store, signal))
  }
  const cache = await registryCache(place.reference, surroundings)
  const deps = await sharedDeps(stepOf('import', place, surroundings).id, surroundings, signal)
  return claimed(await cache.read(deps), (blob) => cache.claim(blob, deps))
}

function claimed({ steps, mounts }: SharedContent, claim: (blob: Descriptor) => Promise<void>): Imported {
  const all = async (layers: readonly { readonly blob: Descriptor }[]) => {
    for (const { blob } of layers) await claim(blob)
  }
  return {
    steps: steps.map((step) => ({ ...step, claim: () => claim(step.blob) })),
    mounts: mounts.map((mount) => ({ ...mount, claim: () => all(mount.chunks) })),
  }
}

/** `--cache-to`, once the build is done. Inline is in the image by now. Throws what stands in the way, unless it is to be ignored. */
export async function writeCaches(targets: readonly CacheTarget[], result: BuildResult, surroundings: Surroundings): Promise<void> {
  const { workspace, context } = surroundings
  for (const target of targets) {
    if (target.type === 'inline') continue
    try {
      await asStep(stepOf('export', target, surroundings), () => writeTo(target, result, surroundings))
    } catch (error) {
      context.signal.throwIfAborted()
      if (!target.ignoresErrors || !(error instanceof Error)) throw error
      workspace.emit({ kind: 'warning', code: 'CacheExport', message: `--cache-to ${target.text}: ${error.message}` })
    }
  }
}

async function writeTo(target: Exclude<CacheTarget, { type: 'inline' }>, result: BuildResult, surroundings: Surroundings): Promise<void> {
  const { workspace, context } = surroundings
  const { steps: all, cacheMounts } = await result.shared()
  const steps = target.mode === 'max' ? all : all.filter(({ isInImage }) => isInImage)
  const content = { steps, mounts: target.mounts ? await packMounts(cacheMounts, surroundings) : [] }
  if (content.steps.length === 0 && content.mounts.length === 0) return
  if (target.type === 'registry') {
    const cache = await registryCache(target.reference, surroundings)
    return cache.write(content, await sharedDeps(stepOf('export', target, surroundings).id, surroundings, context.signal))
  }
  await workspace.buildDeps.fetchAbsent(
    steps.map(({ blob }) => blob),
    context.signal,
  )
  await (await layoutCache(target, surroundings)).write(content, workspace.store, context.signal)
}

/** Those that are there, and that nobody else is using now. */
async function packMounts(names: readonly string[], { workspace, context }: Surroundings): Promise<SharedMount[]> {
  if (names.length === 0) return []
  const { packMount } = await import('../builder/shared-cache/mounts.ts')
  const packed: SharedMount[] = []
  for (const name of names) {
    const mount = await packMount(name, workspace.buildDeps, context.signal)
    if (mount !== undefined) packed.push(mount)
  }
  return packed
}

async function layoutCache({ folder, name }: CachePlace & { readonly type: 'local' }, { context }: Surroundings) {
  const { LayoutCache } = await import('../builder/shared-cache/layout.ts')
  return new LayoutCache(resolve(context.cwd, folder), name)
}

async function registryCache(reference: Reference, { platforms }: Surroundings): Promise<RegistryCache> {
  const { RegistryCache } = await import('../builder/shared-cache/registry.ts')
  return new RegistryCache(reference, platforms)
}

async function sharedDeps(step: string, { workspace }: Surroundings, signal: AbortSignal): Promise<SharedDeps> {
  return { client: await workspace.client(), store: workspace.store, emit: workspace.emit, step, signal }
}

function stepOf(verb: 'import' | 'export', { text }: { readonly text: string }, { workspace, context }: Surroundings) {
  return { id: `${verb} ${text}`, name: `[cache] ${verb} ${text}`, emit: workspace.emit, now: context.now }
}
